"""Which questions go on from what was asked before, and which stand by themselves."""

import pytest

from app.agents.leaning import leans_on
from app.agents.values import Turn

TURNS = (Turn("user", "How long does the  kiln\ntake to cool?"), Turn("assistant", "Nine hours."))


@pytest.mark.parametrize(
    "question",
    ["And how hot does it get?", "What about the small kiln?", "How heavy is it?", "Why?", "Which one is red?"],
)
def test_a_question_that_goes_on_leans_on_what_was_asked_last(question: str) -> None:
    assert leans_on(question, TURNS) == "How long does the kiln take to cool?"
    assert leans_on(question, ()) == ""


@pytest.mark.parametrize(
    "question",
    ["How heavy is the lid?", "When a visitor brings a dog along, who is it that must keep an eye on the animal?"],
)
def test_a_question_that_names_what_it_is_about_leans_on_nothing(question: str) -> None:
    assert leans_on(question, TURNS) == ""
