"""The assistant's prompt: passages in few tokens, and nothing lost that a model needs."""

from collections.abc import Callable
from pathlib import Path
from typing import cast
from uuid import uuid4

import msgspec
import pytest
from langgraph.runtime import Runtime
from msgspec.msgpack import decode

from app.agents.prompts import FrontMatter, Prompt, load_prompts
from app.agents.step_paths import StepPaths
from app.agents.teams.assistant import TEAM, build, compact, number, respond, shown
from app.agents.values import Turn
from app.degradation import Degradation
from app.errors import StoreUnavailable
from app.ids import ChunkId, DocumentId
from app.inference.routing.complexity import Rating
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, ChatCall, Usage
from app.inference.words.tiers import Tier, TierReason
from app.retrieval.passages import Passage
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM
from tests.fakes.search import FoundSearch
from tests.fakes.teams import Thread
from tests.fakes.work import Attempt, attempt


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


def test_a_prompt_shows_as_many_passages_as_fit_a_few_chunks_and_the_best_one_whatever_its_length() -> None:
    short, long = passage("Plain words. " * 5, ""), passage("Many plain words. " * 300, "")
    assert shown((short, short, short), 2) == (short, short)
    assert shown((short, long, short), 3) == (short,)
    assert shown((long, short), 2) == (long,)
    assert shown((), 2) == ()


class Echo:
    """Models of which each answers with the system message that it was asked with."""

    def rate(self, question: str, turns: int, session_tier: Tier | None) -> Rating:
        """Rate a question."""
        del question, turns, session_tier
        return Rating(Tier.SIMPLE, 0.0, TierReason.RATED)

    async def chat(self, call: ChatCall, *, on_delta: Callable[[str], None], **_: object) -> Answer:
        """Answer."""
        on_delta(call.messages[0].content)
        return Answer(text="", usage=cast("Usage", None), route=ROUTE, continued=False, finish_reason=FinishReason.STOP)


QUESTION = "What does a refill cost?"


async def told(search: FoundSearch, *lacking: Degradation) -> tuple[str, int]:
    """What the model is told, and how many citations the reply has."""
    claim = msgspec.structs.replace(CLAIM, question=QUESTION)
    began = attempt(Echo(), search, claim=claim)
    began.tally.degraded.update(lacking)
    state = await respond({}, Runtime(context=began.work(PROMPTS)))
    reply = state.get("reply")
    assert reply is not None
    return reply.text.removeprefix("I cannot reach your documents right now. What follows is not from them.\n\n"), len(
        reply.citations
    )


PROMPTS = load_prompts(Path("prompts"), TEAM.prompts)
AWAY = "The asker's documents cannot be reached right now"


async def test_the_model_is_told_when_documents_cannot_be_reached_and_nothing_is_cited() -> None:
    system, citations = await told(FoundSearch(error=StoreUnavailable("away", store="qdrant")))
    assert system.startswith(AWAY)
    assert citations == 0


def test_only_an_answer_without_documents_opens_with_saying_so() -> None:
    openings = {name: prompt.front.opening for name, prompt in PROMPTS.items() if prompt.front.opening}
    assert openings == {
        "assistant/documents_away": "I cannot reach your documents right now. What follows is not from them.",
        "finance/documents_away": "I cannot reach the filings right now. What follows is not from them.",
        "insurance/documents_away": "I cannot reach our documents right now. What follows is not from them.",
    }


@pytest.mark.parametrize("degraded", [(), (Degradation.EVENTS,), (Degradation.COORDINATION,)])
async def test_documents_that_hold_nothing_to_the_point_are_not_told_as_away(degraded: tuple[Degradation, ...]) -> None:
    system, _ = await told(FoundSearch(), *degraded)
    assert AWAY not in system
    assert system.startswith("You are a careful assistant.")


async def test_what_was_found_is_told_as_passages() -> None:
    system, _ = await told(FoundSearch(passage("A refill costs 4 euros.", "Prices")))
    assert AWAY not in system
    assert "[1] Prices\nA refill costs 4 euros." in system


PASSAGE = passage("A refill costs 4 euros.", "Prices")


async def test_a_run_that_the_previous_version_began_is_gone_on_with() -> None:
    """The keys and digests are those of its effects: `respond/retrieve` of question and limit, `respond/answer`."""
    prompts = {"assistant/with_passages": Prompt(FrontMatter("p", 1, ("passages",)), "Passages:\n\n{{ passages }}")}
    claim = msgspec.structs.replace(CLAIM, question=QUESTION)
    made: list[Attempt] = []

    def began(paths: StepPaths) -> Attempt:
        made.append(attempt(Echo(), FoundSearch(PASSAGE), claim=claim, path=paths))
        return made[0]

    turns = (Turn("user", "Hello"), Turn("assistant", "Hello!"))
    await Thread().run(build(), began, prompts=prompts, turns=turns)
    (waiting,) = made[0].effects.waiting
    assert [(one.step_key, one.input_sha256.hex()) for one in (*made[0].effects.finished, waiting)] == [
        ("respond/retrieve:0", "3eaf3328fadc0def902a1051401599e2c53f591323807ea5230345108314b736"),
        ("respond/answer:0", "534224047b5844ac3c9ab24931ad027ecb23767335fa9af36a2af1f0259553ff"),
    ]
    assert [decode(one.result).keys() for one in (*made[0].effects.finished, waiting)] == [
        {"passages", "degraded"},
        {"text", "finish_reason", "thinking", "withheld", "answered_by"},
    ]
