"""A tenant's policies in a prompt: from the first on, as many as fit, and the same bytes for every question."""

from uuid import UUID

from app.agents.assistant.policies import fitting
from app.agents.calling import messages_of
from app.agents.numbering import number
from app.ids import ChunkId, DocumentId
from app.inference.routing.prefixes import marks_of
from app.retrieval.passages import Passage


def passage(n: int, words: int = 20) -> Passage:
    return Passage(ChunkId(UUID(int=n)), DocumentId(UUID(int=9)), "rules.md", "Rules", "word " * words, 0, 1, 1.0)


def test_policies_that_do_not_fit_are_cut_after_the_last_that_does() -> None:
    three = (passage(1), passage(2, words=2000), passage(3))
    assert fitting(three, 100).passages == three[:1]
    assert not fitting(three, 100).is_whole
    assert fitting(three[:1], 100).is_whole
    assert fitting((), 100).is_whole


def test_two_questions_with_the_same_policies_have_most_of_their_prompt_in_common() -> None:
    system = f"Rules:\n\n{number(tuple(passage(n, words=60) for n in range(10)))}\n\nAnswer."
    one, other = (marks_of(messages_of(system, (), question)) for question in ("May I smoke?", "Who pays for trips?"))
    shared = {mark.digest for mark in one} & {mark.digest for mark in other}
    assert max(mark.share for mark in one if mark.digest in shared) > 0.98
