"""What every response has: an id, a count, one log line; and what the last resort tells."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from litestar import Litestar
from litestar.types import Receive, Scope, Send
from prometheus_client import CollectorRegistry

from app.api.app import create_app
from app.api.middleware import Edge
from app.health import Readiness
from app.telemetry.metrics import Metrics
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, TENANT_A, FakePlatform

Logged = list[MutableMapping[str, Any]]


@pytest.fixture
def own() -> tuple[Client, FakePlatform]:
    """An application whose metrics nobody else counts in."""
    platform = FakePlatform()
    return Client(create_app(platform), KEY_A), platform


def count(platform: FakePlatform, name: str, **labels: str) -> float:
    """Return a metric's value."""
    return platform.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.mark.requirement(
    "FIN-60.method",
    "FIN-60.route",
    "FIN-60.status",
    "FIN-60.every",
    "UPL-30.errors",
    "INS-62.method",
    "INS-62.route",
    "INS-62.status",
)
async def test_every_response_is_counted_by_its_route_template(own: tuple[Client, FakePlatform]) -> None:
    client, platform = own
    run_id = (await client.post("/api/v1/chat", {"message": "a"})).json()["metadata"]["run_id"]
    await client.get(f"/api/v1/runs/{run_id}")
    await client.get("/api/v1/runs/00000000-0000-4000-8000-000000000000")
    await client.get("/api/v1/runs/nonsense")
    await client.get("/wp-admin.php")
    await client.get("/etc/passwd")
    await client.send("PUT", "/api/v1/chat")
    await client.send("BREW", "/coffee")
    platform.runner.refusal = KeyError("x")
    await client.post("/api/v1/chat", {"message": "a"})
    runs = "/api/v1/runs/{run_id}"
    for name in ("http_requests_total", "api_requests_total"):
        assert count(platform, name, method="POST", endpoint="/api/v1/chat", status="200") == 1
        assert count(platform, name, method="POST", endpoint="/api/v1/chat", status="500") == 1
        assert count(platform, name, method="GET", endpoint=runs, status="200") == 1
        assert count(platform, name, method="GET", endpoint=runs, status="404") == 2
        assert count(platform, name, method="GET", endpoint="unmatched", status="404") == 2
        assert count(platform, name, method="PUT", endpoint="unmatched", status="405") == 1
        assert count(platform, name, method="OTHER", endpoint="unmatched", status="404") == 1
    assert count(platform, "api_request_duration_seconds_count", method="GET", endpoint=runs) == 3


@pytest.mark.requirement("UPL-30.latency")
async def test_the_seconds_of_a_response_are_observed_by_its_route(logged: Logged) -> None:
    async def slow(scope: Scope, _receive: Receive, send: Send) -> None:
        scope["path_template"] = scope["path"]
        now[0] += {"/a": 0.25, "/b": 4.0}[scope["path"]]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    now, metrics = [10.0], Metrics(CollectorRegistry())
    app = Litestar([], openapi_config=None, logging_config=None)
    app.asgi_handler = Edge(slow, metrics, clock=lambda: now[0])
    for path in ("/a", "/b", "/b"):
        await Client(app).get(path)
    name = "api_request_duration_seconds_sum"
    for path, seconds in (("/a", 0.25), ("/b", 8.0)):
        assert metrics.registry.get_sample_value(name, {"method": "GET", "endpoint": path}) == seconds
    assert [entry["duration_ms"] for entry in logged if entry["event"] == "http.request"] == [250.0, 4000.0, 4000.0]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "\u00e9", "a\x7f", "<script>", "a\nb"])
async def test_a_request_id_that_is_not_one_plain_word_is_replaced(client: Client, given: str) -> None:
    reply = await client.get("/livez", ("x-request-id", given))
    assert len(reply.headers["x-request-id"]) == 36
    assert reply.headers["x-request-id"] != given


async def test_a_sane_request_id_is_kept_on_errors_too(client: Client) -> None:
    reply = await client.get("/nothing", ("x-request-id", "trace:7.a-b_c"))
    assert reply.headers["x-request-id"] == reply.json()["request_id"] == "trace:7.a-b_c"


@pytest.mark.requirement("ORC-23.errors")
async def test_what_breaks_inside_is_told_to_the_log_and_not_to_the_client(
    client: Client, platform: FakePlatform, logged: Logged
) -> None:
    platform.runner.refusal = RuntimeError("password=hunter2 at /srv/app.py")
    reply = await client.post("/api/v1/chat", {"message": "a"})
    assert reply.status == 500
    assert reply.json() | {"request_id": ""} == {
        "type": "/docs/errors#internal",
        "title": "Something broke inside Switchyard",
        "status": 500,
        "detail": "The request failed inside Switchyard. Its request_id finds the cause in the logs.",
        "code": "internal",
        "request_id": "",
        "retryable": False,
    }
    failures = [entry for entry in logged if entry["event"] == "http.failed"]
    assert [entry["exc_info"] for entry in failures] == [platform.runner.refusal]
    assert failures[0]["request_id"] == reply.headers["x-request-id"]


async def test_an_application_that_breaks_outside_every_handler_still_answers() -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("router")

    app = Litestar([], openapi_config=None, logging_config=None)
    app.asgi_handler = Edge(broken, Metrics(CollectorRegistry()))
    reply = await Client(app).get("/x")
    assert (reply.status, reply.json()["code"]) == (500, "internal")
    assert b"router" not in reply.body


@pytest.mark.requirement("ORC-23.invocations", "FAM-16.task")
async def test_one_line_tells_of_a_request_with_all_its_ids(client: Client, logged: Logged) -> None:
    answer = await client.post("/api/v1/chat", {"message": "the secret of the lamp"})
    lines = [entry for entry in logged if entry["event"] == "http.request"]
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["endpoint"], line["status"], line["log_level"]) == (
        "POST",
        "/api/v1/chat",
        200,
        "info",
    )
    assert line["tenant_id"] == str(TENANT_A)
    assert line["run_id"] == answer.json()["metadata"]["run_id"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in str(logged)
    assert KEY_A not in str(logged)


async def test_the_ids_of_one_request_are_not_on_the_next_ones_line(client: Client, logged: Logged) -> None:
    await client.post("/api/v1/chat", {"message": "a"})
    await client.get("/nothing")
    assert "tenant_id" not in logged[-1]
    assert "run_id" not in logged[-1]


async def test_probes_are_quiet_until_they_fail(stranger: Client, platform: FakePlatform, logged: Logged) -> None:
    await stranger.get("/readyz")
    platform.health.readiness_now = Readiness(is_draining=True, database=None)
    await stranger.get("/readyz")
    assert [entry["log_level"] for entry in logged] == ["debug", "info"]
