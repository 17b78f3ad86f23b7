"""What a process tells Prometheus when nothing went wrong: limits, counters at 0, and what is no error."""

import time

import pytest

from app.agents.observing import OUTCOMES
from app.agents.team import load_teams
from app.degradation import Degradation
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    END_S,
    Servers,
    add_caller,
    ask,
    chat_of,
    opened,
    settings_for,
    until,
)

pytestmark = pytest.mark.integration

TEAMS = frozenset(load_teams())


def samples(platform: Platform, name: str) -> list[tuple[dict[str, str], float]]:
    """Return every sample of a metric."""
    return [
        (sample.labels, sample.value)
        for family in platform.metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    ]


@pytest.mark.requirement("FIN-72.configured", "FIN-73.first", "FIN-74.watched", "FIN-77.start")
async def test_alerts_and_dashboards_find_their_series_before_the_first_request(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node, replica_count=3)) as (platform,):
        assert samples(platform, "switchyard_replicas_configured") == [({}, 3)]
        runs = {
            (labels["team"], labels["outcome"]): value for labels, value in samples(platform, "switchyard_runs_total")
        }
        assert runs == {(team, outcome): 0 for team in TEAMS for outcome in OUTCOMES}
        degraded = {labels["reason"]: value for labels, value in samples(platform, "switchyard_degraded_total")}
        assert degraded == {reason.value: 0 for reason in Degradation}
        for name in ("input_tokens", "output_tokens", "gpu_seconds", "cost_usd"):
            found = samples(platform, f"switchyard_{name}_total")
            assert {value for _, value in found} == {0}
            assert CHAT in {labels["model"] for labels, _ in found}
            assert {labels["tier"] for labels, _ in found} >= {"embed", "simple"}
        (slots,) = samples(platform, "switchyard_slots_limit")
        assert slots[1] == platform.fleet.nodes()[0].slots
        assert samples(platform, "switchyard_node_gpus") == [(slots[0], platform.fleet.nodes()[0].gpus)]
        await until(lambda: time.time() - samples(platform, "switchyard_loop_awake_timestamp_seconds")[0][1] < 60)
        # Nobody asks for this: a worker serves its metrics without a look of its own.
        await until(lambda: samples(platform, "switchyard_db_pool_limit")[0][1] == platform.database.pool.max_size)


@pytest.mark.requirement("FIN-63.failed", "INS-65.failed")
async def test_a_run_that_its_caller_cancels_is_no_error_of_an_agent(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=2)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 2)
        await platform.runner.cancel(caller, handle.run_id)
        await platform.runner.result(caller, handle.run_id, END_S)
        cancelled = {"team": "assistant", "outcome": "cancelled"}
        await until(lambda: (cancelled, 1) in samples(platform, "switchyard_runs_total"))
        assert {value for _, value in samples(platform, "agent_errors_total")} == {0}
