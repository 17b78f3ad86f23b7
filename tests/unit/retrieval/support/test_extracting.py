"""Words of a passage answer a plain question by themselves, or none do."""

from uuid import uuid4

import pytest

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.support.asked import read_question
from app.retrieval.support.extracting import Extracting, extract, speaks_to
from app.retrieval.support.fitting import COMPARED


def passage(text: str, heading: str = "", document: str = "a.md") -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), document, heading, text, 0, len(text), 0.5)


PASSAGES = (
    passage("Ferries leave from pier 4. The ferry to Visby leaves at 09:15 and takes 3 hours. A cabin costs 40 euros."),
    passage(
        "| fare | price | luggage |\n| --- | --- | --- |\n| adult | 31 euros | 20 kg |\n| child | 12 euros | 10 kg |",
        "Fares",
    ),
    passage("item,code,fee\nbicycle,F-10,11 euros\ncar,F-20,85 euros", document="extras.csv"),
    passage("## Missed ferry\n\nGo to the desk.\nShow the ticket; it holds for the next ferry.", "Missed ferry"),
    passage("Write to desk@ferries.example or call +46 555 0100 22."),
)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How long does the ferry to Visby take?", "The ferry to Visby leaves at 09:15 and takes 3 hours."),
        ("What does a cabin cost?", "A cabin costs 40 euros."),
        ("What is the price for an adult?", "adult: price: 31 euros."),
        ("What is the fee for a bicycle?", "bicycle: fee: 11 euros."),
        ("What does F-20 mean?", "car"),
        ("Where should a mail to the desk be sent?", "Write to desk@ferries.example"),
        ("I have missed the ferry. How do I go on?", "Go to the desk."),
        ("What should I do about a missed ferry?", "Go to the desk.\nShow the ticket; it holds for the next ferry."),
    ],
)
def test_a_sentence_a_cell_or_a_section_answers(question: str, text: str) -> None:
    found = extract(question, PASSAGES)
    assert found is not None
    assert found.text.startswith(text)
    words = PASSAGES[found.passage].text[found.start : found.end]
    assert words.strip() == words != ""


@pytest.mark.parametrize(
    "question",
    [
        "What does the ferry to Visby cost?",
        "How long does a cabin take?",
        "Who owns the ferry to Visby?",
        "What does a dog cost?",
        "How many decks does the ferry to Visby have?",
        "What is the fee for a lorry?",
        "How many cabins does the ferry to Visby have?",
    ],
)
def test_where_no_words_answer_surely_none_are_extracted(question: str) -> None:
    assert extract(question, PASSAGES) is None


def test_of_no_passages_nothing_is_extracted() -> None:
    assert extract("What does a cabin cost?", ()) is None


VOLUMES = passage(
    "Rinse the drum with 3 litres. Fill the small drum behind the flap, not the tank. The drum holds 5 litres."
)
REST = passage("Guests sleep in bunks. The bar shuts at 23:30. The sauna is never closed.", "Evenings")


def test_of_two_that_hold_as_many_words_the_one_that_is_nearer_by_meaning_answers() -> None:
    reading = Extracting("How much does the small drum hold?", (VOLUMES,))
    near = {text: 0.8 if "holds" in text else 0.4 for text in reading.worth_comparing()}
    found = reading.extract(near)
    assert found is not None
    assert found.text == "The drum holds 5 litres."


def test_other_words_answer_where_their_meaning_is_near() -> None:
    reading = Extracting("At what time does the bar close?", (REST,))
    (text,) = reading.worth_comparing()
    assert text == "Evenings: The bar shuts at 23:30."
    found = reading.extract({text: 0.7})
    assert found is not None
    assert (found.text, found.share) == ("The bar shuts at 23:30.", pytest.approx(1.2, abs=0.2))


def test_a_statement_of_the_words_that_means_something_else_does_not_answer() -> None:
    reading = Extracting("When is the bar shut?", (REST,))
    (text,) = reading.worth_comparing()
    assert reading.extract({text: 0.28}) is None
    assert reading.extract({text: 0.4}) is not None


def test_what_is_near_and_shares_no_word_does_not_answer() -> None:
    reading = Extracting("How many berths are there?", (passage("Twelve bunks are made."),))
    assert reading.extract({"Twelve bunks are made.": 0.9}) is None


def test_a_bounded_number_of_texts_is_compared_those_of_most_words_first() -> None:
    many = passage(
        " ".join(f"Ferry {n} of line {n} leaves at 10:{n}." for n in range(10, 50)) + " The night ferry is red."
    )
    texts = Extracting("Is the night ferry red?", (many,)).worth_comparing()
    assert len(texts) == COMPARED
    assert texts[0] == "The night ferry is red."


@pytest.mark.parametrize(
    ("sentence", "speaks"),
    [
        ("A cabin costs 40 euros.", True),
        ("A berth costs 40 euros.", False),
        ("A cabin has 40 lamps.", False),
    ],
)
def test_an_answer_begins_with_what_was_asked_for(sentence: str, speaks: bool) -> None:  # noqa: FBT001
    assert speaks_to(read_question("What does a cabin cost?"), sentence) is speaks
    assert speaks_to(read_question("Explain the fares."), sentence)


def test_what_fits_nearly_as_well_is_quoted_too_and_what_fits_worse_is_not() -> None:
    passages = (passage("Blue paint is for walls. White paint is for doors. The shop has paint for 9 euros."),)
    reading = Extracting("Which paint is for a wooden door?", passages)
    nearness = {
        "Blue paint is for walls.": 0.8,
        "White paint is for doors.": 0.78,
        "The shop has paint for 9 euros.": 0.3,
    }
    near = {text: next(value for said, value in nearness.items() if said in text) for text in reading.worth_comparing()}
    told = [one.text for one in reading.extracts(near)]
    assert "White paint is for doors." in told
    assert "The shop has paint for 9 euros." not in told


def test_what_is_asked_of_each_thing_is_told_of_every_row() -> None:
    table = "| plan | price |\n| --- | --- |\n| Oak | 4 euros |\n| Elm | 6 euros |\n"
    told = [one.text for one in Extracting("What is the price of each plan?", (passage(table),)).extracts()]
    assert told == ["Oak: price: 4 euros.", "Elm: price: 6 euros."]


def test_who_may_do_something_is_told_by_a_rule_and_not_by_a_name() -> None:
    text = "Ada Byron drew the harbour map. Only a pilot may draw a map."
    told = [one.text for one in Extracting("Who may draw a map?", (passage(text),)).extracts()]
    assert told == ["Only a pilot may draw a map."]


def test_what_was_said_before_a_question_counts_where_it_stands_and_costs_nothing_where_it_does_not() -> None:
    found = (passage("A new pump costs 90 euros. A new hose costs 20 euros."),)
    near = dict.fromkeys(Extracting("What does a new one cost?", found).worth_comparing(), 0.5)
    (best,) = Extracting("What does a new one cost?", found, "The blue hose leaks.").extracts(near)
    assert best.text == "A new hose costs 20 euros."
