"""Every series of what can be counted exists before its first event, and there are not too many."""

from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition

from app.agents.team import find_teams
from app.api.app import create_app
from app.inference.fleet.catalogue import Catalogue, Model, Node, read_catalogue
from app.inference.words.failures import Failure
from app.inference.words.records import CallKind
from app.inference.words.tiers import TIERS, Tier
from app.series import begin_all
from app.telemetry.metrics import Metrics, begin
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, FakePlatform

ROOT = Path(__file__).parents[2]
MOST_SERIES = 20_000
"""Of one process over a large fleet. A scrape of so many is about 1.5 megabytes and 50 ms."""


def large() -> Catalogue:
    """Return a catalogue of 20 nodes that hold five models each."""
    chats = (*((tier,) for tier in TIERS), (Tier.SIMPLE, Tier.MEDIUM))
    models = (
        *(Model(name=f"chat{number}:1b", tiers=tiers) for number, tiers in enumerate(chats)),
        Model(name="embed:22m", kind=CallKind.EMBED),
    )
    names = tuple(model.name for model in models)
    nodes = tuple(Node(name=f"n{number}", url="http://n:1", slots=2, models=names) for number in range(20))
    return Catalogue(models=models, nodes=nodes)


def series(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the value of every series."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
    }


def begun(catalogue: Catalogue) -> Metrics:
    """Return the metrics of a replica that has just started."""
    platform = FakePlatform()
    begin_all(platform.metrics, catalogue, find_teams())
    create_app(platform)
    return platform.metrics


def test_a_process_over_a_large_fleet_has_some_thousand_series() -> None:
    assert 3000 < len(series(begun(large()))) < MOST_SERIES


def test_every_way_in_which_a_call_to_a_declared_node_can_break_is_at_zero() -> None:
    catalogue = read_catalogue(ROOT / "nodes.toml.example")
    found = series(begun(catalogue))
    for node in catalogue.nodes:
        for failure in Failure:
            labels = (("failure", failure.value), ("node", node.name))
            assert found["switchyard_call_failures_total", labels] == 0


def test_only_models_that_a_node_is_declared_to_hold_are_counted_there() -> None:
    found = series(begun(read_catalogue(ROOT / "nodes.toml.example")))
    calls = [dict(labels) for name, labels in found if name == "switchyard_model_calls_total"]
    assert {(one["node"], one["tier"]) for one in calls} == {
        ("a", "simple"), ("a", "medium"), ("a", "embed"), ("b", "medium"), ("b", "complex"), ("b", "embed"),
    }  # fmt: skip
    assert {one["outcome"] for one in calls} == {"done", "failed", "cancelled"}


def test_to_begin_again_changes_nothing() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.runs.labels("assistant", "failed").inc()
    begin(metrics.runs, team=["assistant"], outcome=["failed", "done"])
    assert metrics.registry.get_sample_value("switchyard_runs_total", {"team": "assistant", "outcome": "failed"}) == 1
    assert metrics.registry.get_sample_value("switchyard_runs_total", {"team": "assistant", "outcome": "done"}) == 0


def test_no_series_says_when_another_was_made() -> None:
    registry = begun(large()).registry
    openmetrics = cast("bytes", exposition.generate_latest(registry))
    for text in (generate_latest(registry), openmetrics):
        assert b"http_requests_total" in text
        assert b"_created" not in text


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/api/v1/sessions", KEY_A, 200),
        ("HEAD", "/api/v1/sessions", KEY_A, 200),
        ("GET", "/api/v1/sessions", "", 401),
        ("GET", "/api/v1/sessions?limit=x", KEY_A, 422),
        ("GET", "/api/v1/sessions/0", KEY_A, 404),
        ("DELETE", "/api/v1/sessions/0", KEY_A, 404),
        ("GET", "/api/v1/routes/0", KEY_A, 404),
        ("GET", "/nothing", KEY_A, 404),
        ("PUT", "/api/v1/chat", KEY_A, 405),
        ("BREW", "/nothing", KEY_A, 404),
        ("OPTIONS", "/api/v1/chat", KEY_A, 204),
        ("POST", "/api/v1/chat", KEY_A, 415),
        ("POST", "/api/v2/upload", KEY_A, 415),
        ("GET", "/docs", "", 200),
        ("GET", "/docs/assets/none", "", 404),
        ("GET", "/livez", "", 200),
        ("HEAD", "/readyz", "", 200),
        ("GET", "/metrics", "", 200),
    ],
)
async def test_a_response_adds_no_series(method: str, path: str, key: str, status: int) -> None:
    platform = FakePlatform()
    client = Client(create_app(platform), key)
    before = series(platform.metrics)
    assert (await client.send(method, path)).status == status
    after = series(platform.metrics)
    assert after.keys() == before.keys()
    counted = {
        dict(labels)["status"] for (name, labels), value in after.items() if name == "http_requests_total" and value
    }
    assert counted == {str(status)}
