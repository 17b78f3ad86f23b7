"""The assistant's prompt: passages in few tokens, and nothing lost that a model needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest
from langgraph.runtime import Runtime

from app.agents.calls import RunCalls
from app.agents.prompts import Prompt, load_prompts
from app.agents.team import Outbox, Work
from app.agents.teams.assistant import TEAM, compact, number, respond
from app.agents.values import Claim, Turn
from app.degradation import Degradation
from app.ids import ChunkId, DocumentId
from app.inference.words.tiers import Tier
from app.retrieval.search import Passage


def passage(text: str, heading: str) -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", heading, text, 0, len(text), 0.5)


def test_passages_are_numbered_under_their_headings_or_document() -> None:
    found = (passage("## Tanks\n\nIt holds\n68 litres.", "Handbook > Tanks"), passage("Plain.", ""))
    assert number(found) == "[1] Handbook > Tanks\nIt holds 68 litres.\n\n[2] a.md\nPlain."


def test_wrapped_lines_are_joined_and_paragraphs_stay() -> None:
    assert compact("One\nline.\n\nAnother\nline.") == "One line.\n\nAnother line."


def test_items_rows_and_quotes_keep_their_lines() -> None:
    for text in ("- a\n- b", "1. a\n2. b", "| a |\n| --- |\n| 1 |", "> a\n> b", "a\n    code"):
        assert compact(text) == text


def test_code_keeps_its_lines() -> None:
    text = "Say:\n```\nfirst\nsecond\n```"
    assert compact(text) == text


def test_a_passage_of_nothing_but_headings_keeps_them() -> None:
    assert compact("# Only\n## headings") == "# Only\n## headings"


class FakeCalls:
    """Calls whose search finds `found`, and whose answer is the system message that it was asked with."""

    def __init__(self, found: tuple[Passage, ...], *degraded: Degradation) -> None:
        self.degraded: set[str] = set()
        self._found = found
        self._degraded = degraded

    def tier(self, turns: Sequence[Turn]) -> Tier:
        """Rate a question."""
        del turns
        return Tier.SIMPLE

    async def passages(self, path: str, question: str, *, limit: int) -> tuple[Passage, ...]:
        """Search."""
        del path, question, limit
        self.degraded.update(self._degraded)
        return self._found

    async def answer(
        self, path: str, agent: str, prompt: Prompt, values: Mapping[str, str], turns: Sequence[Turn]
    ) -> str:
        """Answer."""
        del path, agent, turns
        return prompt.fill(values)


async def told(calls: FakeCalls) -> tuple[str, int]:
    """What the model is told, and how many citations the reply has."""
    outbox = Outbox()
    work = Work(cast("Claim", None), (), cast("RunCalls", calls), PROMPTS, outbox)
    answered = await respond({"question": "What does a refill cost?"}, Runtime(context=work))
    assert outbox.reply is not None
    return answered.get("answer", ""), len(outbox.reply.citations)


PROMPTS = load_prompts(Path("prompts"), TEAM.prompts)
AWAY = "The asker's documents cannot be reached right now"


async def test_the_model_is_told_when_documents_cannot_be_reached_and_nothing_is_cited() -> None:
    system, citations = await told(FakeCalls((), Degradation.RETRIEVAL))
    assert system.startswith(AWAY)
    assert citations == 0


def test_only_an_answer_without_documents_opens_with_saying_so() -> None:
    openings = {name: prompt.front.opening for name, prompt in PROMPTS.items() if prompt.front.opening}
    assert openings == {
        "assistant/documents_away": "I cannot reach your documents right now. What follows is not from them."
    }


@pytest.mark.parametrize("degraded", [(), (Degradation.EVENTS,), (Degradation.COORDINATION,)])
async def test_documents_that_hold_nothing_to_the_point_are_not_told_as_away(degraded: tuple[Degradation, ...]) -> None:
    system, _ = await told(FakeCalls((), *degraded))
    assert AWAY not in system
    assert system.startswith("You are a careful assistant.")


async def test_what_was_found_is_told_as_passages() -> None:
    system, _ = await told(FakeCalls((passage("A refill costs 4 euros.", "Prices"),)))
    assert AWAY not in system
    assert "[1] Prices\nA refill costs 4 euros." in system
