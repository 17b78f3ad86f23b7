"""The assistant: whom its modes ask, and what for."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast
from uuid import uuid4

import msgspec
import pytest
from langgraph.runtime import Runtime
from msgspec.msgpack import decode

from app.agents.assistant.policies import Policies, PoliciesAsked
from app.agents.prompts import FrontMatter, Prompt, load_prompts
from app.agents.reply import Reply
from app.agents.step_paths import StepPaths
from app.agents.teams import assistant
from app.agents.teams.assistant import TEAM, build, respond
from app.agents.values import Turn
from app.degradation import Degradation
from app.errors import BadInput, NoNodeAvailable, StoreUnavailable
from app.ids import ChunkId, DocumentId, TenantId
from app.inference.routing.complexity import Rating
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, ChatCall, Embedding, Usage
from app.inference.words.tiers import Tier, TierReason
from app.postgres import Database
from app.retrieval.passages import Passage
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM
from tests.fakes.search import FoundSearch
from tests.fakes.teams import Thread
from tests.fakes.work import Attempt, attempt


def passage(text: str, heading: str) -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", heading, text, 0, len(text), 0.5)


class NothingDenied:
    """A database in which the tenant's row denies no tool, or those that it is told."""

    def __init__(self, *denied: str) -> None:
        self._denied = denied

    @asynccontextmanager
    async def connection(self, _operation: str) -> AsyncGenerator["NothingDenied"]:
        """Lend it."""
        yield self

    async def execute(self, _statement: str, _given: object) -> "NothingDenied":
        """Read the row."""
        return self

    async def fetchone(self) -> dict[str, object]:
        """Return the row."""
        return {"denied_tools": list(self._denied)}


class Echo:
    """Models of which each answers with the system message that it was asked with."""

    def rate(self, question: str, turns: int, session_tier: Tier | None) -> Rating:
        """Rate a question."""
        del question, turns, session_tier
        return Rating(Tier.SIMPLE, 0.0, TierReason.RATED)

    async def embed(self, texts: Sequence[str], **_: object) -> Embedding:
        """Find nobody who embeds."""
        del texts
        raise NoNodeAvailable("nobody embeds")

    def can_answer(self) -> bool:
        """Say that somebody answers."""
        return True

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


NO_POLICIES = Policies()


async def replied(
    question: str,
    *found: Passage,
    policies: Policies = NO_POLICIES,
    context: dict[str, str] | None = None,
    denied: tuple[str, ...] = (),
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Reply, list[str]]:
    """Return the reply to a question, and what the run has done for it."""

    async def read(_database: Database, _tenant: TenantId, _asked: PoliciesAsked) -> Policies:
        return policies

    monkeypatch.setattr(assistant, "READ_POLICIES", replace(assistant.READ_POLICIES, act=read))
    claim = msgspec.structs.replace(CLAIM, question=question, context=context or {})
    database = NothingDenied(*denied)
    began = attempt(Echo(), FoundSearch(*found), claim=claim, database=database)
    state = await respond({}, Runtime(context=began.work(PROMPTS)))
    reply = state.get("reply")
    assert reply is not None
    kept = [one.step_key for one in began.effects.finished]
    return reply, [key.partition("/")[2].partition(":")[0] for key in kept]


RULE = msgspec.structs.replace(passage("Dogs may not come in.", "House rules"), set_name="policies")
RULES = Policies((RULE,))


@pytest.mark.requirement("ORC-13.direct", "ORC-13.named", "ORC-14.guide")
async def test_small_talk_and_questions_on_the_assistant_look_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    reply, did = await replied("Hello!", PASSAGE, monkeypatch=monkeypatch)
    assert (reply.agent, reply.details, did) == ("direct_agent", {"mode": "direct", "chosen_by": "rule"}, [])
    reply, did = await replied("What can you do?", PASSAGE, monkeypatch=monkeypatch)
    assert (reply.agent, reply.details["mode"], did) == ("guide_agent", "guide", [])
    assert reply.text.startswith("I answer questions from the documents")


@pytest.mark.requirement("ORC-10.documents")
async def test_a_question_is_answered_from_what_is_found_and_directly_where_nothing_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reply, did = await replied(QUESTION, PASSAGE, policies=RULES, monkeypatch=monkeypatch)
    assert (reply.agent, reply.details, did) == ("rag_agent", {"mode": "rag", "chosen_by": "rule"}, ["retrieve"])
    reply, did = await replied(QUESTION, monkeypatch=monkeypatch)
    assert reply.details == {"mode": "direct", "chosen_by": "rule", "instead_of": "rag"}
    assert (reply.agent, did) == ("direct_agent", ["retrieve"])


@pytest.mark.requirement("ORC-11.policy", "ORC-11.context")
async def test_a_question_on_policy_is_answered_from_all_policies_without_a_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reply, did = await replied("What is the policy on dogs?", PASSAGE, policies=RULES, monkeypatch=monkeypatch)
    assert (reply.agent, reply.details["mode"], did) == ("cached_context_agent", "cached_context", ["use"])
    assert reply.text.startswith("The rules of the asker's organisation:\n\n[1] House rules\nDogs may not come in.")
    other, _ = await replied("Which rules for dogs are there?", policies=RULES, monkeypatch=monkeypatch)
    assert other.text == reply.text


async def test_a_question_whose_best_passage_is_a_policy_is_answered_from_all_policies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reply, did = await replied(QUESTION, RULE, PASSAGE, policies=RULES, monkeypatch=monkeypatch)
    assert reply.details == {"mode": "cached_context", "chosen_by": "passages"}
    assert did == ["retrieve", "use"]


async def test_a_tenant_that_may_not_read_policies_is_answered_from_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, denied = "What is the policy on dogs?", ("read_policies",)
    reply, _ = await replied(asked, RULE, policies=RULES, denied=denied, monkeypatch=monkeypatch)
    assert reply.details == {"mode": "rag", "chosen_by": "rule", "instead_of": "cached_context"}


async def test_a_question_on_policy_of_a_tenant_without_any_is_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reply, did = await replied("What is the policy on dogs?", PASSAGE, monkeypatch=monkeypatch)
    assert reply.details == {"mode": "rag", "chosen_by": "rule", "instead_of": "cached_context"}
    assert did == ["use", "retrieve"]


@pytest.mark.requirement("ORC-12.hard", "ORC-12.both")
async def test_a_complex_question_is_answered_from_policies_and_passages_for_each_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = "What does a refill cost? And may I bring a dog?"
    reply, did = await replied(asked, PASSAGE, policies=RULES, monkeypatch=monkeypatch)
    assert (reply.agent, reply.details) == ("hybrid_agent", {"mode": "hybrid", "chosen_by": "rule"})
    assert did == ["use", "retrieve", "retrieve", "retrieve"]
    assert "[1] House rules" in reply.text
    assert "[2] Prices" in reply.text


async def test_policies_that_do_not_fit_are_joined_by_what_a_search_finds_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut, cats = Policies((RULE,), is_whole=False), passage("Cats may.", "House rules")
    found = (PASSAGE, RULE, msgspec.structs.replace(cats, set_name="policies"))
    reply, did = await replied("What is the policy on dogs?", *found, policies=cut, monkeypatch=monkeypatch)
    assert (reply.details, did) == ({"mode": "cached_context", "chosen_by": "rule"}, ["use", "retrieve"])
    assert reply.text.count("Dogs may not come in.") == reply.text.count("Cats may.") == 1
    assert PASSAGE.text not in reply.text


async def test_a_passage_that_hardly_answers_says_nothing_about_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    faint = msgspec.structs.replace(RULE, score=assistant.FAINT / 2)
    reply, did = await replied(QUESTION, faint, PASSAGE, policies=RULES, monkeypatch=monkeypatch)
    assert (reply.details, did) == ({"mode": "rag", "chosen_by": "rule"}, ["retrieve"])


async def test_a_caller_names_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    reply, did = await replied(QUESTION, PASSAGE, context={"mode": "direct"}, monkeypatch=monkeypatch)
    assert (reply.details, did) == ({"mode": "direct", "chosen_by": "caller"}, [])
    with pytest.raises(BadInput, match="no such mode"):
        await replied(QUESTION, context={"mode": "fast"}, monkeypatch=monkeypatch)


async def test_words_that_hint_are_searched_for_where_no_vector_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    reply, did = await replied("Do you know the kiln?", PASSAGE, monkeypatch=monkeypatch)
    assert (reply.details, did) == ({"mode": "rag", "chosen_by": "default"}, ["likest", "retrieve"])
