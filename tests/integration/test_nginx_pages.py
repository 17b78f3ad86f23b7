"""nginx alone, while no replica is there: the pages of alerts, and refusals at paths that look like files."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from tests.integration.nginx_fixtures import running

pytestmark = pytest.mark.integration

NOBODY = "server 127.0.0.1:1;"
"""Port 1 of loopback: nobody listens there."""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of nginx, behind which nobody is."""
    async with running(tmp_path, REPLICAS=NOBODY) as edge, edge.client() as client:
        yield client


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Return status and code of a problem document."""
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.status_code, reply.json()["code"]


@pytest.mark.requirement("FIN-02.static")
async def test_the_pages_of_alerts_are_there_when_no_replica_is(client: httpx.AsyncClient) -> None:
    page = await client.get("/runbooks/ServiceDown.html")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>ServiceDown</h1>" in page.text
    assert page.headers.get_list("x-content-type-options") == ["nosniff"]
    assert "<h1>Runbooks</h1>" in (await client.get("/runbooks/")).text
    assert (await client.head("/runbooks/ServiceDown.html")).status_code == 200


async def test_nothing_but_the_pages_is_served_from_disk(client: httpx.AsyncClient) -> None:
    assert refusal(await client.get("/runbooks/Nothing.html")) == (404, "not_found")
    assert refusal(await client.get("/runbooks/..%2f..%2fcompose.conf")) == (400, "bad_request")
    assert refusal(await client.get("/runbooks/..%2fcompose.conf")) == (503, "unavailable")
    assert refusal(await client.post("/runbooks/ServiceDown.html")) == (405, "method_not_allowed")


async def test_what_nginx_says_is_a_problem_whatever_the_path_ends_in(client: httpx.AsyncClient) -> None:
    for path in ("/docs/assets/page.js", "/docs/openapi.json", "/a.html", "/a.png"):
        assert refusal(await client.get(path)) == (503, "unavailable")
