"""Nodes that come, change and go while a process lives."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.breaker import BreakerState
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.nodes import Fleet, Look, NodeState
from app.inference.words.failures import Failure
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics

MODELS = (Model(name="m", tiers=(Tier.SIMPLE,)), Model(name="n", tiers=(Tier.MEDIUM,)))
A = Node(name="a", url="http://a", slots=2, models=("m", "n"))
B = Node(name="b", url="http://b", slots=4, gpus=2, models=("m",))
LOOK = Look("0.33.0", {"m:latest": "x"}, {"m:latest": 4096})
NODE_GAUGES = (
    "switchyard_node_gpus",
    "switchyard_node_model_misconfigured",
    "switchyard_node_state",
    "switchyard_slots_limit",
    "switchyard_node_notice",
    "switchyard_slots_taken",
)


class Fixture:
    """A fleet that began with node a, its metrics, and the nodes that it told of."""

    def __init__(self) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.told: list[str] = []
        self.fleet = Fleet(Catalogue(models=MODELS, nodes=(A,)), self.metrics, clock=lambda: 0.0)
        self.fleet.when_added(lambda node: self.told.append(node.name))

    def value(self, gauge: str, **labels: str) -> float | None:
        """Return the value of a gauge, None where there is no such series."""
        return self.metrics.registry.get_sample_value(gauge, labels)

    def gauges_of(self, node: str) -> set[str]:
        """Return the names of the gauges that a node has."""
        return {
            family.name
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.labels.get("node") == node
        }


@pytest.fixture
def live() -> Fixture:
    """A fleet of one node."""
    return Fixture()


def test_a_node_that_is_added_is_there_for_whoever_asks_next(live: Fixture) -> None:
    before = live.fleet.nodes()
    live.fleet.declare((A, B), ())
    assert (before, live.fleet.nodes(), live.fleet.catalogue.nodes) == ((A,), (A, B), (A, B))
    assert live.told == ["a", "b"]
    assert [(view.node.name, view.state) for view in live.fleet.views()] == [
        ("a", NodeState.WARMING),
        ("b", NodeState.WARMING),
    ]
    assert live.gauges_of("b") == set(NODE_GAUGES)
    assert (live.value("switchyard_slots_limit", node="b"), live.value("switchyard_node_gpus", node="b")) == (4.0, 2.0)


def test_a_node_that_is_removed_leaves_no_gauge_and_a_call_may_still_end_there(live: Fixture) -> None:
    live.fleet.declare((A, B), ())
    live.fleet.declare((A,), ())
    assert live.gauges_of("b") == set()
    assert (live.fleet.find("b"), live.fleet.removed()) == (None, ("b",))
    with capture_logs() as lines:
        live.fleet.looked("b", LOOK)
        live.fleet.missed("b")
        live.fleet.began("b", "m")
        live.fleet.succeeded("b", "m", num_ctx=4096)
        live.fleet.failed("b", "m", Failure.CONNECT, call="one", began_at=0.0)
        live.fleet.note_taken({"b": 1, "a": 2})
    assert lines == []
    assert (live.gauges_of("b"), live.value("switchyard_slots_taken", node="a")) == (set(), 2.0)


def test_a_node_that_is_added_again_begins_anew_and_is_no_longer_among_the_removed(live: Fixture) -> None:
    live.fleet.looked("a", LOOK)
    live.fleet.declare((), ())
    live.fleet.declare((A,), ())
    assert (live.fleet.view("a").state, live.fleet.removed()) == (NodeState.WARMING, ())


def test_nodes_that_were_removed_before_this_process_began_are_known_too(live: Fixture) -> None:
    live.fleet.declare((A,), (), removed=("old", "a"))
    live.fleet.declare((A,), (), removed=("old",))
    assert live.fleet.removed() == ("old",)


def test_another_number_of_slots_keeps_what_is_known_of_a_node(live: Fixture) -> None:
    live.fleet.looked("a", LOOK)
    live.fleet.declare((msgspec.structs.replace(A, slots=8),), ())
    view = live.fleet.view("a")
    assert (view.node.slots, view.state, view.holds) == (8, NodeState.READY, {"m:latest": "x"})
    assert live.value("switchyard_slots_limit", node="a") == 8.0


def test_another_address_is_another_server_of_which_nothing_is_known(live: Fixture) -> None:
    live.fleet.looked("a", LOOK)
    live.fleet.failed("a", "m", Failure.MODEL_MISSING, call="one", began_at=0.0)
    assert live.fleet.view("a").breakers == {"m:latest": BreakerState.OPEN}
    live.fleet.declare((msgspec.structs.replace(A, url="http://c"),), ())
    view = live.fleet.view("a")
    assert (view.state, view.holds, view.breakers) == (NodeState.WARMING, {}, {})


def test_a_model_that_a_node_no_longer_has_to_hold_is_no_longer_missed(live: Fixture) -> None:
    live.fleet.looked("a", LOOK)
    assert [problem.model for problem in live.fleet.view("a").missing] == ["n"]
    assert live.value("switchyard_node_model_misconfigured", node="a", model="n") == 1.0
    live.fleet.declare((msgspec.structs.replace(A, models=("m",)),), ())
    assert live.fleet.view("a").missing == ()
    assert live.value("switchyard_node_model_misconfigured", node="a", model="n") is None


def test_what_is_declared_anew_without_a_change_is_told_nobody(live: Fixture) -> None:
    with capture_logs() as lines:
        live.fleet.declare((A,), ())
    assert (lines, live.told) == ([], ["a"])
