"""nginx with TLS, as in compose and on bare metal; and with Grafana behind it."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.fakes.edge import TEMPLATES
from tests.integration.http_server import connect, until
from tests.integration.nginx_fixtures import LIMIT_S, LIMITED, NAME, Edge, running


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncGenerator[Edge]:
    """nginx with TLS and two replicas."""
    async with running(tmp_path, is_tls=True) as edge:
        yield edge


async def ask_plainly(port: int, host: str, path: str = "/") -> bytes:
    """Return the whole reply to a request without TLS; nothing when nginx closes the connection."""
    async with connect(port) as (reader, writer), asyncio.timeout(LIMIT_S):
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        return await reader.read()


async def ask_over_tls(edge: Edge, *, called: str, host: str) -> bytes:
    """Return the whole reply when TLS calls the server `called` and HTTP calls it `host`."""
    assert edge.trust is not None
    edge.trust.check_hostname = False
    opening = asyncio.open_connection("127.0.0.1", edge.port, ssl=edge.trust, server_hostname=called)
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await opening
        writer.write(f"GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        reply = await reader.read()
        writer.close()
    return reply


@pytest.mark.requirement("ORC-20.tls", "FIN-39.redirect")
@pytest.mark.requirement("UPL-14.tls")
async def test_plain_http_is_sent_to_https_with_its_path_and_query(edge: Edge) -> None:
    reply = (await ask_plainly(edge.plain_port, NAME, "/a/b?c=d")).lower()
    assert reply.startswith(b"http/1.1 301 ")
    assert f"location: https://{NAME}/a/b?c=d\r\n".encode() in reply
    assert edge.seen == []


async def test_over_tls_every_response_binds_the_browser_to_https(edge: Edge) -> None:
    async with edge.client(LIMITED) as client:
        replies = await asyncio.gather(*(client.get("/x") for _ in range(60)), client.get("/%6detrics"))
    assert {200, 429} <= {reply.status_code for reply in replies}
    assert {tuple(reply.headers.get_list("strict-transport-security")) for reply in replies} == {("max-age=31536000",)}


async def test_http2_is_spoken_and_a_stream_over_it_arrives_event_by_event(edge: Edge) -> None:
    headers = {"x-act": "events"}
    async with edge.client(http2=True) as client, client.stream("POST", "/api/v1/chat", headers=headers) as reply:
        assert reply.http_version == "HTTP/2"
        await until(lambda: bool(edge.seen))
        replica = next(replica for replica in edge.replicas if replica.seen)
        lines = reply.aiter_lines()
        async with asyncio.timeout(LIMIT_S):
            for number in range(1, 4):
                assert [await anext(lines), await anext(lines)] == [f"data: {number}", ""]
                await replica.ask("/next" if number < 3 else "/end")
            assert [line async for line in lines] == []
    assert edge.seen[0]["headers"]["x-forwarded-proto"] == "https"


@pytest.mark.requirement("ORC-20.tls", "FIN-02.tls", "FIN-39.versions")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(edge: Edge, version: ssl.TLSVersion) -> None:
    assert edge.trust is not None
    edge.trust.minimum_version = edge.trust.maximum_version = version
    async with edge.client() as client:
        assert (await client.get("/x")).status_code == 200
    assert [request["headers"]["x-forwarded-proto"] for request in edge.seen] == ["https"]


@pytest.mark.requirement("FIN-39.older")
@pytest.mark.parametrize("called", [NAME, "elsewhere.test"])
async def test_nothing_older_is_spoken_and_no_weak_cipher(edge: Edge, called: str) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSVersion.TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSVersion.TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    for context in (old, weak):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", edge.port, ssl=context, server_hostname=called)


async def test_a_name_that_is_not_ours_gets_no_certificate_and_no_answer(edge: Edge) -> None:
    with pytest.raises(ssl.SSLError):
        await ask_over_tls(edge, called="elsewhere.test", host="elsewhere.test")
    assert await ask_over_tls(edge, called=NAME, host="elsewhere.test") == b""
    assert await ask_plainly(edge.plain_port, "elsewhere.test") == b""
    assert (await ask_over_tls(edge, called=NAME, host=NAME)).startswith(b"HTTP/1.1 200 ")
    assert [request["headers"]["host"] for request in edge.seen] == [NAME]


async def test_a_request_without_tls_on_the_tls_port_is_not_answered_by_a_replica(edge: Edge) -> None:
    reply = await ask_plainly(edge.port, NAME, "/x")
    assert reply.startswith(b"HTTP/1.1 400 ") or reply == b""
    assert edge.seen == []


@pytest.mark.requirement("FIN-01.grafana")
async def test_grafana_is_reached_under_its_path_and_only_its_live_updates_as_a_websocket(tmp_path: Path) -> None:
    async with running(tmp_path) as behind:
        piece = (TEMPLATES / "grafana.conf.template").read_text(encoding="utf-8")
        own = tmp_path / "grafana.conf"
        assert piece.count("http://grafana:3000") == 2
        own.write_text(piece.replace("grafana:3000", f"127.0.0.1:{behind.replicas[0].port}"), encoding="utf-8")
        front = tmp_path / "front"
        front.mkdir()
        upgrade = {"upgrade": "websocket", "connection": "upgrade"}
        async with running(front, GRAFANA=f"include {own};") as edge, edge.client(LIMITED) as client:
            moved = await client.get("/grafana")
            assert (moved.status_code, moved.headers["location"]) == (301, "/grafana/")
            replies = await asyncio.gather(*(client.get("/grafana/api/x?y=1", headers=upgrade) for _ in range(60)))
            assert {reply.status_code for reply in replies} == {200}
            live = await client.get("/grafana/api/live/ws", headers=upgrade)
            for closed in ("//api/x", "/metrics", "/metrics/plugins/x", "/%6detrics", "/api/../metrics"):
                assert (await client.get(f"/grafana{closed}")).status_code == 404, closed
        seen = [request["headers"].get("upgrade") for request in behind.replicas[0].seen]
        assert (set(seen[:-1]), seen[-1]) == ({None}, "websocket")
        assert live.json()["headers"]["connection"] == "upgrade"
        assert {request["path"] for request in behind.replicas[0].seen[:60]} == {"/grafana/api/x?y=1"}
