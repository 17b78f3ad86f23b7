"""The states of nodes, their breakers and speeds, and the bound on retries."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.breaker import BreakerState
from app.inference.estimates import Speed
from app.inference.fleet.catalogue import Catalogue, Model, Node, full_name
from app.inference.fleet.model_problems import ModelFault, ModelProblem
from app.inference.fleet.nodes import Fleet, Look, NodeState
from app.inference.words.failures import Blame, Failure, RetryBudget, blame_of
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def metrics() -> Metrics:
    """Metrics of their own."""
    return Metrics(CollectorRegistry())


@pytest.fixture
def fleet(clock: Clock, metrics: Metrics) -> Fleet:
    """One node `a` that should hold `m`, pinned to a digest, and `n`."""
    models = (Model(name="m", tiers=(Tier.SIMPLE,), digest="d" * 64), Model(name="n", tiers=(Tier.MEDIUM,)))
    node = Node(name="a", url="http://a", slots=2, models=("m", "n"))
    return Fleet(Catalogue(models=models, nodes=(node,)), metrics, clock=clock)


def _look(loaded: dict[str, int] | None = None, **holds: str) -> Look:
    return Look("0.33.0", {f"{name}:latest": digest for name, digest in holds.items()}, loaded or {})


def test_a_node_is_warming_until_the_first_look_and_misconfigured_while_it_holds_none_of_its_models(
    fleet: Fleet,
) -> None:
    assert fleet.view("a").state is NodeState.WARMING
    fleet.looked("a", _look(stranger="y"))
    assert fleet.view("a").state is NodeState.MISCONFIGURED
    fleet.looked("a", _look(n="x"))
    assert fleet.view("a").state is NodeState.READY


def test_a_model_that_a_node_does_not_hold_is_named_with_what_the_node_has_and_the_others_are_served(
    fleet: Fleet, metrics: Metrics
) -> None:
    def shown() -> dict[str, float | None]:
        name = "switchyard_node_model_misconfigured"
        return {m: metrics.registry.get_sample_value(name, {"node": "a", "model": m}) for m in ("m", "n")}

    assert shown() == {"m": 0.0, "n": 0.0}
    with capture_logs() as lines:
        fleet.looked("a", _look(n="x", stranger="y"))
        fleet.looked("a", _look(n="x", stranger="y", another="z"))
    assert [line for line in lines if line["event"] == "node.model_misconfigured"] == [
        {
            "event": "node.model_misconfigured",
            "log_level": "warning",
            "node": "a",
            "model": "m",
            "reason": "model_missing",
            "node_has": ("n:latest", "stranger:latest"),
        }
    ]
    view = fleet.view("a")
    assert (view.state, view.missing[0].model, view.missing[0].reason) == (
        NodeState.READY,
        "m",
        ModelFault.MODEL_MISSING,
    )
    assert shown() == {"m": 1.0, "n": 0.0}
    fleet.looked("a", _look(n="x", m="e" * 64))
    assert fleet.view("a").missing == (ModelProblem("m", ModelFault.DIGEST_DIFFERS, ("e" * 64,)),)
    fleet.looked("a", _look(n="x", m="d" * 64))
    assert (fleet.view("a").missing, shown()) == ((), {"m": 0.0, "n": 0.0})


def test_a_node_that_names_its_models_in_another_way_holds_them(clock: Clock, metrics: Metrics) -> None:
    model = Model(name="Registry.Ollama.ai/library/M", tiers=(Tier.SIMPLE,))
    node = Node(name="a", url="http://a", slots=2, models=("m:latest",))
    fleet = Fleet(Catalogue(models=(model,), nodes=(node,)), metrics, clock=clock)
    fleet.looked("a", Look("0.33.0", {full_name("library/M"): "x"}, {}))
    assert (fleet.view("a").state, fleet.view("a").missing) == (NodeState.READY, ())


def test_one_missed_look_is_forgiven_and_two_are_not(fleet: Fleet) -> None:
    fleet.looked("a", _look(n="x"))
    fleet.missed("a")
    assert fleet.view("a").state is NodeState.READY
    fleet.missed("a")
    assert fleet.view("a").state is NodeState.DOWN
    fleet.looked("a", _look(n="x"))
    assert fleet.view("a").state is NodeState.READY


def test_a_node_that_never_answered_is_down(fleet: Fleet) -> None:
    fleet.missed("a")
    assert fleet.view("a").state is NodeState.DOWN


def test_a_node_with_only_wrong_digests_is_misconfigured(fleet: Fleet) -> None:
    fleet.looked("a", _look(m="e" * 64))
    assert fleet.view("a").state is NodeState.MISCONFIGURED
    fleet.looked("a", _look(m="d" * 64))
    assert fleet.view("a").state is NodeState.READY


def test_draining_outlives_looks(fleet: Fleet) -> None:
    fleet.drain({"a"})
    fleet.looked("a", _look(n="x"))
    assert fleet.view("a").state is NodeState.DRAINING
    fleet.drain(())
    assert fleet.view("a").state is NodeState.READY


def test_exactly_one_state_is_shown_in_the_metrics(fleet: Fleet, metrics: Metrics) -> None:
    fleet.looked("a", _look(n="x"))
    shown = {
        state: metrics.registry.get_sample_value("switchyard_node_state", {"node": "a", "state": state.value})
        for state in NodeState
    }
    assert shown == {state: float(state is NodeState.READY) for state in NodeState}


def test_a_model_that_was_made_anew_under_its_name_is_told_once(fleet: Fleet) -> None:
    with capture_logs() as lines:
        for digest in ("x", "x", "y", "y"):
            fleet.looked("a", _look(n=digest))
    assert [line["model"] for line in lines if line["event"] == "node.digest_changed"] == ["n:latest"]


def test_a_finished_call_shows_its_model_as_loaded(fleet: Fleet) -> None:
    fleet.looked("a", _look(n="x"))
    fleet.succeeded("a", "n", num_ctx=2048)
    assert fleet.view("a").loaded == {"n:latest": 2048}


def test_speeds_are_averaged_and_what_was_not_measured_stays(fleet: Fleet) -> None:
    fleet.succeeded("a", "n", num_ctx=2048, speed=Speed(10.0, 0.0, 4.0))
    fleet.succeeded("a", "n", num_ctx=2048, speed=Speed(20.0, 500.0, 0.0))
    assert fleet.view("a").speeds["n:latest"] == Speed(13.0, 500.0, 4.0)


def test_a_full_queue_and_a_bad_request_are_not_held_against_a_node(fleet: Fleet) -> None:
    for failure in (Failure.BUSY, Failure.CONTEXT, Failure.BAD_REQUEST) * 5:
        fleet.failed("a", "n", failure, call=failure, began_at=0.0)
    assert BreakerState.OPEN not in fleet.view("a").breakers.values()


def test_a_missing_model_opens_its_breaker_at_once(fleet: Fleet) -> None:
    fleet.failed("a", "n", Failure.MODEL_MISSING, call="any", began_at=0.0)
    assert fleet.view("a").breakers["n:latest"] is BreakerState.OPEN


def test_only_resident_models_without_a_recent_success_are_idle(fleet: Fleet, clock: Clock) -> None:
    fleet.looked("a", _look({"n:latest": 2048, "stranger:latest": 1}, n="x", m="d" * 64))
    assert [model.name for _, model in fleet.idle_models(30.0)] == ["n"]
    fleet.succeeded("a", "n", num_ctx=2048)
    assert fleet.idle_models(30.0) == []
    clock.now_s += 30
    assert [model.name for _, model in fleet.idle_models(30.0)] == ["n"]
    fleet.drain({"a"})
    assert fleet.idle_models(30.0) == []


def test_a_call_that_finds_no_connection_again_and_again_is_one_missed_look(fleet: Fleet) -> None:
    fleet.looked("a", _look(n="x"))
    for _ in range(5):
        fleet.failed("a", "n", Failure.CONNECT, call="one", began_at=0.0)
    assert fleet.view("a").state is NodeState.READY
    fleet.failed("a", "n", Failure.CONNECT, call="another", began_at=0.0)
    assert fleet.view("a").state is NodeState.DOWN


def test_a_node_that_breaks_calls_and_still_takes_connections_is_not_down(fleet: Fleet) -> None:
    fleet.looked("a", _look(n="x"))
    for call in ("one", "another", "a third"):
        fleet.failed("a", "n", Failure.SERVER_ERROR, call=call, began_at=0.0)
    assert fleet.view("a").state is NodeState.READY


@pytest.mark.parametrize("failure", [one for one in Failure if blame_of(one) in {Blame.EITHER, Blame.NODE}])
def test_a_call_that_is_repeated_counts_once_and_distinct_calls_open_the_breaker(
    fleet: Fleet, clock: Clock, failure: Failure
) -> None:
    def fail(call: str) -> BreakerState:
        fleet.failed("a", "n", failure, call=call, began_at=clock.now_s)
        clock.now_s += 1
        return fleet.view("a").breakers["n:latest"]

    assert [fail("poison") for _ in range(20)] == [BreakerState.CLOSED] * 20
    assert [fail(call) for call in ("second", "third")] == [BreakerState.CLOSED, BreakerState.OPEN]


def test_calls_that_broke_together_count_once(fleet: Fleet, clock: Clock) -> None:
    """When a model's process ends, every call in it breaks (llm/llama_server.go, Completion: unexpectedly stopped)."""
    for _ in range(5):
        began_at = clock.now_s
        clock.now_s += 1
        for call in ("poison", "bystander", "another", "third"):
            fleet.failed("a", "n", Failure.SERVER_ERROR, call=call, began_at=began_at)
    assert fleet.view("a").breakers["n:latest"] is BreakerState.CLOSED


def test_calls_that_hang_together_each_count(fleet: Fleet, clock: Clock) -> None:
    for call in ("one", "two", "three"):
        fleet.failed("a", "n", Failure.LATE, call=call, began_at=clock.now_s - 60)
    assert fleet.view("a").breakers["n:latest"] is BreakerState.OPEN


def test_a_trial_that_ends_by_its_own_fault_leaves_the_trial_to_the_next(fleet: Fleet, clock: Clock) -> None:
    fleet.failed("a", "n", Failure.MODEL_MISSING, call="a", began_at=clock.now_s)
    clock.now_s += 10
    fleet.began("a", "n")
    assert fleet.view("a").breakers["n:latest"] is BreakerState.OPEN
    fleet.failed("a", "n", Failure.BAD_REQUEST, call="b", began_at=clock.now_s)
    assert fleet.view("a").breakers["n:latest"] is BreakerState.HALF_OPEN


def test_retries_are_a_tenth_of_the_calls_after_the_burst() -> None:
    budget = RetryBudget(share=0.1, burst=3.0)
    taken = 0
    for _ in range(1000):
        budget.note_call()
        taken += sum(budget.take() for _ in range(3))
    assert 95 <= taken <= 103
