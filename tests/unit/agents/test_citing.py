"""An answer is cited to the passages that support it, in their words."""

from uuid import uuid4

from app.agents.citing import cite
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


def test_an_answer_with_no_word_of_any_passage_is_cited_to_all_of_them() -> None:
    assert len(cite((WEIGHT, TANKS), QUESTION, "Unknown.")) == 2
    assert cite((), QUESTION, "Unknown.") == ()
