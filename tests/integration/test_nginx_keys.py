"""nginx counts a request by its api key where it has one, else by its address."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.integration.nginx_fixtures import LIMITED, UNLIMITED, Edge, running

pytestmark = pytest.mark.integration

ABOVE_BURST = 60


def key(number: int) -> str:
    """Return a well-formed key."""
    return f"sy_{'a' * 12}_{number:043d}"


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncGenerator[Edge]:
    """nginx and two replicas."""
    async with running(tmp_path) as edge:
        yield edge


async def ask(client: httpx.AsyncClient, headers: Sequence[dict[str, str]]) -> list[httpx.Response]:
    """Send a request for each of `headers`, at once."""
    return await asyncio.gather(*(client.get("/api/v1/x", headers=given) for given in headers))


def taken(replies: Sequence[httpx.Response]) -> int:
    """Return how many were let through."""
    return sum(reply.status_code == 200 for reply in replies)


@pytest.mark.requirement("FIN-38.counted")
@pytest.mark.requirement("UPL-24.edge")
async def test_a_gateway_of_a_hundred_people_is_not_limited_as_one(edge: Edge) -> None:
    async with edge.client(LIMITED) as client:
        replies = await ask(client, [{"x-api-key": key(number)} for number in range(100)])
    assert taken(replies) == 100


async def test_one_key_is_limited_however_it_is_spelled_and_wherever_it_comes_from(edge: Edge) -> None:
    one = key(1)
    spellings = [
        {"x-api-key": one},
        {"authorization": f"Bearer {one}"},
        {"authorization": f"bearer   {one}"},
        {"authorization": f"BEARER {one}", "x-api-key": one},
    ]
    async with edge.client(LIMITED) as client, edge.client("127.0.0.3") as elsewhere:
        replies = await ask(client, [spellings[number % 4] for number in range(ABOVE_BURST)])
        refused = [reply for reply in replies if reply.status_code == 429]
        assert 0 < len(refused) <= ABOVE_BURST - 21
        for reply in refused:
            assert (reply.json()["code"], reply.json()["counted_by"]) == ("rate_limited", "key")
            assert "with an api key" in reply.json()["detail"]
        more = await ask(elsewhere, [{"x-api-key": one}] * ABOVE_BURST)
        assert taken(more) < ABOVE_BURST
        assert taken(await ask(client, [{"x-api-key": key(2)}])) == 1


@pytest.mark.requirement("FIN-38.counted")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "sy_short"},
        {"authorization": "Basic abc"},
        {"authorization": f"Token {key(1)}"},
        {"authorization": f"Bearer {key(1)}", "x-api-key": key(2)},
        {"x-api-key": key(1) + "x"},
    ],
)
async def test_what_is_no_key_counts_for_its_address(edge: Edge, headers: dict[str, str]) -> None:
    async with edge.client(LIMITED) as client:
        replies = await ask(client, [headers] * (ABOVE_BURST // 2) + [{}] * (ABOVE_BURST // 2))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert refused
    assert {reply.json()["counted_by"] for reply in refused} == {"address"}
    assert "without an api key" in refused[0].json()["detail"]


async def test_keys_that_are_made_up_do_not_free_an_address_of_its_limit(edge: Edge) -> None:
    # All in one piece and to a path where nginx answers itself: nothing but nginx's own speed is against 200 a second.
    asked = [f"GET /metrics HTTP/1.1\r\nhost: x\r\nx-api-key: {key(number)}\r\n\r\n" for number in range(1200)]
    asked[-1] = asked[-1].replace("host: x", "host: x\r\nconnection: close")
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, local_addr=("127.0.0.3", 0))
    async with asyncio.timeout(30):
        writer.write("".join(asked).encode("ascii"))
        answered = await reader.read()
    writer.close()
    statuses = Counter(re.findall(rb"HTTP/1.1 (\d{3}) ", answered))
    assert statuses.keys() == {b"404", b"429"}
    assert 201 <= statuses[b"404"] < 1200 == statuses.total()


async def test_who_is_unlimited_is_so_with_a_key_too(edge: Edge) -> None:
    async with edge.client(UNLIMITED) as client:
        assert taken(await ask(client, [{"x-api-key": key(1)}] * ABOVE_BURST)) == ABOVE_BURST


async def test_a_trusted_proxy_tells_who_calls_and_nobody_else_does(tmp_path: Path) -> None:
    async with running(tmp_path, TRUSTED="set_real_ip_from 127.0.0.4;") as edge:
        async with edge.client("127.0.0.4") as proxy, edge.client(LIMITED) as client:
            told = {"x-forwarded-for": "9.9.9.9, 10.0.0.7"}
            seen = (await proxy.get("/x", headers=told)).json()["headers"]
            assert (seen["x-real-ip"], seen["x-forwarded-for"]) == ("10.0.0.7", "10.0.0.7")
            assert (await client.get("/x", headers=told)).json()["headers"]["x-real-ip"] == LIMITED
            visitors = [{"x-forwarded-for": f"10.0.0.{number}"} for number in range(ABOVE_BURST)]
            assert taken(await ask(proxy, visitors)) == ABOVE_BURST
            assert taken(await ask(proxy, [{"x-forwarded-for": "10.1.0.1"}] * ABOVE_BURST)) < ABOVE_BURST


async def test_a_line_of_the_log_tells_by_what_it_was_counted_and_never_the_key(edge: Edge) -> None:
    async with edge.client() as client:
        await client.get("/api/v1/x", headers={"x-api-key": key(1)})
        await client.get("/api/v1/x")
    assert [line["counted_by"] for line in edge.log()] == ["key", "address"]
    assert key(1) not in (edge.folder / "access.log").read_text(encoding="utf-8")


async def test_no_character_of_a_path_or_a_header_ends_a_line_of_the_log(edge: Edge) -> None:
    async with edge.client() as client:
        for path, agent in (
            ("/a%E2%80%A8b", b"plain"),
            ("/b", b"a\xe2\x80\xa9b"),
            ("/c", b"a\xc2\x85b"),
            ("/\u00e9", b"d"),
        ):
            await client.get(path, headers=[(b"user-agent", agent)])
    assert [(line["path"], line["user_agent"]) for line in edge.log()] == [
        ("(a line break)", "plain"),
        ("/b", "(a line break)"),
        ("/c", "(a line break)"),
        ("/\u00e9", "d"),
    ]
