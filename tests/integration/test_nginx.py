"""nginx in front of two replicas: who gets a request, how often, and what nginx says itself."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.http_server import connect, until
from tests.integration.nginx_fixtures import LIMIT_S, LIMITED, NAME, UNLIMITED, Edge, FakeReplica, running

EVENTS = "/api/v1/runs/7c9e6679-7425-40de-944b-e07fc1f90ae7/events"
ABOVE_BURST = 60
"""Requests at once: all of them would be let through only if they took four seconds."""


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncGenerator[Edge]:
    """nginx without TLS, as in the local stack, and two replicas."""
    async with running(tmp_path) as edge:
        yield edge


async def holder(edge: Edge, mark: str) -> FakeReplica:
    """Return the replica that has the request with that mark."""
    found: list[FakeReplica] = []

    def has_it() -> bool:
        found[:] = [replica for replica in edge.replicas if count(replica.seen, mark)]
        return bool(found)

    await until(has_it)
    return found[0]


def count(seen: list[dict[str, Any]], mark: str) -> int:
    """Return how many of the requests have that mark."""
    return sum(request["headers"].get("x-mark") == mark for request in seen)


async def raw(edge: Edge, *lines: str) -> tuple[int, bytes]:
    """Send a request as it stands, from an address without a limit; return status and whole reply."""
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, local_addr=(UNLIMITED, 0))
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        reply = await reader.read()
        writer.close()
    return int(reply.split(b" ")[1]), reply


def code(reply: httpx.Response) -> str:
    """Return the code of a problem document, whose status and request id are those of the reply."""
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert (problem["status"], problem["request_id"]) == (reply.status_code, reply.headers["x-request-id"])
    assert problem["type"] == f"/docs/errors#{problem['code']}"
    return str(problem["code"])


@pytest.mark.requirement("FIN-38.least")
async def test_requests_go_to_the_replica_that_has_fewest(edge: Edge) -> None:
    async with edge.client() as client, asyncio.TaskGroup() as group:
        for mark in ("one", "other"):
            group.create_task(client.get("/x", headers={"x-act": "hang", "x-mark": mark}))
        held = [await holder(edge, mark) for mark in ("one", "other")]
        assert {replica.port for replica in held} == {replica.port for replica in edge.replicas}
        await held[0].ask("/next")
        await until(lambda: len(edge.log()) == 1)
        for _ in range(3):
            await client.get("/x", headers={"x-mark": "free"})
        await held[1].ask("/next")
    assert count(held[0].seen, "free") == 3


@pytest.mark.requirement("FIN-08.dies")
async def test_when_an_idle_replica_is_killed_the_other_serves_every_request_and_each_once(edge: Edge) -> None:
    async with edge.client() as client:
        for _ in range(4):
            assert (await client.post("/api/v1/chat", json={})).status_code == 200
        await edge.replicas[0].kill()
        marks = [str(uuid4()) for _ in range(8)]
        for mark in marks:
            assert (await client.post("/api/v1/chat", json={}, headers={"x-mark": mark})).status_code == 200
        assert [count(edge.seen, mark) for mark in marks] == [1] * 8
        assert [count(edge.replicas[1].seen, mark) for mark in marks] == [1] * 8


@pytest.mark.parametrize("path", ["/api/v1/chat", "/api/v2/upload", "/api/v1/runs/1/cancel"])
async def test_a_post_whose_replica_is_killed_was_sent_once_and_the_client_is_told(edge: Edge, path: str) -> None:
    async with edge.client() as client:
        asked = asyncio.create_task(client.post(path, json={}, headers={"x-act": "hang", "x-mark": "it"}))
        await (await holder(edge, "it")).kill()
        reply = await asked
        assert (reply.status_code, code(reply), reply.headers["retry-after"]) == (503, "unavailable", "2")
        assert (await client.post(path, json={}, headers={"x-mark": "next"})).status_code == 200
    assert count(edge.seen, "it") == 1


@pytest.mark.requirement("FIN-08.dies")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_may_be_repeated_is_when_its_replica_is_killed(edge: Edge, method: str) -> None:
    async with edge.client() as client:
        asked = asyncio.create_task(client.request(method, "/api/v1/x", headers={"x-act": "hang", "x-mark": "it"}))
        first = await holder(edge, "it")
        await first.kill()
        second = next(replica for replica in edge.replicas if replica is not first)
        await until(lambda: count(second.seen, "it") == 1)
        await second.ask("/next")
        assert (await asked).status_code == 200


async def test_without_any_replica_the_answer_is_503_and_says_when_to_come_back(edge: Edge) -> None:
    for replica in edge.replicas:
        await replica.kill()
    async with edge.client() as client:
        reply = await client.post("/api/v1/chat", json={})
    assert (reply.status_code, code(reply), reply.headers["retry-after"]) == (503, "unavailable", "2")
    assert reply.json()["retryable"] is True


@pytest.mark.requirement("FIN-02.rate", "FIN-38.burst", "FIN-38.status")
async def test_above_its_limit_an_address_gets_429_and_one_on_the_list_does_not(edge: Edge) -> None:
    async with edge.client(LIMITED) as limited, edge.client(UNLIMITED) as unlimited:
        marks = [{"x-mark": str(number)} for number in range(ABOVE_BURST)]
        replies = await asyncio.gather(*(limited.get("/api/v1/x", headers=mark) for mark in marks))
        refused = [reply for reply in replies if reply.status_code != 200]
        assert 0 < len(refused) <= ABOVE_BURST - 21
        assert {(reply.status_code, code(reply), reply.headers["retry-after"]) for reply in refused} == {
            (429, "rate_limited", "1")
        }
        assert len({request["headers"]["x-mark"] for request in edge.seen}) == ABOVE_BURST - len(refused)
        free = await asyncio.gather(*(unlimited.get("/api/v1/x") for _ in range(ABOVE_BURST)))
        assert {reply.status_code for reply in free} == {200}


@pytest.mark.requirement("FIN-38.rate")
async def test_the_limit_is_one_for_all_paths(edge: Edge) -> None:
    paths = ("/api/v1/chat", EVENTS, "/api/v2/upload", "/docs", "/metrics")
    async with edge.client(LIMITED) as client:
        await asyncio.gather(*(client.get("/x") for _ in range(ABOVE_BURST)))
        for path in paths:
            replies = await asyncio.gather(*(client.get(path) for _ in range(ABOVE_BURST)))
            assert 429 in {reply.status_code for reply in replies}


@pytest.mark.requirement("FIN-41.limited", "FIN-41.logged")
async def test_probes_are_neither_limited_nor_logged(edge: Edge) -> None:
    async with edge.client(LIMITED) as client:
        for path in ("/health", "/livez", "/readyz"):
            replies = await asyncio.gather(*(client.get(path) for _ in range(ABOVE_BURST)))
            assert {reply.status_code for reply in replies} == {200}
        assert (await client.get("/api/v1/x")).status_code == 200
    assert [line["path"] for line in edge.log()] == ["/api/v1/x"]


@pytest.mark.requirement("FIN-40.replies")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/chat"),
        ("GET", EVENTS),
        ("GET", EVENTS + "/"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/ollama/api/generate"),
        ("POST", "/api/v2/query-multi-agent"),
        ("GET", "/tasks/1"),
        ("GET", "/not/thought/of/yet"),
    ],
)
async def test_each_event_of_a_stream_arrives_before_the_next_is_sent(edge: Edge, method: str, path: str) -> None:
    headers = {"x-act": "events", "x-mark": "it", "accept-encoding": "gzip"}
    async with edge.client() as client, client.stream(method, path, headers=headers) as reply:
        replica = await holder(edge, "it")
        lines = reply.aiter_lines()
        async with asyncio.timeout(LIMIT_S):
            for number in range(1, 6):
                assert await anext(lines) == f"data: {number}"
                assert await anext(lines) == ""
                await replica.ask("/next" if number < 5 else "/end")
            assert [line async for line in lines] == []
        assert "content-encoding" not in reply.headers


async def test_a_body_over_the_limit_is_refused_before_a_replica_sees_it(edge: Edge) -> None:
    async with edge.client() as client:
        body = b"x" * 5_000_000
        for path in ("/api/v1/chat", "/api/v2/upload", "/ollama/api/chat"):
            assert (await client.post(path, content=body)).json()["bytes"] == len(body)
    for path in (b"/api/v2/upload", b"/v1/chat/completions"):
        async with connect(edge.port) as (reader, writer):
            writer.write(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n" % path)
            async with asyncio.timeout(LIMIT_S):
                assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413 ")
    assert len(edge.seen) == 3


@pytest.mark.requirement("FIN-40.forwarded")
async def test_what_a_client_claims_about_itself_is_not_passed_on(edge: Edge) -> None:
    claims = {"x-forwarded-for": "9.9.9.9", "x-real-ip": "9.9.9.9", "x-forwarded-proto": "gopher"}
    more = {"forwarded": "for=9.9.9.9", "x-forwarded-host": "evil", "upgrade": "websocket"}
    async with edge.client() as client:
        seen = (await client.get("/x", headers={**claims, **more})).json()["headers"]
    assert (seen["x-forwarded-for"], seen["x-real-ip"], seen["x-forwarded-proto"]) == (UNLIMITED, UNLIMITED, "http")
    assert (seen["host"], seen["x-forwarded-host"]) == (NAME, NAME)
    assert not {"forwarded", "upgrade"} & set(seen)


async def test_a_request_id_is_the_same_everywhere_and_a_bad_one_is_replaced(edge: Edge) -> None:
    good, bad = ("call-7:a.b_c", "a" * 64), ("a" * 65, '"}{', "")
    async with edge.client() as client:
        replies = [await client.get("/x", headers={"x-request-id": given}) for given in (*good, *bad)]
    own = [reply.headers["x-request-id"] for reply in replies]
    assert own[:2] == list(good)
    assert not set(own) & set(bad)
    assert {len(word) for word in own[2:]} == {32}
    assert [reply.json()["headers"]["x-request-id"] for reply in replies] == own
    assert [line["request_id"] for line in edge.log()] == own


async def test_headers_that_a_replica_has_said_are_not_said_twice(edge: Edge) -> None:
    async with edge.client() as client:
        reply = await client.get("/x", headers={"x-act": "refuse"})
    names = ("retry-after", "x-request-id", "x-content-type-options", "x-frame-options")
    said = [reply.headers.get_list(name) for name in names]
    assert said == [["77"], ["of-the-replica"], ["nosniff"], ["SAMEORIGIN"]]


@pytest.mark.requirement("FIN-39.framing", "FIN-39.sniffing", "FIN-39.scripting")
async def test_every_response_has_the_security_headers_and_names_no_version(edge: Edge) -> None:
    async with edge.client() as client:
        replies = [await client.get(path) for path in ("/x", "/metrics", "/api/v1/chat", "/docs", "/livez")]
    for reply in replies:
        assert reply.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
        assert reply.headers.get_list("x-content-type-options") == ["nosniff"]
        assert reply.headers["server"] == "nginx"
        assert not {"x-xss-protection", "strict-transport-security"} & set(reply.headers)


async def test_the_access_log_is_json_with_replica_and_times_and_without_secrets(edge: Edge) -> None:
    headers = {"authorization": "Bearer sy_secret", "x-api-key": "sy_secret", "cookie": "secret", "referer": "secret"}
    async with edge.client() as client:
        await client.get("/api/v1/x?token=secret", headers={**headers, "user-agent": 'a "b"\\'})
    (line,) = edge.log()
    assert "secret" not in (edge.folder / "access.log").read_text()
    facts = {"level": "info", "logger": "nginx", "message": "nginx.request", "method": "GET", "path": "/api/v1/x"}
    assert facts.items() <= line.items()
    assert (line["status"], line["address"], line["user_agent"]) == (200, UNLIMITED, 'a "b"\\')
    assert line["replica"] in {f"127.0.0.1:{replica.port}" for replica in edge.replicas}
    assert min(float(line["first_byte_s"]), line["duration_s"]) >= 0


@pytest.mark.requirement("FIN-02.routing")
async def test_no_spelling_of_a_closed_path_reaches_a_replica(edge: Edge) -> None:
    ends = ("", "/", "?a", "/.", "//", "%2F")
    paths = [
        f"{start}{end}"
        for start in ("/metrics", "//metrics", "/%6detrics", "/x/../metrics", "/%2Fmetrics")
        for end in ends
    ]
    replies = [await raw(edge, f"GET {path} HTTP/1.1", "host: x", "connection: close") for path in paths]
    assert {(status, b'"code":"not_found"' in reply) for status, reply in replies} == {(404, True)}
    assert edge.seen == []


@pytest.mark.requirement("FIN-02.routing")
async def test_other_paths_reach_the_replica_as_they_were_sent(edge: Edge) -> None:
    for path in ("//admin", "/a%2Fb", "/a//b?c=//d", "/a/../b"):
        assert (await raw(edge, f"GET {path} HTTP/1.1", "host: x", "connection: close"))[0] == 200
    assert sorted(request["path"] for request in edge.seen) == ["//admin", "/a%2Fb", "/a/../b", "/a//b?c=//d"]


@pytest.mark.parametrize(
    ("lines", "expected", "name"),
    [
        (("TRACE / HTTP/1.1", "host: a"), 405, b"method_not_allowed"),
        (("GET / HTTP/1.1", "host: a", "host: b"), 400, b"bad_request"),
        (("GET / HTTP/1.1", "host: a", "x-long: " + "a" * 40_000), 400, b"bad_request"),
        ((f"GET /{'a' * 40_000} HTTP/1.1", "host: a"), 400, b"bad_request"),
        (("GET / HTTP/1.1", "host: a", "content-length: x"), 400, b"bad_request"),
        (("GET /../../etc/passwd HTTP/1.1", "host: a"), 400, b"bad_request"),
        (("POST / HTTP/1.1", "host: a", "transfer-encoding: gzip"), 400, b"bad_request"),
    ],
)
async def test_what_nginx_itself_refuses_is_a_problem_document(
    edge: Edge, lines: tuple[str, ...], expected: int, name: bytes
) -> None:
    status, reply = await raw(edge, *lines)
    assert (status, edge.seen) == (expected, [])
    assert b"content-type: application/problem+json" in reply.lower()
    assert b'"code":"%b"' % name in reply
