"""A page of a listed origin may read what nginx says itself, and a browser's preflights count for nobody."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from app.api.app import EXPOSED_HEADERS
from app.api.cors import REQUEST_HEADERS
from tests.fakes.platform import KEY_A
from tests.integration.http_server import Running, serve
from tests.integration.nginx_fixtures import LIMITED, Edge, running

pytestmark = pytest.mark.integration

CONSOLE, OTHER, EVIL = "https://console.example", "http://localhost:5173", "https://evil.example"
ORIGINS = f"{CONSOLE}, {OTHER}"
ABOVE_BURST = 60
CHAT = "/api/v1/chat"


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncGenerator[Edge]:
    """nginx that knows two origins, and two replicas that mark nothing."""
    async with running(tmp_path, ORIGINS=ORIGINS, BODY_LIMIT="1k") as edge:
        yield edge


@pytest.fixture
async def application() -> AsyncGenerator[Running]:
    """A web process that knows the same origins."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(serve(cors_origins=ORIGINS))


def told(reply: httpx.Response) -> dict[str, list[str]]:
    """Return what a reply says about who may read it, each header with all its values."""
    names = {name for name in reply.headers if name.startswith("access-control-") or name == "vary"}
    return {name: reply.headers.get_list(name) for name in names}


def readable(origin: str) -> dict[str, list[str]]:
    """Return what is told of an answer that a page of `origin` may read."""
    return {
        "access-control-allow-origin": [origin],
        "access-control-expose-headers": [", ".join(EXPOSED_HEADERS)],
        "vary": ["Origin"],
    }


@pytest.mark.parametrize("origin", [CONSOLE, OTHER])
async def test_a_page_may_read_each_refusal_of_nginx(edge: Edge, origin: str) -> None:
    mark = {"origin": origin}
    async with edge.client() as client, edge.client(LIMITED) as limited:
        replies = [
            await client.post(CHAT, headers=mark, content=b"x" * 2000),
            await client.request("TRACE", "/", headers=mark),
            await client.get("/metrics", headers=mark),
            await client.get("/x", headers={**mark, "x-long": "a" * 40_000}),
        ]
        many = await asyncio.gather(*(limited.get("/x", headers=mark) for _ in range(ABOVE_BURST)))
        replies.append(next(reply for reply in many if reply.status_code == 429))
        for replica in edge.replicas:
            await replica.kill()
        replies.append(await client.post(CHAT, headers=mark))
    assert [reply.status_code for reply in replies] == [413, 405, 404, 400, 429, 503]
    # Where the head itself could not be read, nginx does not know who asks.
    for reply in (*replies[:3], *replies[4:]):
        assert told(reply) == readable(origin), reply.status_code
    assert replies[4].headers["retry-after"] == "1"
    assert "retry-after" in readable(origin)["access-control-expose-headers"][0]


async def test_an_origin_may_be_written_as_the_application_reads_it_too(tmp_path: Path) -> None:
    listed = "HTTPS://Console.Example:443,http://localhost:5173 ,http://plain.example:80"
    origins = [CONSOLE, OTHER, "http://plain.example"]
    others = ["http://console.example", "https://plain.example", "http://localhost"]
    async with running(tmp_path, ORIGINS=listed) as edge, edge.client() as client:
        replies = [await client.get("/metrics", headers={"origin": origin}) for origin in (*origins, *others)]
    assert [reply.headers.get("access-control-allow-origin") for reply in replies] == [*origins, None, None, None]


@pytest.mark.parametrize("origin", [EVIL, "null", f"{CONSOLE}.evil.example", "https://console", ",", "*", ""])
async def test_another_page_may_read_nothing(edge: Edge, origin: str) -> None:
    async with edge.client() as client:
        reply = await client.get("/metrics", headers={"origin": origin})
        preflight = await client.options(CHAT, headers={"origin": origin, "access-control-request-method": "POST"})
    assert told(reply) == {"vary": ["Origin"]}
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize(("listed", "expected"), [("", {}), ("*", {"access-control-allow-origin": ["*"]})])
async def test_no_list_allows_nobody_and_a_star_everybody(
    tmp_path: Path, listed: str, expected: dict[str, list[str]]
) -> None:
    async with running(tmp_path, ORIGINS=listed) as edge, edge.client() as client:
        reply = await client.get("/metrics", headers={"origin": EVIL})
    exposed = {"access-control-expose-headers": [", ".join(EXPOSED_HEADERS)]} if expected else {}
    assert told(reply) == {**expected, **exposed}


@pytest.mark.requirement("ORC-20.cors")
async def test_preflights_are_answered_without_a_limit_and_count_for_nobody(edge: Edge) -> None:
    asks = {"origin": CONSOLE, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    foreign = {**asks, "origin": EVIL}
    async with edge.client(LIMITED) as client:
        replies = await asyncio.gather(*(client.options(CHAT, headers=asks) for _ in range(3 * ABOVE_BURST)))
        others = await asyncio.gather(*(client.options(CHAT, headers=foreign) for _ in range(ABOVE_BURST)))
        assert {reply.status_code for reply in (*replies, *others)} == {204, 200}
        assert (await client.get("/x")).status_code == 200
    assert {reply.status_code for reply in replies} == {204}
    assert told(replies[0]) == {
        **readable(CONSOLE),
        "access-control-allow-methods": ["GET, HEAD, POST, PATCH, DELETE"],
        "access-control-allow-headers": [REQUEST_HEADERS],
        "access-control-max-age": ["600"],
    }


async def test_a_preflight_is_answered_while_no_replica_is_there(edge: Edge) -> None:
    for replica in edge.replicas:
        await replica.kill()
    asks = {"origin": CONSOLE, "access-control-request-method": "POST"}
    async with edge.client() as client:
        assert (await client.options(CHAT, headers=asks)).status_code == 204
        assert told(await client.post(CHAT, headers={"origin": CONSOLE})) == readable(CONSOLE)


async def test_options_that_asks_nothing_of_a_browser_counts_as_any_request(edge: Edge) -> None:
    async with edge.client(LIMITED) as client:
        replies = await asyncio.gather(*(client.options(CHAT) for _ in range(ABOVE_BURST)))
    assert 429 in {reply.status_code for reply in replies}


async def test_what_the_application_says_is_marked_once_and_as_nginx_marks_it(
    tmp_path: Path, application: Running
) -> None:
    key = {"x-api-key": KEY_A}
    async with running(tmp_path, ports=[application.port], ORIGINS=ORIGINS) as edge, edge.client() as client:
        for origin in (CONSOLE, OTHER):
            mark = {"origin": origin, **key}
            replies = [
                await client.post(CHAT, json={"message": "a"}, headers=mark),
                await client.post(CHAT, json={"message": "a", "stream": True}, headers=mark),
                await client.post(CHAT, json={}, headers=mark),
                await client.get("/nowhere", headers=mark),
                await client.get("/livez", headers=mark),
                await client.head("/api/v1/sessions", headers=mark),
            ]
            assert [reply.status_code for reply in replies] == [200, 200, 422, 404, 200, 200]
            for reply in replies:
                assert told(reply) == readable(origin)
        foreign = await client.get("/livez", headers={"origin": EVIL})
        assert told(foreign) == {"vary": ["Origin"]}
        asks = {"origin": CONSOLE, "access-control-request-method": "POST"}
        by_nginx = await client.options(CHAT, headers=asks)
    async with httpx.AsyncClient() as past_nginx:
        by_replica = await past_nginx.options(f"http://127.0.0.1:{application.port}{CHAT}", headers=asks)
    assert told(by_nginx) == told(by_replica)


async def test_head_goes_through_to_the_application(tmp_path: Path, application: Running) -> None:
    key = {"x-api-key": KEY_A, "accept-encoding": "identity"}
    async with running(tmp_path, ports=[application.port]) as edge, edge.client() as client:
        for path in ("/health", "/livez", "/readyz", "/docs", "/docs/errors", "/api/v1/sessions", "/api/v1/documents"):
            got, head = await client.get(path, headers=key), await client.head(path, headers=key)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == got.headers["content-length"]
        answer = (await client.post(CHAT, json={"message": "a"}, headers=key)).json()
        head = await client.head(f"/api/v1/runs/{answer['metadata']['run_id']}/events", headers=key)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith("text/event-stream")
