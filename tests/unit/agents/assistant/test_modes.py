"""Which questions choose which mode: by sure words, by the caller, by exemplars; and what abstains."""

import pytest

from app.agents.assistant.exemplars import AHEAD, EXEMPLARS, LIKE, by_exemplar
from app.agents.assistant.modes import Mode, ModeBy, Way, by_caller, by_rule, is_complex
from app.agents.likening import Likeness
from app.errors import BadInput

SURE = {
    Mode.GUIDE: (
        "What can you help me with?",
        "Who are you?",
        "how does this assistant work",
        "What file types can you read?",
        "Where do your answers come from?",
        "help",
    ),
    Mode.DIRECT: (
        "Hello!",
        "Thank you so much",
        "Write me a short poem about rain",
        "Please translate: the cat sleeps",
        "What is 12 * 7?",
    ),
    Mode.CACHED_CONTEXT: (
        "What is the policy on visitors?",
        "Am I allowed to smoke on the roof?",
        "Which rules for the workshop are there?",
    ),
    Mode.HYBRID: (
        "Compare the small pump with the large one",
        "What does the pump cost? And how long does delivery take?",
        "What is the policy on returns? How long is the warranty then?",
    ),
    Mode.RAG: (
        "How much water does the tank hold?",
        "Who signed the lease in 2021?",
        "What can the L-200 do?",
        "What is RAG?",
        "How long is the warranty?",
        "May I bring a bike inside?",
        "Translate the second page of the contract",
    ),
}


@pytest.mark.parametrize(("mode", "question"), [(mode, one) for mode, asked in SURE.items() for one in asked])
def test_sure_words_choose_the_mode_without_a_call(mode: Mode, question: str) -> None:
    way = by_rule(question)
    if mode is Mode.RAG and question.startswith("Translate"):
        assert way is None or way.mode is Mode.RAG
    else:
        assert way == Way(mode, ModeBy.RULE)


@pytest.mark.parametrize("question", ["Do you remember me?", "What can I find here?", "Suggest a name for a boat"])
def test_words_that_only_hint_choose_nothing(question: str) -> None:
    assert by_rule(question) is None


def test_a_question_of_a_caller_who_names_the_mode_is_answered_so() -> None:
    assert by_caller({"mode": "cached_context"}) is Mode.CACHED_CONTEXT
    assert by_caller({"customer_id": "CUST00001"}) is None
    with pytest.raises(BadInput, match="there are guide, direct, rag, cached_context, hybrid"):
        by_caller({"mode": "fast"})


@pytest.mark.parametrize(
    "likeness",
    [
        Likeness(),
        Likeness(Mode.DIRECT, LIKE - 0.01, AHEAD + 0.1),
        Likeness(Mode.DIRECT, LIKE + 0.1, AHEAD - 0.01),
    ],
)
def test_what_is_like_no_exemplar_or_like_several_is_searched_for(likeness: Likeness) -> None:
    assert by_exemplar("Who knows?", likeness) == Way(Mode.RAG, ModeBy.DEFAULT)


def test_what_is_like_one_exemplar_alone_is_answered_as_that() -> None:
    surely = (LIKE + 0.1, AHEAD + 0.1)
    assert by_exemplar("Who?", Likeness(Mode.GUIDE, *surely)) == Way(Mode.GUIDE, ModeBy.EXEMPLAR)
    policies = Likeness(Mode.CACHED_CONTEXT, *surely)
    assert by_exemplar("May I?", policies) == Way(Mode.CACHED_CONTEXT, ModeBy.EXEMPLAR)
    assert by_exemplar("May I stay late? What does it cost then?", policies).mode is Mode.HYBRID


def test_every_group_of_exemplars_is_of_a_mode_and_no_sentence_is_in_two() -> None:
    assert {Mode(name) for name in EXEMPLARS} == set(Mode) - {Mode.HYBRID}
    sentences = [one for group in EXEMPLARS.values() for one in group]
    assert len(sentences) == len(set(sentences))


def test_a_comparison_and_several_questions_are_complex_and_one_question_is_not() -> None:
    for one in ("How do the two pumps differ, pros and cons?", "How long is it, and what does it cost?"):
        assert is_complex(one)
    for one in (
        "How long is the 2.5 m rope?",
        "When it rains, what do I close?",
        "Which pump, red or blue, is louder?",
    ):
        assert not is_complex(one)


def test_the_guide_answers_what_is_rather_like_a_question_on_the_assistant_where_no_document_does() -> None:
    rather = Likeness(Mode.GUIDE, LIKE - 0.1, AHEAD)
    assert by_exemplar("Who?", rather) == Way(Mode.RAG, ModeBy.DEFAULT, else_guide=True)
    for other in (Likeness(Mode.DIRECT, LIKE - 0.1, AHEAD), Likeness(Mode.GUIDE, 0.2, AHEAD)):
        assert by_exemplar("Who?", other) == Way(Mode.RAG, ModeBy.DEFAULT)
