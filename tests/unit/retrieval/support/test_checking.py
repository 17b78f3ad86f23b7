"""Each sentence of an answer is held against the passages: numbers, names, denials, words."""

from collections import Counter
from uuid import uuid4

import pytest

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.support.checking import Check, Checker
from app.retrieval.support.verdicts import Lack, Supported
from ops.verify.questions import Pair, read_pairs


def passage(text: str, heading: str = "", document: str = "a.md") -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), document, heading, text, 0, len(text), 0.5)


TANKS = passage("The clean-water tank holds 68 litres and the dirty-water tank holds 72 litres. It never overflows.")
PRICES = passage(
    "| part | price |\n| --- | --- |\n| dock D2 | 1,950 euros |\n| side bumper | 145 euros |", "Spare parts"
)
RULES = passage("Lamps that were not used can be returned within 45 days. Lamps made to order cannot be returned.")


def check(sentence: str, *passages: Passage, question: str = "") -> Check:
    found = Checker(passages or (TANKS, PRICES, RULES), question).sentence(sentence)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "sentence",
    [
        "The dirty-water tank holds 72 litres.",
        "The dirty-water tank holds seventy-two liters.",
        "The clean-water tank holds 68,000 ml.",
        "The dock D2 costs 1950 euros.",
        "The dock D2 costs €1,950.",
        "Unused lamps can be returned within 45 days.",
        "Lamps made to order cannot be returned.",
    ],
)
def test_what_a_passage_says_is_supported_however_it_is_written(sentence: str) -> None:
    assert (check(sentence).supported, check(sentence).lack) == (Supported.YES, None)


@pytest.mark.parametrize(
    ("sentence", "lack"),
    [
        ("The dirty-water tank holds 27 litres.", Lack.NUMBER),
        ("The dirty-water tank holds 72 gallons.", Lack.NUMBER),
        ("The clean-water tank holds 72 litres.", Lack.MATCH),
        ("The dock D2 costs 145 euros.", Lack.MATCH),
        ("The dock D9 costs 1,950 euros.", Lack.NAME),
        ("The dirty-water tank of Warsaw holds 72 litres.", Lack.NAME),
        ("Lamps made to order can be returned.", Lack.DENIAL),
        ("The dirty-water tank does not hold 72 litres.", Lack.DENIAL),
        ("Bees fly south with singing friends.", Lack.WORDS),
        ("A lamp is a gift.", Lack.WORDS),
    ],
)
def test_what_differs_in_one_thing_is_not_supported_and_the_thing_is_named(sentence: str, lack: Lack) -> None:
    assert (check(sentence).supported, check(sentence).lack) == (Supported.NO, lack)


def test_a_sentence_of_which_a_word_is_nowhere_is_not_sure() -> None:
    assert check("The dirty-water tank quickly holds 72 litres.").supported is Supported.UNSURE


def test_a_bare_answer_is_read_with_its_question() -> None:
    asked = "How much does the dirty-water tank hold?"
    assert check("72 litres.", question=asked).supported is Supported.YES
    assert check("68 litres.", question=asked).lack is Lack.MATCH


def test_the_evidence_is_the_sentence_or_the_row() -> None:
    found = check("The side bumper costs 145 euros.")
    assert found.passage == 1
    assert PRICES.text[found.evidence_start : found.evidence_end] == "| side bumper | 145 euros |"


def test_a_row_of_separated_values_is_read_with_the_names_of_its_columns() -> None:
    table = passage("item,code,deposit\ntandem,B-50,150 euros\ntrailer,A-02,60 euros", document="hire.csv")
    assert check("The deposit for a tandem is 150 euros.", table).supported is Supported.YES
    assert check("The deposit for a tandem is 60 euros.", table).lack is Lack.MATCH


def test_what_claims_nothing_is_not_checked_and_offsets_are_those_of_the_answer() -> None:
    answer = "It is so.\n1. The dirty-water tank holds 72 litres.\n- The dock D2 costs 9 euros."
    checks = Checker((TANKS, PRICES), "").check(answer)
    assert [answer[one.start : one.end] for one in checks] == [
        "1. The dirty-water tank holds 72 litres.",
        "- The dock D2 costs 9 euros.",
    ]
    assert [one.supported for one in checks] == [Supported.YES, Supported.NO]


def verdicts(pairs: list[Pair], what: str) -> Counter[Supported]:
    found = Counter[Supported]()
    for pair in pairs:
        sentences = pair.supported if what == "supported" else (getattr(pair, what),)
        found.update(check(sentence, passage(pair.passage)).supported for sentence in sentences)
    return found


@pytest.mark.parametrize("what", ["number", "name", "negated", "unit", "unrelated"])
def test_of_24_sentences_that_are_wrong_in_one_way_one_at_most_is_taken_for_supported(what: str) -> None:
    found = verdicts(read_pairs(), what)
    assert found.total() == 24
    assert found[Supported.YES] <= 1
    assert found[Supported.NO] >= 16


def test_of_what_passages_say_next_to_nothing_is_refused() -> None:
    found = verdicts(read_pairs(), "supported")
    assert found[Supported.YES] >= 0.9 * found.total()
    assert found[Supported.NO] == 0


def test_a_number_of_one_document_says_nothing_of_what_only_another_one_speaks_of() -> None:
    robot, bicycle = (
        passage("The robot weighs 148 kg empty."),
        passage("The city bicycle has a basket.", document="b.md"),
    )
    assert check("The robot weighs 148 kg empty.", robot, bicycle).supported is Supported.YES
    assert check("The city bicycle weighs 148 kg empty.", robot, bicycle).supported is Supported.UNSURE
