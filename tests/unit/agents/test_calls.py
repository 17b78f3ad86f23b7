"""What a team may do in one run: which failures of a search an answer can do without."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.agents.calls import CallLimits, RunCalls
from app.agents.deadline import deadline_of
from app.agents.event_log import EventLog, Told
from app.agents.live import LiveRun
from app.agents.prompts import FrontMatter, Prompt
from app.agents.values import Claim, RunOptions
from app.errors import AnswerEmpty, NodeFailed, NodeRefused, NoNodeAvailable, StoreUnavailable, SwitchyardError
from app.ids import TenantId
from app.inference.calls.dispatcher import Dispatcher
from app.inference.words.ends import FinishReason
from app.inference.words.records import Answer, ChatCall, Usage
from app.inference.words.thinking import Think
from app.retrieval.search import Embed, Passage, Search
from app.telemetry.metrics import Metrics
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM, KeptEffects


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class FailingSearch(Search):
    """A search that always ends with `error`, after `took_s`; without an error it finds nothing."""

    def __init__(self, error: SwitchyardError | None, clock: Clock, took_s: float = 0.0) -> None:
        self._error = error
        self._clock = clock
        self._took_s = took_s

    async def passages(
        self,
        tenant_id: TenantId,  # noqa: ARG002
        question: str,  # noqa: ARG002
        *,
        embed: Embed,  # noqa: ARG002
        limit: int,  # noqa: ARG002
    ) -> list[Passage]:
        """Take the time, and end."""
        self._clock.now_s += self._took_s
        if self._error is not None:
            raise self._error
        return []


class Bench:
    """The calls of one run whose search ends with `error`."""

    def __init__(self, error: SwitchyardError | None, took_s: float = 0.0) -> None:
        clock = Clock()
        self.metrics = Metrics(CollectorRegistry())
        self.effects = KeptEffects()
        live = LiveRun(CLAIM, cast("EventLog", None), told=Told(), on_unlogged=lambda: None)
        self.calls = RunCalls(
            claim=CLAIM,
            live=live,
            effects=self.effects,
            dispatcher=cast("Dispatcher", None),
            search=FailingSearch(error, clock, took_s),
            limits=CallLimits(max_output_tokens=64, temperature=0.0),
            deadline=deadline_of(CLAIM, 300.0, clock),
            metrics=self.metrics,
        )

    async def passages(self) -> Sequence[Passage]:
        """Search once."""
        return await self.calls.passages("respond/retrieve", "?", limit=3)

    def searches(self, success: str) -> float | None:
        """Return how many searches were counted so."""
        labels = {"tool_name": "document_search", "success": success}
        return self.metrics.registry.get_sample_value("tool_calls_total", labels)


async def test_postgresql_lost_during_a_search_ends_the_attempt_and_is_no_degraded_answer() -> None:
    bench = Bench(StoreUnavailable("PostgreSQL does not answer", store="postgres"))
    with pytest.raises(StoreUnavailable) as caught:
        await bench.passages()
    assert caught.value.facts["store"] == "postgres"
    assert (bench.calls.degraded, bench.effects.finished) == (set(), [])


@pytest.mark.requirement("FIN-76.tool", "FIN-76.error")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailable("Qdrant does not answer", store="qdrant"), "store_unavailable"),
        (NoNodeAvailable("no node embeds"), "no_node_available"),
        (NodeFailed("the node broke off"), "node_failed"),
        (NodeRefused("the node will not take the question"), "node_refused"),
    ],
)
async def test_a_part_of_retrieval_that_is_away_is_told_with_the_answer(error: SwitchyardError, code: str) -> None:
    bench = Bench(error)
    with capture_logs() as entries:
        assert await bench.passages() == ()
    (told,) = [entry for entry in entries if entry["event"] == "tool_execution_failed"]
    assert (told["tool"], told["error"], told["detail"]) == ("document_search", code, error.detail)
    assert bench.calls.degraded == {"retrieval"}
    assert len(bench.effects.finished) == 1
    assert (bench.searches("false"), bench.searches("true")) == (1.0, None)


@pytest.mark.requirement("FIN-65.tool", "FIN-65.success", "FIN-66.tool", "FIN-66.value")
@pytest.mark.requirement("UPL-32.retrieval-success", "UPL-32.retrieval-time")
@pytest.mark.parametrize(
    ("error", "took_s", "succeeded", "failed"),
    [(None, 0.75, 1.0, None), (NodeFailed("the node broke off"), 4.5, None, 1.0)],
)
async def test_a_search_is_counted_by_its_success_and_measured_however_it_ends(
    error: SwitchyardError | None, took_s: float, succeeded: float | None, failed: float | None
) -> None:
    bench = Bench(error, took_s)
    await bench.passages()
    assert (bench.searches("true"), bench.searches("false")) == (succeeded, failed)
    measured = bench.metrics.registry.get_sample_value
    labels = {"tool_name": "document_search"}
    assert measured("tool_duration_seconds_count", labels) == 1
    assert measured("tool_duration_seconds_sum", labels) == took_s


class Scripted:
    """A dispatcher whose model says the given pieces; None drops what was said."""

    def __init__(self, *pieces: str | None) -> None:
        self._pieces = pieces
        self.prefix: str | None = None
        self.think: Think | None = None
        self.thinks = "One, or two?"
        self.max_tokens = 0

    async def chat(
        self, call: ChatCall, *, on_delta: Callable[[str], None], on_restart: Callable[[], None], **_: object
    ) -> Answer:
        """Say the pieces."""
        self.prefix, self.think, self.max_tokens = call.prefix, call.think, call.max_tokens
        for piece in self._pieces:
            if piece is None:
                on_restart()
            else:
                on_delta(piece)
        usage = cast("Usage", None)
        return Answer(
            text="",
            thinking=self.thinks,
            usage=usage,
            route=ROUTE,
            continued=False,
            finish_reason=FinishReason.STOP,
        )


NOTHING = Told()
OPENING = "I cannot reach it."
OPENED = Prompt(FrontMatter("p", 1, opening=OPENING), "Be brief.")


def calls_of(dispatcher: Scripted, *, told: Told = NOTHING, claim: Claim = CLAIM) -> RunCalls:
    """The calls of an attempt where an earlier one had told that."""
    return RunCalls(
        claim=claim,
        live=LiveRun(claim, cast("EventLog", None), told=told, on_unlogged=lambda: None),
        effects=KeptEffects(),
        dispatcher=cast("Dispatcher", dispatcher),
        search=FailingSearch(NodeFailed("unused"), Clock()),
        limits=CallLimits(max_output_tokens=64, temperature=0.0),
        deadline=deadline_of(CLAIM, 300.0),
        metrics=Metrics(CollectorRegistry()),
    )


async def said(dispatcher: Scripted, shown: str, prompt: Prompt = OPENED) -> str:
    """The whole answer where an earlier attempt had shown `shown`."""
    return await calls_of(dispatcher, told=Told(shown)).answer("respond/answer", "assistant", prompt, {}, ())


async def test_what_a_prompt_opens_with_stands_once_before_the_models_words() -> None:
    assert await said(Scripted("One", " two."), "") == "I cannot reach it.\n\nOne two."


async def test_an_opening_is_said_again_when_the_answer_begins_anew() -> None:
    assert await said(Scripted("One", None, "Two", "."), "") == "I cannot reach it.\n\nTwo."


async def test_an_opening_that_was_shown_is_no_word_for_the_model_to_go_on_from() -> None:
    dispatcher = Scripted(" two.")
    assert await said(dispatcher, "I cannot reach it.\n\nOne") == "I cannot reach it.\n\nOne two."
    assert dispatcher.prefix == "One"


async def test_a_prompt_without_an_opening_leaves_the_models_words_as_they_are() -> None:
    assert await said(Scripted("One", " two."), "", Prompt(FrontMatter("p", 1), "Be brief.")) == "One two."


@pytest.mark.parametrize(("think", "kept"), [(None, ""), (False, ""), (True, "One, or two?")])
async def test_a_model_is_told_to_think_and_thinking_is_kept_only_if_it_was_asked_for(
    *, think: bool | None, kept: str
) -> None:
    claim, dispatcher = msgspec.structs.replace(CLAIM, options=RunOptions(think=think)), Scripted("One.")
    calls = calls_of(dispatcher, claim=claim)
    await calls.answer("respond/answer", "assistant", OPENED, {}, ())
    assert calls.said is not None
    assert (calls.said.text, calls.said.thinking) == ("I cannot reach it.\n\nOne.", kept)
    assert dispatcher.think is think


async def test_an_answer_without_text_is_none() -> None:
    with pytest.raises(AnswerEmpty) as failed:
        await said(Scripted(), "")
    assert failed.value.facts == {"node": "a"}


@pytest.mark.parametrize(
    ("pieces", "thinks", "thought"),
    [
        # Who goes on with a text does not think again.
        ((" two.",), "", "One, or two?"),
        # What begins anew has a thought of its own, or none.
        ((None, "Three."), "Three, then.", "Three, then."),
        ((None, "Three."), "", ""),
    ],
)
async def test_a_takeover_keeps_the_thought_before_the_text_that_it_goes_on_with(
    pieces: tuple[str | None, ...], thinks: str, thought: str
) -> None:
    claim, dispatcher = msgspec.structs.replace(CLAIM, options=RunOptions(think=True)), Scripted(*pieces)
    dispatcher.thinks = thinks
    calls = calls_of(dispatcher, told=Told("One", 1000, "One, or two?"), claim=claim)
    await calls.answer("respond/answer", "assistant", Prompt(FrontMatter("p", 1), "Be brief."), {}, ())
    assert calls.said is not None
    assert calls.said.thinking == thought


@pytest.mark.parametrize(("shown", "left"), [("One, two, three,", 64 - 4 - 20), ("", 64)])
async def test_tokens_that_were_thought_before_what_is_shown_count_against_the_limit(shown: str, left: int) -> None:
    dispatcher = Scripted(" four.")
    calls = calls_of(dispatcher, told=Told(shown))
    calls.thought_tokens = 20
    await calls.answer("respond/answer", "assistant", Prompt(FrontMatter("p", 1), "Be brief."), {}, ())
    assert dispatcher.max_tokens == left
