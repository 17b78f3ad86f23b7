"""HEAD answers wherever GET does, with the same headers and without the body."""

from uuid import UUID

import pytest
from litestar import Litestar

from app.api.app import create_app
from app.api.openapi import describe_api
from app.ids import RunId
from tests.fakes.asgi import Client
from tests.fakes.nodes import NODE
from tests.fakes.platform import KEY_A, TENANT_A, FakePlatform

OWN = {"x-request-id", "x-content-type-options", "referrer-policy"}


async def test_every_path_that_has_get_has_head(app: Litestar, operator: Client, platform: FakePlatform) -> None:
    answer = (await operator.post("/api/v1/chat", {"message": "a"})).json()
    names = {
        "node": (await platform.nodes.add(NODE)).name,
        "session_id": answer["session_id"],
        "run_id": answer["metadata"]["run_id"],
        "task_id": answer["metadata"]["run_id"],
        "route_id": "00000000-0000-4000-8000-0000000000aa",
        "job_id": str(platform.jobs.add(TENANT_A)),
        "event_id": str(platform.calendar.add(TENANT_A, "practice").id),
        "document_id": str(platform.documents.keep(TENANT_A, "a.txt", b"text")),
        "name": "auto",
    }
    described = [path for path, methods in describe_api(app)["paths"].items() if "get" in methods]
    pages = ["/docs", "/docs/errors", "/docs/openapi.json", "/docs/assets/page.js"]
    assert len(described) > 8
    for path in (*described, *pages):
        got = await operator.get(path.format(**names))
        head = await operator.send("HEAD", path.format(**names))
        assert (head.status, head.body, head.ended) == (got.status, b"", True), path
        changing = OWN | {"content-length"} if path == "/metrics" else OWN
        assert {name: value for name, value in head.headers.items() if name not in changing} == {
            name: value for name, value in got.headers.items() if name not in changing
        }, path


async def test_a_refusal_to_head_has_no_body_either(client: Client, stranger: Client) -> None:
    for who, path, status in (
        (stranger, "/api/v1/sessions", 401),
        (client, "/api/v1/runs/nonsense", 404),
        (client, "/nowhere", 404),
        (client, "/api/v1/sessions?limit=x", 422),
    ):
        reply = await who.send("HEAD", path)
        assert (reply.status, reply.body) == (status, b"")
        assert int(reply.headers["content-length"]) > 0


async def test_head_of_a_stream_begins_and_ends_it_and_the_run_goes_on(client: Client, platform: FakePlatform) -> None:
    run_id = (await client.post("/api/v1/chat", {"message": "a"})).json()["metadata"]["run_id"]
    platform.runner.runs[RunId(UUID(run_id))].release.clear()
    reply = await client.send("HEAD", f"/api/v1/runs/{run_id}/events")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert (platform.runner.gone, platform.runner.cancelled, platform.runner.open_streams) == ([], [], 0)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "/api/v1/chat", "OPTIONS, POST"),
        ("GET", "/api/v1/chat", "OPTIONS, POST"),
        ("PUT", "/api/v1/sessions", "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/sessions/00000000-0000-4000-8000-000000000000", "DELETE, GET, HEAD, OPTIONS"),
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    client: Client, platform: FakePlatform, method: str, path: str, allowed: str
) -> None:
    reply = await client.send(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    assert platform.runner.started == []


async def test_head_is_counted_as_itself_on_its_route() -> None:
    platform = FakePlatform()
    failures = {"method": "HEAD", "endpoint": "/api/v1/sessions", "status": "500"}
    app = create_app(platform)
    assert platform.metrics.registry.get_sample_value("http_requests_total", failures) == 0
    await Client(app, KEY_A).send("HEAD", "/api/v1/sessions")
    labels = {"method": "HEAD", "endpoint": "/api/v1/sessions", "status": "200"}
    assert platform.metrics.registry.get_sample_value("http_requests_total", labels) == 1
