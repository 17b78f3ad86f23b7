"""The metrics that the source designs promise: name, kind, labels, and buckets that reach where it matters."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.telemetry.metrics import Metrics

LATENCY_ALERT_S = 30.0
"""HighLatency asks whether p95 is over this: a quantile never exceeds the largest bucket."""


def find(metrics: Metrics, name: str) -> Gauge | Counter | Histogram:
    """Return a metric by the name that Prometheus shows."""
    (found,) = [
        metric
        for metric in vars(metrics).values()
        if isinstance(metric, Gauge | Counter | Histogram)
        and getattr(metric, "_name", "") == name.removesuffix("_total")
    ]
    return found


def buckets(name: str, **labels: str) -> list[float]:
    """Return the finite bounds of a histogram."""
    metrics = Metrics(CollectorRegistry())
    histogram = find(metrics, name)
    assert isinstance(histogram, Histogram)
    histogram.labels(**labels).observe(1)
    samples = [sample for family in metrics.registry.collect() if family.name == name for sample in family.samples]
    return [float(sample.labels["le"]) for sample in samples if sample.labels.get("le", "+Inf") != "+Inf"]


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        pytest.param(
            "api_requests_total",
            Counter,
            {"method", "endpoint", "status"},
            marks=pytest.mark.requirement("INS-62.kind"),
        ),
        pytest.param(
            "http_requests_total",
            Counter,
            {"method", "endpoint", "status"},
            marks=pytest.mark.requirement("FIN-60.kind"),
        ),
        pytest.param(
            "api_request_duration_seconds",
            Histogram,
            {"method", "endpoint"},
            marks=pytest.mark.requirement("INS-63.kind"),
        ),
        pytest.param("agent_invocations_total", Counter, {"agent_name"}, marks=pytest.mark.requirement("INS-64.kind")),
        pytest.param(
            "agent_errors_total",
            Counter,
            {"agent_name", "error_type"},
            marks=pytest.mark.requirement("INS-65.kind", "FIN-63.kind"),
        ),
        pytest.param(
            "agent_execution_duration_seconds",
            Histogram,
            {"agent_name", "query_type"},
            marks=pytest.mark.requirement("FIN-61.kind"),
        ),
        pytest.param(
            "agent_token_usage",
            Histogram,
            {"agent_name", "model"},
            marks=pytest.mark.requirement("FIN-62.kind"),
        ),
        pytest.param("active_queries", Gauge, set[str](), marks=pytest.mark.requirement("FIN-64.kind")),
        pytest.param("active_sessions", Gauge, set[str](), marks=pytest.mark.requirement("INS-67.kind")),
        pytest.param(
            "tool_calls_total", Counter, {"tool_name", "success"}, marks=pytest.mark.requirement("FIN-65.kind")
        ),
        pytest.param("tool_duration_seconds", Histogram, {"tool_name"}, marks=pytest.mark.requirement("FIN-66.kind")),
        pytest.param(
            "db_query_duration_seconds", Histogram, {"operation"}, marks=pytest.mark.requirement("INS-66.kind")
        ),
    ],
)
def test_a_promised_metric_has_its_kind_and_labels(
    name: str, kind: type[Gauge | Counter | Histogram], labels: set[str]
) -> None:
    metric = find(Metrics(CollectorRegistry()), name)
    assert isinstance(metric, kind)
    assert set(getattr(metric, "_labelnames", ())) == labels


@pytest.mark.requirement("FIN-61.buckets", "FIN-71.can-fire", "INS-63.buckets")
@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("agent_execution_duration_seconds", {"agent_name": "a", "query_type": "simple"}),
        ("api_request_duration_seconds", {"method": "GET", "endpoint": "/"}),
    ],
)
def test_durations_are_told_apart_far_beyond_the_alert(name: str, labels: dict[str, str]) -> None:
    bounds = buckets(name, **labels)
    assert max(bounds) >= 10 * LATENCY_ALERT_S
    assert LATENCY_ALERT_S in bounds


@pytest.mark.requirement("FIN-62.buckets")
def test_tokens_have_buckets_of_their_own() -> None:
    bounds = buckets("agent_token_usage", agent_name="a", model="m")
    assert (min(bounds), max(bounds)) == (64, 131_072)


@pytest.mark.requirement("FAM-21.measured")
def test_requests_to_each_redis_are_measured_finer_than_a_millisecond() -> None:
    bounds = [buckets("switchyard_redis_request_seconds", store=store, operation="ping") for store in ("a", "b")]
    assert bounds[0] == bounds[1]
    assert {0.0005, 0.001} <= set(bounds[0])
