"""What the rows say is told: of the questions of the evaluation set, where the right agent has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.agents.insurance.seed import make_book
from app.agents.insurance.topics import Specialist
from app.agents.teams.insurance import FINAL_ANSWER
from app.agents.values import Turn
from app.evaluation.facts import are_right
from tests.fakes.insurance import FakeWork, replied

EVALUATION = Path(__file__).parents[4] / "evaluation" / "insurance.jsonl"
OF_ROWS = {"policy_agent", "billing_agent", "claims_agent", "final_answer"}
BOOK = make_book(100)


def questions() -> list[dict[str, Any]]:
    """Return the rows of the set whose answer stands in the rows of the first customers."""
    lines = EVALUATION.read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["agent"] in OF_ROWS and one["facts"]]


async def told(asked: dict[str, Any]) -> str:
    """Return the reply of the rule, with an embedder whose meaning knows the agent; of several the words alone tell."""
    earlier = tuple(Turn(one["role"], one["content"]) for one in asked.get("earlier", ()))
    work = FakeWork(asked["question"], turns=earlier, context=asked.get("context", {}))
    work.book = BOOK
    if asked["agent"] != FINAL_ANSWER:
        work.meaning = tuple(20.0 * (one == asked["agent"]) for one in Specialist)
    return (await replied(work)).text


@pytest.mark.parametrize("asked", questions(), ids=lambda one: one["id"])
async def test_the_facts_of_rows_are_told_word_for_word(asked: dict[str, Any]) -> None:
    text = await told(asked)
    assert are_right(asked["facts"], asked.get("lacks", ()), text), text
