"""The evaluation questions agree with the handbook, and answers are judged by whole words."""

from collections import Counter

import pytest

from app.inference.routing.complexity import rate
from app.inference.words.tiers import Tier
from ops.verify.questions import Question, cites, has_facts, is_refusal, is_verbatim, read_questions
from ops.verify.stack import handbook

QUESTIONS = read_questions()
TEXTS = {"a.md": "First line.\nThe tank holds 72 litres.\n"}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_is_rated_as_its_tier_says(question: Question) -> None:
    assert rate(question.ask, turns=0, session_tier=None).tier is question.tier


def test_every_tier_has_eight_questions_with_an_answer_and_four_have_none() -> None:
    answerable = Counter(question.tier for question in QUESTIONS if question.is_answerable)
    assert answerable == dict.fromkeys(Tier, 8)
    assert sum(not question.is_answerable for question in QUESTIONS) == 4
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)


# The facts of complex questions are concluded or calculated: the handbook need not say them.
PLAIN = [question for question in QUESTIONS if question.is_answerable and question.tier is not Tier.COMPLEX]


@pytest.mark.parametrize("question", PLAIN, ids=lambda question: question.id)
def test_the_facts_asked_for_stand_in_the_named_document(question: Question) -> None:
    assert has_facts("\n".join(handbook()[name] for name in question.documents), question.facts)


def test_every_named_document_is_in_the_handbook() -> None:
    assert {name for question in QUESTIONS for name in question.documents} <= set(handbook())


@pytest.mark.parametrize(
    ("text", "fact", "is_there"),
    [
        ("It costs 15 euros.", "15", True),
        ("It costs 150 euros.", "15", False),
        ("It costs 1.15 euros.", "15", False),
        ("It costs 15.", "15", True),
        ("It costs 15,000 euros.", "15", False),
        ("the CLEAN\n water is low", "clean water", True),
        ("60% of it", "60%", True),
        ("Support it", "Port", False),
    ],
)
def test_a_fact_is_found_as_whole_words(text: str, fact: str, *, is_there: bool) -> None:
    assert has_facts(text, [[fact]]) is is_there


def test_an_answer_needs_one_wording_of_every_group() -> None:
    facts = [["two", "2"], ["half"]]
    assert has_facts("2 months, after half of the time", facts)
    assert not has_facts("2 months", facts)


def test_admitting_not_to_know_is_recognised() -> None:
    assert is_refusal("I'm sorry, the passages do\nnot mention a branch in Warsaw.")
    assert not is_refusal("The branch is at 1 Main Street.")


@pytest.mark.parametrize(
    ("quote", "start", "is_exact"),
    [
        ("The tank holds 72 litres.", 12, True),
        ("The tank holds 73 litres.", 12, False),
        ("First line.", 12, False),
        ("", 0, False),
    ],
)
def test_a_quote_stands_where_its_citation_says(quote: str, start: int, *, is_exact: bool) -> None:
    citation = {"document": "a.md", "quote": quote, "start_offset": start, "end_offset": 38}
    assert is_verbatim(citation, TEXTS) is is_exact


def test_a_quote_of_an_unknown_document_is_not_verbatim() -> None:
    assert not is_verbatim({"document": "b.md", "quote": "x", "start_offset": 0, "end_offset": 9}, TEXTS)


def test_every_right_document_must_be_cited() -> None:
    assert cites([{"document": "a.md"}, {"document": "b.md"}], ["a.md"])
    assert not cites([{"document": "b.md"}], ["a.md"])
