"""What a team may do in one run: which failures of a search an answer can do without."""

from collections.abc import Sequence
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from app.agents.calls import SEARCH, CallLimits, RunCalls
from app.agents.deadline import deadline_of
from app.agents.event_log import EventLog
from app.agents.live import LiveRun
from app.errors import NodeFailed, NodeRefused, NoNodeAvailable, StoreUnavailable, SwitchyardError
from app.ids import TenantId
from app.inference.dispatcher import Dispatcher
from app.retrieval.search import Embed, Passage, Search
from app.telemetry.metrics import Metrics
from tests.fakes.runs import CLAIM, KeptEffects


class FailingSearch(Search):
    """A search that always ends with `error`."""

    def __init__(self, error: SwitchyardError) -> None:
        self._error = error

    async def passages(
        self,
        tenant_id: TenantId,  # noqa: ARG002
        question: str,  # noqa: ARG002
        *,
        embed: Embed,  # noqa: ARG002
        limit: int,  # noqa: ARG002
    ) -> list[Passage]:
        """Raise."""
        raise self._error


class Bench:
    """The calls of one run whose search ends with `error`."""

    def __init__(self, error: SwitchyardError) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.effects = KeptEffects()
        live = LiveRun(CLAIM, cast("EventLog", None), text="", on_unlogged=lambda: None)
        self.calls = RunCalls(
            claim=CLAIM,
            live=live,
            effects=self.effects,
            dispatcher=cast("Dispatcher", None),
            search=FailingSearch(error),
            limits=CallLimits(max_output_tokens=64, temperature=0.0),
            deadline=deadline_of(CLAIM, 300.0),
            metrics=self.metrics,
        )

    async def passages(self) -> Sequence[Passage]:
        """Search once."""
        return await self.calls.passages("respond/retrieve", "?", limit=3)

    def searches(self, success: str) -> float | None:
        """Return how many searches were counted so."""
        labels = {"tool_name": SEARCH, "success": success}
        return self.metrics.registry.get_sample_value("tool_calls_total", labels)


async def test_postgresql_lost_during_a_search_ends_the_attempt_and_is_no_degraded_answer() -> None:
    bench = Bench(StoreUnavailable("PostgreSQL does not answer", store="postgres"))
    with pytest.raises(StoreUnavailable) as caught:
        await bench.passages()
    assert caught.value.facts["store"] == "postgres"
    assert (bench.calls.degraded, bench.effects.finished) == (set(), [])


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("Qdrant does not answer", store="qdrant"),
        NoNodeAvailable("no node embeds"),
        NodeFailed("the node broke off"),
        NodeRefused("the node will not take the question"),
    ],
)
async def test_a_part_of_retrieval_that_is_away_is_told_with_the_answer(error: SwitchyardError) -> None:
    bench = Bench(error)
    assert await bench.passages() == ()
    assert bench.calls.degraded == {"retrieval"}
    assert len(bench.effects.finished) == 1
    assert (bench.searches("false"), bench.searches("true")) == (1.0, None)
