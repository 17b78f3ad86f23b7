"""What nodes load, as the script tells it and as this process goes by it."""

from prometheus_client import CollectorRegistry

from app.inference.fleet.catalogue import Catalogue, Node
from app.inference.fleet.loads import Load, read_loads
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.views import Look
from app.telemetry.metrics import Metrics

M = "m:latest"


def fleet_of(*nodes: str) -> Fleet:
    """Return nodes that have been looked at, with a model in memory at 4096."""
    declared = tuple(Node(name=name, url=f"http://{name}", slots=2, models=("m",)) for name in nodes)
    fleet = Fleet(Catalogue(models=(), nodes=declared), Metrics(CollectorRegistry()), clock=lambda: 0.0)
    for name in nodes:
        fleet.looked(name, Look("0.1", {M: "d"}, {M: 4096}))
    return fleet


def test_the_script_tells_what_is_under_way_and_what_is_there() -> None:
    told = {"a": [("m:latest", 8192, 2_500_000, 1), ("n:latest", 2048, 0, 0)], "b": [("m:latest", 4096, -1_000_000, 1)]}
    assert read_loads(told) == {
        "a": (Load(M, 8192, 2.5), Load("n:latest", 2048)),
        "b": (Load(M, 4096, -1.0),),
    }
    assert [one.told for one in (Load(M, 8192, 2.5), Load(M, 8192), Load(M, 8192, -1.0))] == [
        "m:latest 8192 2500000",
        "m:latest 8192 -1",
        "m:latest 8192 0",
    ]


def test_what_is_loaded_is_seen_until_it_is_told_no_more() -> None:
    fleet = fleet_of("a", "b")
    fleet.note_loads(["a", "b"], {"a": (Load(M, 8192, 2.5),)})
    assert (dict(fleet.view("a").loading), dict(fleet.view("b").loading)) == ({M: Load(M, 8192, 2.5)}, {})
    # It is told of these nodes only.
    fleet.note_loads(["b"], {})
    assert M in fleet.view("a").loading
    fleet.note_loads(["a"], {})
    assert not fleet.view("a").loading


def test_an_older_look_does_not_take_back_the_context_of_a_load_that_is_over() -> None:
    fleet = fleet_of("a")
    fleet.note_loads(["a"], {"a": (Load(M, 8192),)})
    assert dict(fleet.view("a").loaded) == {M: 8192}
    fleet.looked("a", Look("0.1", {M: "d"}, {M: 4096}))
    assert dict(fleet.view("a").loaded) == {M: 8192}
    # What left the memory since is not taken to be there.
    fleet.looked("a", Look("0.1", {M: "d"}, {}))
    assert dict(fleet.view("a").loaded) == {}
    fleet.looked("a", Look("0.1", {M: "d"}, {M: 4096}))
    fleet.note_loads(["a"], {})
    assert dict(fleet.view("a").loaded) == {M: 4096}
