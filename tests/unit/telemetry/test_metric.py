"""A metric's children are remembered, and are forgotten with the series."""

from prometheus_client import CollectorRegistry, generate_latest

from app.telemetry.metric import Counter


def test_the_same_labels_are_the_same_series_however_they_are_given() -> None:
    registry = CollectorRegistry()
    calls = Counter("calls_total", "Calls.", ("node", "model"), registry=registry)
    calls.labels("a", "m").inc()
    calls.labels("a", "m").inc()
    calls.labels(model="m", node="a").inc()
    calls.labels("b", "m").inc()
    assert registry.get_sample_value("calls_total", {"node": "a", "model": "m"}) == 3
    assert registry.get_sample_value("calls_total", {"node": "b", "model": "m"}) == 1


def test_a_series_that_was_removed_is_shown_again_once_it_is_counted_again() -> None:
    registry = CollectorRegistry()
    calls = Counter("calls_total", "Calls.", ("node",), registry=registry)
    calls.labels("a").inc(5)
    calls.remove("a")
    assert b"calls_total{" not in generate_latest(registry)
    calls.labels("a").inc()
    assert registry.get_sample_value("calls_total", {"node": "a"}) == 1
