"""The OpenAPI document and its page."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from app.api.docs import ASSETS, MEDIA_TYPES
from app.api.openapi import describe_api, operations_of
from app.api.problems import ProblemDocument
from app.degradation import Degradation
from app.errors import NoNodeAvailable
from tests.fakes.asgi import Client
from tests.fakes.nodes import NODE
from tests.fakes.platform import TENANT_A, FakePlatform

PATHS = {
    ("post", "/api/v1/chat"),
    ("post", "/api/chat"),
    ("post", "/chat"),
    ("get", "/api/v1/sessions"),
    ("get", "/api/v1/sessions/{session_id}"),
    ("delete", "/api/v1/sessions/{session_id}"),
    ("get", "/api/v1/runs/{run_id}"),
    ("get", "/api/v1/runs/{run_id}/events"),
    ("post", "/api/v1/runs/{run_id}/cancel"),
    ("post", "/api/v1/runs/{run_id}/resume"),
    ("get", "/events"),
    ("post", "/events"),
    ("get", "/events.ics"),
    ("get", "/events/{event_id}"),
    ("delete", "/events/{event_id}"),
    ("get", "/tasks/{task_id}"),
    ("get", "/tasks/{task_id}/events"),
    ("post", "/api/v1/tasks"),
    ("get", "/api/v1/tasks"),
    ("get", "/api/v1/tasks/{task_id}"),
    ("get", "/api/v1/tasks/{task_id}/events"),
    ("post", "/api/v1/tasks/{task_id}/cancel"),
    ("post", "/api/v1/tasks/{task_id}/requeue"),
    ("get", "/api/v1/runs/{run_id}/feedback"),
    ("post", "/api/v1/runs/{run_id}/feedback"),
    ("get", "/api/v1/tasks/load"),
    ("get", "/api/v1/webhooks"),
    ("post", "/api/v1/webhooks/{webhook_id}/redeliver"),
    ("get", "/api/v1/routes/{route_id}"),
    ("post", "/api/v1/routes"),
    ("get", "/api/v1/teams"),
    ("get", "/api/v1/models"),
    ("get", "/api/v1/models/plan"),
    ("get", "/api/v1/nodes"),
    ("post", "/api/v1/nodes"),
    ("get", "/api/v1/nodes/{node}"),
    ("patch", "/api/v1/nodes/{node}"),
    ("delete", "/api/v1/nodes/{node}"),
    ("post", "/api/v1/nodes/{node}/drain"),
    ("post", "/api/v1/nodes/{node}/undrain"),
    ("post", "/api/v1/nodes/{node}/pin"),
    ("post", "/api/v1/nodes/{node}/unpin"),
    ("post", "/api/v2/query-multi-agent"),
    ("post", "/api/v2/upload"),
    ("get", "/api/v2/jobs"),
    ("get", "/api/v2/jobs/{job_id}"),
    ("get", "/api/v2/jobs/{job_id}/events"),
    ("post", "/api/v2/jobs/{job_id}/cancel"),
    ("get", "/api/v1/search"),
    ("post", "/api/v1/search"),
    ("get", "/api/v1/documents"),
    ("get", "/api/v1/document-sets"),
    ("get", "/api/v1/documents/{document_id}"),
    ("patch", "/api/v1/documents/{document_id}"),
    ("get", "/api/v1/documents/{document_id}/original"),
    ("post", "/api/v1/documents/{document_id}/reprocess"),
    ("get", "/api/v1/documents/{document_id}/text"),
    ("delete", "/api/v1/documents/{document_id}"),
    ("post", "/api/v1/documents/{document_id}/restore"),
    ("get", "/health"),
    ("get", "/livez"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("post", "/v1/chat/completions"),
    ("post", "/v1/completions"),
    ("post", "/v1/embeddings"),
    ("get", "/v1/models"),
    ("get", "/v1/models/{name}"),
    ("get", "/ollama"),
    ("get", "/ollama/api/version"),
    ("get", "/ollama/api/tags"),
    ("get", "/ollama/api/ps"),
    ("delete", "/ollama/api/delete"),
    ("post", "/ollama/api/blobs/{digest}"),
    *(
        ("post", f"/ollama/api/{name}")
        for name in ("chat", "generate", "embed", "embeddings", "show", "pull", "push", "create", "copy")
    ),
}
NO_KEY = {"/health", "/livez", "/readyz", "/metrics", "/ollama", "/ollama/api/version"}


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    """The document as its readers get it."""
    return msgspec.json.decode(msgspec.json.encode(describe_api(app)))


def references(value: object) -> Iterator[str]:
    """Yield every $ref."""
    if isinstance(value, dict):
        for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            if name == "$ref":
                yield str(inner)  # pyright: ignore[reportUnknownArgumentType]
            yield from references(inner)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for inner in value:  # pyright: ignore[reportUnknownVariableType]
            yield from references(inner)  # pyright: ignore[reportUnknownArgumentType]


def test_every_route_is_documented(document: dict[str, Any]) -> None:
    assert {(method, path) for path, item in document["paths"].items() for method in item} == PATHS


def test_every_operation_has_a_summary_an_id_and_its_path_parameters(document: dict[str, Any]) -> None:
    ids: list[str] = []
    for path, item in document["paths"].items():
        for operation in item.values():
            ids.append(operation["operationId"])
            assert operation["summary"]
            named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    assert {reference.rsplit("/", 1)[1] for reference in found} <= document["components"]["schemas"].keys()


def test_a_success_without_a_body_has_no_content_and_a_stream_says_what_it_is(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert "content" not in paths["/api/v1/sessions/{session_id}"]["delete"]["responses"]["204"]
    events = paths["/api/v1/runs/{run_id}/events"]["get"]["responses"]["200"]["content"]
    assert events["text/event-stream"] == {"schema": {"type": "string"}}


@pytest.mark.requirement("ORC-17.schemas")
@pytest.mark.requirement("INS-26.request")
def test_the_chat_request_states_its_bounds(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["ChatRequest"]
    message = schema["properties"]["message"]
    assert (message["minLength"], message["maxLength"]) == (1, 2000)
    assert schema["required"] == ["message"]
    assert schema["additionalProperties"] is False
    body = document["paths"]["/api/v1/chat"]["post"]["requestBody"]
    assert body["content"]["application/json"]["example"]["message"]


@pytest.mark.requirement("ORC-17.schemas")
@pytest.mark.requirement("INS-26.reply", "INS-26.health")
def test_reply_and_health_are_documented_field_by_field(document: dict[str, Any]) -> None:
    def shape(path: str, method: str) -> dict[str, Any]:
        body = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        return document["components"]["schemas"][body["$ref"].rpartition("/")[2]]

    answer, health = shape("/api/v1/chat", "post"), shape("/health", "get")
    kinds = {name: field.get("type") for name, field in answer["properties"].items()}
    assert kinds["message"] == kinds["agent_used"] == kinds["session_id"] == "string"
    assert kinds["requires_clarification"] == kinds["conversation_complete"] == "boolean"
    lacks = document["components"]["schemas"][answer["properties"]["degraded"]["items"]["$ref"].rpartition("/")[2]]
    assert set(lacks["enum"]) == set(Degradation)
    metadata = document["components"]["schemas"]["ChatMetadata"]["properties"]
    assert metadata["tokens_used"]["type"] == metadata["processing_time_ms"]["type"] == "integer"
    assert {"session_id", "message", "agent_used", "metadata"} <= set(answer["required"])
    assert {"status", "services", "version"} <= set(health["required"])
    states = document["components"]["schemas"]["ServiceStates"]["properties"]
    assert {"database", "redis", "vector_store", "openai"} <= states.keys()


def test_routes_with_a_key_say_so_and_document_their_refusals(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            if path not in NO_KEY:
                assert operation["security"] == [{"bearer": []}, {"key": []}]
                assert {"401", "500", "503"} <= operation["responses"].keys()
            else:
                assert operation["security"] == []
    assert {"409", "413", "415", "422"} <= document["paths"]["/api/v1/chat"]["post"]["responses"].keys()


@pytest.mark.requirement("INS-26.health")
async def test_every_documented_json_response_decodes_as_documented(
    app: Litestar, operator: Client, platform: FakePlatform
) -> None:
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
    await operator.post(f"/api/v1/runs/{names['run_id']}/feedback", {"rating": "up"})
    checked: set[str] = set()
    for operation in operations_of(app):
        if operation.method != "GET":
            continue
        asked = "?question=why" if operation.path == "/api/v1/search" else ""
        reply = await operator.get(operation.path.format(**names) + asked)
        success = operation.doc.successes[reply.status]
        if success.body is not None:
            strict = msgspec.json.decode(reply.body, type=success.body)  # pyright: ignore[reportArgumentType, reportCallIssue]
            assert msgspec.json.decode(msgspec.json.encode(strict)) == reply.json()
            checked.add(operation.path)
    streams = {path for _, path in PATHS if path.endswith("_id}/events")}
    without = {"/metrics", "/ollama", "/events.ics", "/api/v1/documents/{document_id}/original", *streams}
    assert checked == {path for method, path in PATHS if method == "get"} - without


async def test_every_problem_is_documented_for_its_route(
    document: dict[str, Any], client: Client, stranger: Client, platform: FakePlatform
) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if not path.startswith("/api/"):
                continue
            real = re.sub(r"{\w+}", unknown, path)
            for who in (client, stranger):
                reply = await who.send(method.upper(), real)
                if reply.status < 400:
                    continue
                problem = msgspec.json.decode(reply.body, type=ProblemDocument)
                described = operation["responses"][str(reply.status)]["description"]
                assert f"`{problem.code}`" in described, (method, path)
    platform.runner.refusal = NoNodeAvailable("none")
    reply = await client.post("/api/v1/chat", {"message": "a"})
    described = document["paths"]["/api/v1/chat"]["post"]["responses"]["503"]
    assert f"`{reply.json()['code']}`" in described["description"]
    assert "retry-after" in described["headers"]


@pytest.mark.requirement("FAM-01.docs")
async def test_the_page_loads_nothing_from_elsewhere(stranger: Client) -> None:
    page = await stranger.get("/docs")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    loaded = re.findall(rb'(?:src|href)="([^"]+)"', page.body)
    assert loaded
    for path in loaded:
        assert path.startswith(b"/docs/")
        assert (await stranger.get(path.decode())).status == 200
    script = (ASSETS / "page.js").read_text()
    assert "://" not in script
    assert "validatorUrl: null" in script


async def test_the_bare_address_leads_to_the_page(stranger: Client) -> None:
    for method in ("GET", "HEAD"):
        reply = await stranger.send(method, "/")
        assert (reply.status, reply.headers["location"], reply.body) == (307, "/docs", b"")
    posted = await stranger.send("POST", "/")
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (await stranger.get("/index.html")).status == 404


async def test_assets_come_from_a_fixed_list_with_their_licence(stranger: Client) -> None:
    for name, media_type in MEDIA_TYPES.items():
        reply = await stranger.get(f"/docs/assets/{name}")
        assert reply.status == 200
        assert reply.headers["content-type"].startswith(media_type)
        again = await stranger.get(f"/docs/assets/{name}", ("if-none-match", reply.headers["etag"]))
        assert (again.status, again.body) == (304, b"")
    for name in ("..%2fapp.py", "../app.py", "NOTICE.", "README.md"):
        assert (await stranger.get(f"/docs/assets/{name}")).status == 404


async def test_the_document_and_the_codes_are_served(stranger: Client) -> None:
    assert (await stranger.get("/docs/openapi.json")).json()["openapi"] == "3.1.0"
    errors = await stranger.get("/docs/errors")
    assert b'id="session_busy"' in errors.body
