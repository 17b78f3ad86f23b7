"""An entry of a FAQ answers as it was written, where it plainly is the answer."""

from uuid import uuid4

import pytest

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.support.entries import Entries

BERTHS = "# How do I book a berth?\n\nWrite to the harbour office. A berth costs 40 euros a night.\n\nDogs are welcome."
LATE = "# What if I come late?\n\nThe night watch lets you in until 23:00."


def entry(text: str, *, score: float = 0.3, cosine: float | None = 0.4) -> Passage:
    """Return a passage below its own heading."""
    heading = text.splitlines()[0].lstrip("# ")
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "faq.md", heading, text, 0, len(text), score, cosine=cosine)


def told(question: str, *passages: Passage, near: dict[str, float], is_read_well: bool = False) -> str | None:
    """Return the words of the entry that answers."""
    found = Entries(question, passages).extract(near, is_read_well=is_read_well)
    if found is None:
        return None
    assert passages[found.passage].text[found.start : found.end] == found.text
    return found.text


def test_an_entry_answers_whole_and_without_its_heading() -> None:
    said = told("How can I get a place for my boat?", entry(BERTHS), near={"How do I book a berth?": 0.6})
    assert said == "Write to the harbour office. A berth costs 40 euros a night.\n\nDogs are welcome."


def test_a_question_for_a_fact_gets_the_paragraph_that_states_it() -> None:
    fact = "How do I book a berth?: A berth costs 40 euros a night."
    passage = entry(BERTHS)
    question = "What does a berth cost?"
    assert fact in Entries(question, (passage,)).worth_comparing()
    said = told(question, passage, near={"How do I book a berth?": 0.5, fact: 0.7})
    assert said == "Write to the harbour office. A berth costs 40 euros a night."


def test_of_two_entries_the_one_answers_whose_heading_is_nearer_though_its_words_fit_less() -> None:
    near = {"How do I book a berth?": 0.1, "What if I come late?": 0.6}
    said = told("How do I get in at night?", entry(BERTHS), entry(LATE, score=0.1), near=near)
    assert said == "The night watch lets you in until 23:00."


@pytest.mark.parametrize(
    ("score", "cosine", "heading", "is_plain"),
    [
        (0.015, 0.1, 0.1, True),
        (0.014, 0.1, 0.1, False),
        (0.01, 0.4, 0.31, True),
        (0.01, 0.4, 0.29, False),
        (0.01, None, 0.5, True),
    ],
)
def test_an_entry_is_plain_by_its_score_or_by_its_meaning(
    score: float, cosine: float | None, heading: float, *, is_plain: bool
) -> None:
    said = told("How so?", entry(LATE, score=score, cosine=cosine), near={"What if I come late?": heading})
    assert (said is not None) is is_plain


def test_a_model_that_reads_well_leaves_to_an_entry_only_the_question_above_it() -> None:
    passage, question = entry(LATE, score=0.5), "How so?"
    assert told(question, passage, near={"What if I come late?": 0.49}, is_read_well=True) is None
    assert told(question, passage, near={"What if I come late?": 0.5}, is_read_well=True) is not None


def test_where_meaning_is_unknown_nothing_is_plain() -> None:
    assert told("What if I come late?", entry(LATE, score=0.9), near={}) is None


def test_what_stands_below_no_heading_or_is_too_long_is_no_entry() -> None:
    bare = Passage(ChunkId(uuid4()), DocumentId(uuid4()), "faq.md", "", "It opens at 8.", 0, 14, 0.9)
    assert told("How so?", bare, near={"": 0.9}) is None
    assert told("How so?", entry(LATE + " On." * 400), near={"What if I come late?": 0.9}) is None


def test_of_all_entries_the_nearest_answers_a_question_that_no_search_found_one_for() -> None:
    every = [entry(one, score=1.0, cosine=None) for one in (BERTHS, LATE)]
    question = "Am I shut out after dark?"
    assert set(Entries(question, every).worth_comparing()) == {
        "How do I book a berth?",
        BERTHS,
        LATE,
        "What if I come late?",
    }
    near = {"How do I book a berth?": 0.2, BERTHS: 0.1, "What if I come late?": 0.2, LATE: 0.2}
    assert told(question, *every, near=near) == "The night watch lets you in until 23:00."
    assert told(question, *every, near=near | {LATE: 0.19}) is None
    assert told(question, *every, near=near, is_read_well=True) is None
