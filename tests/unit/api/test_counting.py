"""What the counters of HTTP say of responses that fail, before the first one and when one breaks off."""

import pytest
from litestar import Litestar
from litestar.types import Receive, Scope, Send
from prometheus_client import CollectorRegistry

from app.api.app import create_app
from app.api.middleware import FAILURES, Edge
from app.api.problems import STATUSES
from app.telemetry.metrics import Metrics
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, FakePlatform

BOTH = ("http_requests_total", "api_requests_total")


def read(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return a sample, None if it is not there."""
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.requirement("FIN-60.zero", "INS-62.failures", "FIN-70.first")
async def test_failures_of_every_route_are_counted_from_zero() -> None:
    platform = FakePlatform()
    create_app(platform)
    for name in BOTH:
        for status in FAILURES:
            labels = {"method": "GET", "endpoint": "/api/v1/runs/{run_id}", "status": str(status)}
            assert read(platform.metrics, name, **labels) == 0


def test_every_failure_that_is_ours_starts_at_zero() -> None:
    assert {status for status in STATUSES.values() if status >= 500} == set(FAILURES)


@pytest.mark.requirement("FIN-60.method", "FIN-60.status", "FIN-60.every", "INS-62.method", "INS-62.status")
@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [("GET", "/api/v1/sessions", "", "401"), ("GET", "/nothing", KEY_A, "404"), ("PUT", "/api/v1/chat", KEY_A, "405")],
)
async def test_refusals_are_counted_like_answers(method: str, path: str, key: str, status: str) -> None:
    platform = FakePlatform()
    reply = await Client(create_app(platform), key).send(method, path)
    assert str(reply.status) == status
    counted = {
        (sample.labels["method"], sample.labels["status"])
        for family in platform.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "http_requests_total" and sample.value
    }
    assert counted == {(method, status)}


@pytest.mark.requirement("FIN-60.status", "INS-62.status")
@pytest.mark.parametrize(
    ("size", "status"),
    [pytest.param("70000000", "413", id="too large"), pytest.param("2", "422", id="not what was asked for")],
)
async def test_a_body_that_is_refused_is_counted(size: str, status: str) -> None:
    platform = FakePlatform()
    client = Client(create_app(platform), KEY_A)
    headers = [("content-type", "application/json"), ("content-length", size)]
    reply = await client.send("POST", "/api/v1/chat", body=b"{}", headers=headers)
    assert str(reply.status) == status
    labels = {"method": "POST", "endpoint": "/api/v1/chat", "status": status}
    assert [read(platform.metrics, name, **labels) for name in BOTH] == [1, 1]


@pytest.mark.requirement("FIN-60.failures", "INS-62.failures")
async def test_a_response_that_breaks_after_its_first_byte_counts_as_failed() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("after the first byte")

    metrics = Metrics(CollectorRegistry())
    app = Litestar([], openapi_config=None, logging_config=None)
    app.asgi_handler = Edge(broken, metrics)
    await Client(app).get("/x")
    assert read(metrics, "http_requests_total", method="GET", endpoint="unmatched", status="500") == 1
    assert read(metrics, "http_requests_total", method="GET", endpoint="unmatched", status="200") is None


async def test_what_breaks_after_the_last_byte_leaves_the_response_as_it_was() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole", "more_body": False})
        raise RuntimeError("after the last byte")

    metrics = Metrics(CollectorRegistry())
    app = Litestar([], openapi_config=None, logging_config=None)
    app.asgi_handler = Edge(late, metrics)
    await Client(app).get("/x")
    assert read(metrics, "http_requests_total", method="GET", endpoint="unmatched", status="200") == 1
    assert read(metrics, "http_requests_total", method="GET", endpoint="unmatched", status="500") is None


@pytest.mark.requirement("INS-63.value", "INS-63.endpoint", "UPL-30.latency")
async def test_a_request_is_measured_from_its_arrival_to_its_last_byte() -> None:
    now_s = [100.0]

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        scope["path_template"] = scope["path"]
        now_s[0] += 0.5
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        now_s[0] += 2.25 if scope["path"] == "/slow" else 0.0
        await send({"type": "http.response.body", "body": b"last", "more_body": False})

    metrics = Metrics(CollectorRegistry())
    app = Litestar([], openapi_config=None, logging_config=None)
    app.asgi_handler = Edge(slow, metrics, clock=lambda: now_s[0])
    for path in ("/slow", "/quick", "/quick"):
        await Client(app).get(path)
    for endpoint, count, took_s, below_1_s in (("/slow", 1, 2.75, 0), ("/quick", 2, 1.0, 2)):
        labels = {"method": "GET", "endpoint": endpoint}
        assert read(metrics, "api_request_duration_seconds_count", **labels) == count
        assert read(metrics, "api_request_duration_seconds_sum", **labels) == took_s
        assert read(metrics, "api_request_duration_seconds_bucket", **labels, le="1.0") == below_1_s
