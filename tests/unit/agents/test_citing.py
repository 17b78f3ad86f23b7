"""An answer is cited to the passages that support it, in their words."""

from uuid import uuid4

import msgspec
import pytest

from app.agents.citing import back, cite
from app.ids import ChunkId, DocumentId
from app.retrieval.search import Passage


def passage(text: str, heading: str = "") -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", heading, text, 0, len(text), 0.5)


QUESTION = "How many litres does the clean-water tank hold?"
TANKS = passage("The clean-water tank holds 68 litres and the dirty-water tank holds 72 litres.")
RINSING = passage("Rinse the tank with 5 litres of clean water afterwards.")
WEIGHT = passage("The robot weighs 148 kg empty. It is 76 cm wide.")


def test_a_passage_that_only_shares_words_with_the_question_is_not_cited() -> None:
    cited = cite((RINSING, TANKS), QUESTION, "The clean-water tank holds 68 litres.")
    assert [(citation.document_id, citation.quote) for citation in cited] == [(TANKS.document_id, TANKS.text)]


def test_each_passage_that_adds_to_the_answer_is_cited_in_the_order_found() -> None:
    cited = cite((WEIGHT, RINSING, TANKS), QUESTION, "It holds 68 litres and weighs 148 kg.")
    assert [citation.document_id for citation in cited] == [WEIGHT.document_id, TANKS.document_id]


def test_a_second_passage_with_the_same_words_adds_nothing() -> None:
    again = passage("As said before, the tank holds 68 litres.")
    assert [citation.document_id for citation in cite((TANKS, again), QUESTION, "68 litres.")] == [TANKS.document_id]


def test_numbers_of_list_items_support_nothing() -> None:
    answer = "1. Wash the squeegee.\n2. Dry the squeegee.\n5. Rest."
    washing = passage("Wash and dry the squeegee.")
    assert [citation.document_id for citation in cite((RINSING, washing), "And then?", answer)] == [washing.document_id]


def test_an_answer_in_the_words_of_the_question_is_cited_by_those() -> None:
    cited = cite((WEIGHT, TANKS), QUESTION, "The clean-water tank holds many litres.")
    assert [citation.document_id for citation in cited] == [TANKS.document_id]


LAMP = passage("The Lumen lamp has a warranty of five years.", "Lamp")
TOASTER = passage("The toaster has five slots and lasts for two years.")
WARRANTY = "How long is the warranty of the Lumen lamp?"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (WARRANTY, "Unknown."),
        (WARRANTY, "The Lumen lamp was drawn in Helsinki by Aino Saarinen, and sold to Japan, Brazil and Norway."),
        (WARRANTY, "I do not know how long the warranty of the Lumen lamp is."),
        (WARRANTY, "I don\u2019t know. The Lumen lamp is a lamp."),
        (WARRANTY, "The passages do not mention the warranty of the Lumen lamp."),
        ("May I return a lamp?", "A lamp is a gift."),
        ("Is a lamp heavy?", "Lamps shine."),
        ("What is the capital of France?", "The capital of France is Paris."),
        ("Who wrote Hamlet?", "Hamlet was written by William Shakespeare, an English playwright."),
        ("How does photosynthesis work?", "Plants convert light, water and carbon dioxide into glucose, for years."),
        ("Where is the branch in Warsaw?", "The branch in Warsaw is at 1000 Lamp Street, Poland."),
        ("台灯的保修期是多久?", "法国的首都是巴黎。"),
    ],
)
def test_an_answer_that_no_passage_supports_names_none(question: str, answer: str) -> None:
    assert cite((LAMP, WEIGHT, TANKS), question, answer) == ()
    assert cite((), question, answer) == ()


@pytest.mark.parametrize(
    ("answer", "supported"),
    [
        ("The Lumen lamp has a warranty of five years.", ["yes"]),
        ("The Lumen lamp has a warranty of nine years.", ["no"]),
        ("The Lumen lamp has a splendid warranty.", ["unsure"]),
    ],
)
def test_a_citation_says_whether_it_supports_the_answer(answer: str, supported: list[str]) -> None:
    citations, sentences = back((TOASTER, LAMP), WARRANTY, answer)
    assert [one.supported.value for one in citations] == supported
    assert [(answer[one.start : one.end], one.supported.value) for one in sentences] == [(answer, *supported)]
    assert [one.document_id for one in sentences] == [LAMP.document_id]
    assert [(one.start_offset, one.end_offset) for one in sentences] == [(0, len(LAMP.text))]


def test_of_an_answer_with_one_supported_sentence_only_that_one_names_its_source() -> None:
    answer = "Bees fly south. The Lumen lamp has a warranty of five years. Rivers freeze."
    citations, sentences = back((TOASTER, LAMP), WARRANTY, answer)
    assert [one.document_id for one in citations] == [LAMP.document_id]
    assert [(answer[one.start : one.end], one.supported.value) for one in sentences] == [
        ("Bees fly south.", "no"),
        ("The Lumen lamp has a warranty of five years.", "yes"),
        ("Rivers freeze.", "no"),
    ]


@pytest.mark.parametrize("answer", ["The Lumen lamp has a warranty of five years.", "Five years.", "5 years"])
def test_a_fact_remembered_from_a_document_that_is_gone_names_no_other(answer: str) -> None:
    assert cite((TOASTER, WEIGHT), WARRANTY, answer) == ()
    assert [citation.quote for citation in cite((TOASTER, LAMP), WARRANTY, answer)] == [LAMP.text]


def test_a_wrong_number_in_the_words_of_the_right_passage_names_it_so_that_it_can_be_checked() -> None:
    cited = cite((TOASTER, LAMP), WARRANTY, "The Lumen lamp has a 10-year warranty.")
    assert [citation.quote for citation in cited] == [LAMP.text]


def test_an_answer_in_other_words_than_the_question_is_named_by_its_number() -> None:
    price = passage("The price of the Crumb model is 40 euros.")
    assert [one.quote for one in cite((price,), "What do I pay for it?", "It costs 40 euros.")] == [price.text]
    assert cite((price,), "What do I pay for it?", "It costs a lot of euros.") == ()


def test_an_answer_whose_number_is_wrong_still_names_what_it_is_about_not_what_shares_its_filler() -> None:
    dock = passage("| dock D2 | 1,950 euros |", "Prices")
    cost = passage("One hour of service costs 90 euros per robot.", "Service")
    cited = cite((cost, dock), "What is the price of a dock D2?", "The price of a dock D2 is 19 euros.")
    assert [citation.document_id for citation in cited] == [dock.document_id]


def test_a_number_is_the_same_however_it_is_grouped() -> None:
    phone = passage("Call support at 5550 1400.")
    cited = cite((phone,), "What is the phone number of support?", "It is 555-014-00.")
    assert [citation.quote for citation in cited] == [phone.text]


def test_a_passage_that_the_answer_marks_is_named_and_no_other() -> None:
    again = passage("As said before, the clean-water tank holds 68 litres.")
    for marker, expected in (("[2]", again), ("[1]", TANKS), ("[7]", TANKS)):
        cited = cite((TANKS, again), QUESTION, f"The clean-water tank holds 68 litres {marker}.")
        assert [citation.document_id for citation in cited] == [expected.document_id]


def test_words_that_the_answer_quotes_are_named() -> None:
    long = passage("Before the season, rinse the tank with clean water. It keeps seals soft.")
    answer = 'The manual says "rinse the tank with clean water" among a great many other things one could do each day.'
    assert [one.document_id for one in cite((TANKS, long), "What about the tank?", answer)] == [long.document_id]


def test_an_answer_without_blanks_between_words_is_named() -> None:
    lamp, robot = passage("流明台灯的保修期为五年。"), passage("机器人夜间清洁地板。")
    cited = cite((robot, lamp), "台灯的保修期是多久?", "保修期为五年。")
    assert [citation.document_id for citation in cited] == [lamp.document_id]


def test_a_text_that_stands_in_several_documents_is_named_with_all_of_them() -> None:
    twice = msgspec.structs.replace(LAMP, also=("b.md", "c.md"))
    (cited,) = cite((twice,), WARRANTY, "Five years.")
    assert (cited.document, cited.also) == ("a.md", ("b.md", "c.md"))
