"""The evaluation questions agree with the handbook, and answers are judged by whole words."""

from collections import Counter

import pytest

from app.inference.routing.complexity import rate
from app.inference.words.tiers import Tier
from ops.verify.questions import (
    LIBRARY_QUESTIONS,
    Half,
    Question,
    cites,
    has_facts,
    is_refusal,
    is_verbatim,
    paraphrased,
    read_pairs,
    read_questions,
)
from ops.verify.stack import HANDBOOK, LIBRARY, handbook

QUESTIONS = read_questions()
LIBRARY_QUESTIONS_READ = read_questions(LIBRARY_QUESTIONS)
TEXTS = {"a.md": "First line.\nThe tank holds 72 litres.\n"}


@pytest.mark.parametrize("question", QUESTIONS + LIBRARY_QUESTIONS_READ, ids=lambda question: question.id)
def test_a_question_is_rated_as_its_tier_says(question: Question) -> None:
    assert rate(question.ask, turns=0, session_tier=None).tier is question.tier


def test_every_tier_has_eight_questions_with_an_answer_and_four_have_none() -> None:
    answerable = Counter(question.tier for question in QUESTIONS if question.is_answerable)
    assert answerable == dict.fromkeys(Tier, 8)
    assert sum(not question.is_answerable for question in QUESTIONS) == 4
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)


def test_a_third_of_each_half_of_the_library_questions_has_no_answer_and_no_document_is_in_both_halves() -> None:
    halves = {half: [one for one in LIBRARY_QUESTIONS_READ if one.half is half] for half in Half}
    assert len(LIBRARY_QUESTIONS_READ) >= 60
    assert len({one.id for one in QUESTIONS + LIBRARY_QUESTIONS_READ}) == len(QUESTIONS) + len(LIBRARY_QUESTIONS_READ)
    for half in halves.values():
        assert sum(not one.is_answerable for one in half) == 12
        assert len(half) in {37, 38}
    named = [{name for one in half for name in one.documents} for half in halves.values()]
    assert named[0].isdisjoint(named[1])


def test_a_paraphrase_is_a_question_of_its_own_with_the_same_facts() -> None:
    (first, *_) = LIBRARY_QUESTIONS_READ
    (said,) = paraphrased([first])
    assert (said.id, said.ask, said.facts) == (f"{first.id}/1", first.paraphrases[0], first.facts)
    assert said.paraphrases == ()


def test_there_are_a_hundred_sentences_that_their_passage_does_not_support() -> None:
    pairs = read_pairs()
    assert 5 * len(pairs) >= 100
    assert {pair.half for pair in pairs} == set(Half)


# The facts of complex questions are concluded or calculated: the handbook need not say them.
PLAIN = [question for question in QUESTIONS if question.is_answerable and question.tier is not Tier.COMPLEX]


@pytest.mark.parametrize("question", PLAIN, ids=lambda question: question.id)
def test_the_facts_asked_for_stand_in_the_named_document(question: Question) -> None:
    assert has_facts("\n".join(handbook()[name] for name in question.documents), question.facts)


@pytest.mark.parametrize(
    "question", [one for one in LIBRARY_QUESTIONS_READ if one.is_answerable], ids=lambda one: one.id
)
def test_the_facts_of_the_library_stand_in_each_named_document(question: Question) -> None:
    for name in question.documents:
        path = next(path for path in (HANDBOOK / name, LIBRARY / name) if path.is_file())
        text = path.read_text(encoding="utf-8").replace("<", " <").replace(">", "> ").replace(",", ", ")
        assert has_facts(text, question.facts) or has_facts(path.read_text(encoding="utf-8"), question.facts)


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
