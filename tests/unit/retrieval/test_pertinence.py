"""A prompt holds nothing that is beside the point of the question."""

from uuid import uuid4

import pytest

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.pertinence import pertinent


def passage(text: str, *, document: str = "a.md", heading: str = "", cosine: float = 0.33) -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), document, heading, text, 0, len(text), 0.5, cosine=cosine)


LAMP = passage("The Lumen lamp has a warranty of five years.", heading="Lamp", cosine=0.9)
TOASTER = passage("The toaster must be cleaned every week.", document="toaster.md")


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty of the Lumen lamp?",
        "How long is the warranty?",
        "How many years of warranty does the lamp have?",
        "Tell me about the warranty",
    ],
)
def test_what_shares_no_word_with_the_question_is_left_out_beside_what_answers_it(question: str) -> None:
    assert pertinent([LAMP, TOASTER], question) == [LAMP]
    assert pertinent([TOASTER, LAMP], question) == [LAMP]


def test_the_nearest_by_meaning_stays_in_other_words() -> None:
    guarantee = passage("Five years of guarantee.", cosine=0.8)
    repair = passage("Warranty repairs are made on Mondays.", cosine=0.8)
    assert pertinent([repair, guarantee, TOASTER], "How long is the warranty?") == [repair, guarantee]


def test_a_question_in_other_words_than_any_passage_loses_none() -> None:
    assert pertinent([LAMP, TOASTER], "Wie lange gilt die Garantie?") == [LAMP, TOASTER]
    assert pertinent([LAMP, TOASTER], "???") == [LAMP, TOASTER]
    assert pertinent([], "How long?") == []


def test_a_passage_that_has_few_of_many_words_asked_drives_none_away() -> None:
    question = "Compare the lamp with the oven by price, weight, power and service."
    assert pertinent([LAMP, TOASTER], question) == [LAMP, TOASTER]


def test_a_document_that_is_named_in_the_question_stays() -> None:
    assert pertinent([LAMP, TOASTER], "Does the toaster have a warranty like the lamp?") == [LAMP, TOASTER]
