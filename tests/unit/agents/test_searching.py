"""What a search of a run brings, and which of its failures an answer can do without."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from app.agents.searching import SearchTool
from app.agents.tools import Seeking
from app.degradation import Degradation
from app.errors import NodeFailed, NodeRefused, NoNodeAvailable, StoreUnavailable, SwitchyardError, ToolRefused
from app.retrieval.passages import Passage
from tests.fakes.search import FoundSearch
from tests.fakes.work import Attempt, attempt
from tests.unit.agents.test_using import Ledger, Named

FILED = SearchTool.of(Seeking(name="filed", description="Finds.", arguments=Named, retries=1), ticker="ACME")


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def take(self, seconds: float) -> None:
        """Let them pass."""
        self.now_s += seconds


class Bench:
    """The searches of one run, which take `took_s` and end with `error`; without an error they find nothing."""

    def __init__(
        self, error: SwitchyardError | None, took_s: float = 0.0, degraded: tuple[Degradation, ...] = ()
    ) -> None:
        clock = Clock()
        self.search = FoundSearch(error=error, degraded=degraded, takes=lambda: clock.take(took_s))
        self.attempt: Attempt = attempt(search=self.search, clock=clock)

    async def passages(self) -> Sequence[Passage]:
        """Search once."""
        return await self.attempt.work().search("?", limit=3)

    def searches(self, success: str) -> float | None:
        """Return how many searches were counted so."""
        labels = {"tool_name": "document_search", "success": success}
        return self.attempt.metrics.registry.get_sample_value("tool_calls_total", labels)


async def test_postgresql_lost_during_a_search_ends_the_attempt_and_is_no_degraded_answer() -> None:
    bench = Bench(StoreUnavailable("PostgreSQL does not answer", store="postgres"))
    with pytest.raises(StoreUnavailable) as caught:
        await bench.passages()
    assert caught.value.facts["store"] == "postgres"
    assert (bench.attempt.tally.lacked, bench.attempt.effects.finished) == (set(), [])


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
    assert bench.attempt.tally.lacked == {"retrieval"}
    assert len(bench.attempt.effects.finished) == 1
    assert (bench.searches("false"), bench.searches("true")) == (1.0, None)


async def test_what_a_search_had_to_do_without_is_told_with_the_answer() -> None:
    bench = Bench(None, degraded=(Degradation.RERANK,))
    await bench.passages()
    assert bench.attempt.tally.lacked == {"rerank"}


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
    measured = bench.attempt.metrics.registry.get_sample_value
    labels = {"tool_name": "document_search"}
    assert measured("tool_duration_seconds_count", labels) == 1
    assert measured("tool_duration_seconds_sum", labels) == took_s


async def test_a_tool_of_a_team_that_a_tenant_is_denied_searches_nothing_and_every_attempt_meets_the_same() -> None:
    made = list[str]()
    ledger, search = Ledger(), FoundSearch(takes=lambda: made.append("search"))
    ledger.denied = ["filed"]
    began = attempt(search=search, database=ledger)
    with capture_logs() as entries, pytest.raises(ToolRefused) as caught:
        await began.work().search("?", limit=3, tool=FILED)
    assert (caught.value.facts["tool"], caught.value.detail) == ("filed", "this tenant's runs may not use it")
    assert [entry["event"] for entry in entries] == ["tool_not_permitted"]
    assert made == []
    ledger.denied = []
    again = attempt(search=search, database=ledger, effects=began.effects.again())
    with pytest.raises(ToolRefused):
        await again.work().search("?", limit=3, tool=FILED)


async def test_a_tool_of_a_team_that_is_not_denied_searches_by_its_own_name() -> None:
    made = list[str]()
    ledger, search = Ledger(), FoundSearch(takes=lambda: made.append("search"))
    ledger.denied = ["document_search"]
    one = attempt(search=search, database=ledger)
    await one.work().search("?", limit=3, tool=FILED)
    labels = {"tool_name": "filed", "success": "true"}
    assert one.metrics.registry.get_sample_value("tool_calls_total", labels) == 1.0
    assert made == ["search"]
