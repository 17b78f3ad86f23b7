"""What an end leaves in the metrics: by agent, by value, and a fault of the agent only where it is one."""

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from app.agents.life import RunState
from app.agents.observing import observe
from app.agents.values import RunResult
from app.inference.words.route import Route
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics
from tests.fakes import runs
from tests.fakes.runner import ROUTE

CLAIM = replace(runs.CLAIM, team="insurance")
RESULT = RunResult(
    run_id=CLAIM.run_id,
    session_id=CLAIM.session_id,
    state=RunState.DONE,
    agent_used="billing_agent",
    input_tokens=100,
    output_tokens=7,
)


class Seen:
    """Metrics, and ends that were observed in them."""

    def __init__(self) -> None:
        self.metrics = Metrics(CollectorRegistry())

    def end(self, result: RunResult, took_s: float = 1.0, route: Route = ROUTE) -> None:
        observe(self.metrics, CLAIM, result, route, took_s=took_s, reused=0)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.mark.requirement("INS-64.agent", "FAM-13.count", "FAM-13.time", "FAM-13.tokens")
@pytest.mark.requirement("FIN-61.value", "FIN-61.agent", "FIN-62.value", "FIN-62.agent")
def test_executions_times_and_tokens_are_told_apart_by_agent() -> None:
    seen = Seen()
    seen.end(RESULT, took_s=1.5)
    seen.end(RESULT, took_s=0.25)
    seen.end(replace(RESULT, agent_used="claims_agent", input_tokens=40, output_tokens=2), took_s=4.0)
    for agent, count, took_s, tokens in (("billing_agent", 2, 1.75, 214), ("claims_agent", 1, 4.0, 42)):
        assert seen.value("agent_invocations_total", agent_name=agent) == count
        labels = {"agent_name": agent, "query_type": ROUTE.tier.value}
        assert seen.value("agent_execution_duration_seconds_count", **labels) == count
        assert seen.value("agent_execution_duration_seconds_sum", **labels) == took_s
        assert seen.value("agent_token_usage_sum", agent_name=agent, model=ROUTE.model) == tokens


@pytest.mark.requirement("FIN-61.query-type", "FIN-62.model")
def test_executions_are_told_apart_by_query_type_and_tokens_by_model() -> None:
    seen = Seen()
    large = replace(ROUTE, tier=Tier.COMPLEX, model="llama3.1:70b")
    seen.end(RESULT, took_s=1.5)
    seen.end(RESULT, took_s=20.0, route=large)
    seen.end(RESULT, took_s=30.0, route=large)
    for tier, model, count, took_s in (("simple", "smollm2:135m", 1, 1.5), ("complex", "llama3.1:70b", 2, 50.0)):
        labels = {"agent_name": "billing_agent", "query_type": tier}
        assert seen.value("agent_execution_duration_seconds_count", **labels) == count
        assert seen.value("agent_execution_duration_seconds_sum", **labels) == took_s
        assert seen.value("agent_token_usage_count", agent_name="billing_agent", model=model) == count
        assert seen.value("agent_token_usage_sum", agent_name="billing_agent", model=model) == 107 * count


@pytest.mark.requirement("FAM-13.latency", "FIN-61.agent")
def test_the_share_of_executions_below_a_time_is_known_by_agent() -> None:
    seen = Seen()
    for took_s in (0.2, 0.9, 12.0):
        seen.end(RESULT, took_s=took_s)
    seen.end(replace(RESULT, agent_used="claims_agent"), took_s=40.0)
    for agent, below in (("billing_agent", (1, 2, 3, 3)), ("claims_agent", (0, 0, 0, 1))):
        labels = {"agent_name": agent, "query_type": ROUTE.tier.value}
        name = "agent_execution_duration_seconds_bucket"
        assert tuple(seen.value(name, **labels, le=le) for le in ("0.25", "1.0", "15.0", "45.0")) == below


@pytest.mark.requirement("INS-65.agent", "INS-65.failed", "FAM-13.failure", "FAM-13.success")
@pytest.mark.requirement("FIN-63.agent", "FIN-63.type", "FIN-63.failed")
def test_failures_are_told_apart_by_agent_and_error() -> None:
    seen = Seen()
    failed = replace(RESULT, state=RunState.FAILED, error_code="node_failed")
    for result in (
        failed,
        failed,
        replace(failed, agent_used="claims_agent", error_code="no_node_available"),
        RESULT,
        replace(failed, error_code="deadline_exceeded"),
        replace(failed, state=RunState.CANCELLED, error_code="run_cancelled"),
    ):
        seen.end(result)
    told = {
        (sample.labels["agent_name"], sample.labels["error_type"]): sample.value
        for family in seen.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "agent_errors_total"
    }
    assert told == {("billing_agent", "node_failed"): 2, ("claims_agent", "no_node_available"): 1}
    # What succeeded is all but that.
    assert seen.value("agent_invocations_total", agent_name="billing_agent") == 5
    assert seen.value("agent_invocations_total", agent_name="claims_agent") == 1


def test_an_end_counts_as_what_it_was() -> None:
    seen = Seen()
    for state in (RunState.DONE, RunState.DONE, RunState.FAILED, RunState.REFUSED):
        seen.end(replace(RESULT, state=state, error_code=None if state is RunState.DONE else "node_failed"))
    outcomes = ("done", "failed", "refused")
    assert [seen.value("switchyard_runs_total", team="insurance", outcome=name) for name in outcomes] == [2, 1, 1]


def test_an_end_without_an_agent_counts_for_its_team() -> None:
    seen = Seen()
    seen.end(replace(RESULT, agent_used=""))
    assert seen.value("agent_invocations_total", agent_name="insurance") == 1
