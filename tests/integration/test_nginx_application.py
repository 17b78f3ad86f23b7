"""nginx in front of two real web processes: what the application says comes through as it is."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.fakes.platform import KEY_A
from tests.integration.http_server import Running, serve, until
from tests.integration.nginx_fixtures import LIMIT_S, Edge, running

KEY = {"x-api-key": KEY_A}


@pytest.fixture
async def servers() -> AsyncGenerator[list[Running]]:
    """Two web processes' servers."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(serve()) for _ in range(2)]


@pytest.fixture
async def edge(tmp_path: Path, servers: list[Running]) -> AsyncGenerator[Edge]:
    """nginx in front of them."""
    async with running(tmp_path, ports=[server.port for server in servers]) as edge:
        yield edge


async def test_the_application_s_stream_arrives_while_its_run_goes_on(edge: Edge, servers: list[Running]) -> None:
    for server in servers:
        server.platform.runner.holds = True
    ask = {"message": "hello", "stream": True}
    async with edge.client() as client, client.stream("POST", "/api/v1/chat", json=ask, headers=KEY) as reply:
        lines = reply.aiter_lines()
        async with asyncio.timeout(LIMIT_S):
            while not (await anext(lines)).startswith("event: delta"):
                pass
            for server in servers:
                for run in server.platform.runner.runs.values():
                    assert not run.release.is_set()
                    run.release.set()
            assert "event: done" in [line async for line in lines]
    assert len([ask for server in servers for ask in server.platform.runner.started]) == 1


async def test_a_client_that_leaves_is_noticed_by_the_application(edge: Edge, servers: list[Running]) -> None:
    for server in servers:
        server.platform.runner.holds = True
    ask = {"message": "hello", "stream": True}
    async with edge.client() as client, client.stream("POST", "/api/v1/chat", json=ask, headers=KEY) as reply:
        async with asyncio.timeout(LIMIT_S):
            await anext(reply.aiter_lines())
    await until(lambda: any(server.platform.runner.gone for server in servers))


async def test_the_page_about_the_api_works_behind_nginx(edge: Edge) -> None:
    async with edge.client() as client:
        page = await client.get("/docs")
        script = await client.get("/docs/assets/swagger-ui-bundle.js", headers={"accept-encoding": "gzip"})
        document = await client.get("/docs/openapi.json")
    assert [reply.status_code for reply in (page, script, document)] == [200] * 3
    assert page.headers.get_list("content-security-policy")[0].startswith("default-src 'none'; script-src 'self'")
    assert page.headers.get_list("x-content-type-options") == ["nosniff"]
    assert page.headers.get_list("referrer-policy") == ["no-referrer"]
    assert script.headers["content-encoding"] == "gzip"
    assert script.headers["content-type"].startswith("text/javascript")
    assert len(document.json()["paths"]) > 10


async def test_the_bare_address_leads_to_the_page_whatever_the_port(edge: Edge) -> None:
    async with edge.client() as client:
        for method in ("GET", "HEAD"):
            reply = await client.request(method, "/")
            assert (reply.status_code, reply.headers.get_list("location")) == (307, ["/docs"])
        page = await client.get("/", follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, "/docs")
    assert b"Switchyard API" in page.content


async def test_a_refusal_of_the_application_is_not_rewritten(edge: Edge) -> None:
    async with edge.client() as client:
        for path, expected in (("/api/v1/sessions", 401), ("/nowhere", 404), ("/api/v1/chat", 405)):
            through = await client.get(path)
            assert (through.status_code, through.json()["status"]) == (expected, expected)
            assert through.headers.get_list("x-request-id") == [through.json()["request_id"]]


@pytest.mark.requirement("FIN-02.routing")
async def test_metrics_are_for_this_machine_only_although_a_replica_takes_more_spellings(
    edge: Edge, servers: list[Running]
) -> None:
    paths = ("/metrics", "/metrics/", "/%6detrics/")
    async with edge.client() as client, edge.client("127.0.0.1") as here:
        assert [(await client.get(path)).status_code for path in paths] == [404] * 3
        assert [(await here.get(path)).status_code for path in paths] == [200] * 3
    assert sum(server.platform.health.watched for server in servers) == 3
