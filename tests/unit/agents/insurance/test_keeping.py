"""An answer is taken when it keeps the facts and adds no number."""

import pytest

from app.agents.insurance.facts import Fact
from app.agents.insurance.keeping import by_rule, keeps

FACTS = (Fact("Your auto insurance premium is $197.88.", ("$197.88",)), Fact("It is billed monthly under POL000004."))
QUESTION = "What do I pay in 2026?"


@pytest.mark.parametrize(
    "answer",
    ["Your premium is $197.88.", "It is $197.88, for policy POL000004.", "In 2026 you pay\n$197.88 a month."],
)
def test_an_answer_that_keeps_the_facts_is_taken(answer: str) -> None:
    assert keeps(answer, FACTS, QUESTION)


@pytest.mark.parametrize(
    "answer",
    [
        "Your premium is $197.",
        "Your premium is 197.88 dollars.",
        "Your premium is $197.88, which is $2,374.56 a year.",
        "Policy POL000005 costs $197.88.",
        "I do not know.",
        "It is $1197.88.",
        "",
    ],
)
def test_an_answer_that_drops_changes_or_adds_a_number_is_not(answer: str) -> None:
    assert not keeps(answer, FACTS, QUESTION)


def test_the_facts_themselves_are_an_answer_that_says_so() -> None:
    said = by_rule(FACTS)
    assert said == (
        "Here is what your records say: Your auto insurance premium is $197.88. It is billed monthly under POL000004."
    )
    assert keeps(said, FACTS, "")
