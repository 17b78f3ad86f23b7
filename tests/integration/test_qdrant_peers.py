"""The client wrapper over three peers: what it writes and finds, and what it does when peers fail."""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid5

import httpx
import pytest
from prometheus_client import CollectorRegistry

from app.errors import StoreUnavailable
from app.ids import DocumentId, TenantId
from app.retrieval.points import Point, SparseVector
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import Shape
from app.telemetry.metrics import Metrics
from tests.contract.qdrant_server import Double, free_ports, running_double

pytestmark = pytest.mark.integration

KEY = "peers-key"
SIZE = 8
ONE, OTHER = TenantId(UUID(int=1)), TenantId(UUID(int=2))
FIRST, SECOND, THIRD = (DocumentId(UUID(int=number)) for number in (11, 12, 13))


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Generator[Double]:
    """Three peers with a key."""
    with running_double(tmp_path_factory.mktemp("peers"), api_key=KEY) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(double: Double) -> Generator[None]:
    """No collection outlives its test."""
    yield
    with httpx.Client(base_url=double.urls[0], headers={"api-key": KEY}) as client:
        for one in client.get("/collections").json()["result"]["collections"]:
            client.delete(f"/collections/{one['name']}")


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


@asynccontextmanager
async def peers(
    urls: Sequence[str],
    *,
    api_key: str | None = KEY,
    size: int = SIZE,
    shards: int = 3,
    metrics: Metrics | None = None,
    timeout_s: float = 2.0,
) -> AsyncGenerator[QdrantPeers]:
    """A wrapper over some peers, closed on the way out."""
    wrapper = QdrantPeers(
        urls,
        api_key=api_key,
        collection="chunks",
        shape=Shape(size, shards, 2),
        metrics=metrics or Metrics(CollectorRegistry()),
        timeout_s=timeout_s,
    )
    try:
        yield wrapper
    finally:
        await wrapper.close()


@asynccontextmanager
async def listening(reply: bytes | None) -> AsyncGenerator[str]:
    """A peer that answers everything with `reply`, or takes requests and never answers."""
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await over.wait()
        else:
            writer.write(reply)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        over.set()
        server.close()


def made(count: int, tenant_id: TenantId = ONE, document_id: DocumentId = FIRST) -> list[Point]:
    """Points of a document with distinct vectors; their ids are the same every time."""
    rng = random.Random(document_id.int)  # noqa: S311
    return [
        Point(
            id=uuid5(document_id, str(ordinal)),
            tenant_id=tenant_id,
            document_id=document_id,
            ordinal=ordinal,
            dense=[rng.gauss(0, 1) for _ in range(SIZE)],
            sparse=SparseVector((1, 2 + ordinal), (1.0, 2.0)),
        )
        for ordinal in range(count)
    ]


@pytest.mark.requirement("FIN-94.index")
@pytest.mark.requirement("INS-35.vector-store", "FIN-52.sharded")
async def test_the_collection_is_made_once_and_found_again(double: Double) -> None:
    async with peers(double.urls) as first, peers(double.urls) as second:
        await asyncio.gather(first.ensure_collection(), second.ensure_collection(), first.ensure_collection())
        await second.ensure_collection()
        async with httpx.AsyncClient(base_url=double.urls[0], headers={"api-key": KEY}) as client:
            aliases = (await client.get("/aliases")).json()["result"]["aliases"]
            found = (await client.get("/collections/chunks")).json()["result"]
            placed = (await client.get("/collections/chunks_v1/cluster")).json()["result"]
    assert aliases == [{"alias_name": "chunks", "collection_name": "chunks_v1"}]
    assert found["payload_schema"]["tenant_id"]["params"] == {"type": "keyword", "is_tenant": True}
    assert found["payload_schema"]["document_id"]["data_type"] == "keyword"
    params = found["config"]["params"]
    assert (params["shard_number"], params["replication_factor"], params["write_consistency_factor"]) == (3, 2, 1)
    elsewhere = {(one["peer_id"], one["shard_id"]) for one in placed["remote_shards"]}
    everywhere = elsewhere | {(placed["peer_id"], one["shard_id"]) for one in placed["local_shards"]}
    assert len({peer for peer, _ in everywhere}) == 3
    assert sorted(shard for _, shard in everywhere) == [0, 0, 1, 1, 2, 2]


async def test_points_are_written_counted_found_and_removed(double: Double) -> None:
    points = made(300)  # more than one request
    async with peers(double.urls) as qdrant:
        await qdrant.ensure_collection()
        await qdrant.upsert(points)
        await qdrant.upsert(points[:50])
        await qdrant.upsert(made(5, document_id=SECOND))
        assert [await qdrant.count(ONE), await qdrant.count(ONE, FIRST), await qdrant.count(ONE, SECOND)] == [
            305,
            300,
            5,
        ]
        found = await qdrant.query(ONE, points[17].dense, points[17].sparse, limit=5)
        assert (found[0].id, found[0].document_id) == (points[17].id, FIRST)
        assert found[0].cosine == pytest.approx(1.0, abs=1e-5)
        by_words = [one.bm25 for one in found if one.bm25 is not None]
        assert (len(by_words), by_words) == (5, sorted(by_words, reverse=True))
        # Also what its words alone brought says how near it is.
        dense = {point.id: point.dense for point in points}
        for one in found:
            assert one.cosine == pytest.approx(_cosine(points[17].dense, dense[one.id]), abs=1e-5)
        await qdrant.remove_document(ONE, FIRST)
        await qdrant.remove_document(ONE, FIRST)
        assert [await qdrant.count(ONE), await qdrant.count(ONE, FIRST)] == [5, 0]


@pytest.mark.requirement("FIN-05.meaning")
async def test_a_query_without_known_words_searches_by_nearness_alone(double: Double) -> None:
    points = made(20)
    async with peers(double.urls) as qdrant:
        await qdrant.ensure_collection()
        await qdrant.upsert([*points, *made(1, document_id=SECOND)])
        found = await qdrant.query(ONE, points[3].dense, SparseVector((), ()), limit=1)
    assert found[0].id == points[3].id


@pytest.mark.requirement("FIN-05.filter")
async def test_a_tenant_finds_counts_and_removes_only_its_own(double: Double) -> None:
    async with peers(double.urls) as qdrant:
        await qdrant.ensure_collection()
        await qdrant.upsert(made(10, ONE, FIRST))
        await qdrant.upsert(made(10, OTHER, SECOND))
        wanted = made(10, OTHER, SECOND)[4]
        found = await qdrant.query(ONE, wanted.dense, wanted.sparse, limit=50)
        assert {one.document_id for one in found} == {FIRST}
        assert await qdrant.query(ONE, wanted.dense, wanted.sparse, limit=50, documents=[SECOND]) == []
        await qdrant.upsert(made(3, ONE, THIRD))
        chosen = await qdrant.query(ONE, wanted.dense, wanted.sparse, limit=50, documents=[SECOND, THIRD])
        assert {one.document_id for one in chosen} == {THIRD}
        assert await qdrant.count(ONE, SECOND) == 0
        await qdrant.remove_document(ONE, SECOND)
        assert await qdrant.count(OTHER) == 10


async def test_nothing_is_read_or_removed_without_a_tenant(double: Double) -> None:
    nobody = made(1, tenant_id=None)[0].tenant_id  # pyright: ignore[reportArgumentType]
    async with peers(double.urls) as qdrant:
        await qdrant.ensure_collection()
        with pytest.raises(ValueError, match="tenant"):
            await qdrant.query(nobody, [1.0] * SIZE, SparseVector((), ()), limit=1)
        with pytest.raises(ValueError, match="tenant"):
            await qdrant.count(nobody)
        with pytest.raises(ValueError, match="tenant"):
            await qdrant.remove_document(nobody, FIRST)


@pytest.mark.requirement("FIN-52.passed-over")
async def test_a_dead_peer_fails_no_call(double: Double) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    points = made(5)
    async with peers([dead, *double.urls[:2]]) as qdrant:
        await qdrant.ensure_collection()
        for _ in range(10):
            await qdrant.upsert(points)
            assert await qdrant.count(ONE) == 5
            assert (await qdrant.query(ONE, points[0].dense, points[0].sparse, limit=1))[0].id == points[0].id
        await qdrant.look()


async def test_a_peer_that_hangs_or_fails_is_passed_over(double: Double) -> None:
    overloaded = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    async with listening(None) as hanging, listening(overloaded) as failing:
        async with peers([hanging, double.urls[0]], timeout_s=0.3) as qdrant:
            await qdrant.ensure_collection()
            for _ in range(6):
                await qdrant.look()
        async with peers([failing, double.urls[1]]) as qdrant:
            for _ in range(6):
                await qdrant.look()


async def test_without_any_peer_the_store_is_unavailable_and_soon_not_asked_again() -> None:
    dead = [f"http://127.0.0.1:{port}" for port in free_ports(2)]
    metrics = Metrics(CollectorRegistry())
    async with peers(dead, metrics=metrics) as qdrant:
        for _ in range(6):
            with pytest.raises(StoreUnavailable) as refused:
                await qdrant.count(ONE)
            assert refused.value.facts["store"] == "qdrant"
        with pytest.raises(StoreUnavailable, match="connection refused"):
            await qdrant.look()
    asked = metrics.registry.get_sample_value("switchyard_qdrant_request_seconds_count", {"operation": "count"})
    assert asked == 6  # three failures in a row open a peer's circuit


async def test_a_refused_key_is_told_at_once_and_closes_no_peer(double: Double) -> None:
    async with peers(double.urls, api_key="wrong") as qdrant:
        for _ in range(8):
            with pytest.raises(StoreUnavailable, match="status 401") as refused:
                await qdrant.count(ONE)
            assert refused.value.facts["status"] == 401


async def test_a_missing_collection_is_unavailable_until_it_is_made(double: Double) -> None:
    async with peers(double.urls) as qdrant:
        with pytest.raises(StoreUnavailable, match="status 404"):
            await qdrant.count(ONE)
        await qdrant.ensure_collection()
        assert await qdrant.count(ONE) == 0


@pytest.mark.requirement("ORC-22.watched")
async def test_every_request_is_measured(double: Double) -> None:
    metrics = Metrics(CollectorRegistry())
    async with peers(double.urls, metrics=metrics) as qdrant:
        await qdrant.ensure_collection()
        await qdrant.upsert(made(3))
        await qdrant.count(ONE)
    name = "switchyard_qdrant_request_seconds_count"
    assert metrics.registry.get_sample_value(name, {"operation": "upsert"}) == 1
    assert metrics.registry.get_sample_value(name, {"operation": "count"}) == 1


@pytest.mark.requirement("ORC-02.restart", "ORC-22.persistent", "INS-39.persistent")
async def test_points_survive_the_death_of_all_peers(tmp_path: Path) -> None:
    with running_double(tmp_path, api_key=KEY) as double:
        async with peers(double.urls) as qdrant:
            await qdrant.ensure_collection()
            await qdrant.upsert(made(40))
            await asyncio.to_thread(double.kill)
            with pytest.raises(StoreUnavailable):
                await qdrant.count(ONE)
            await asyncio.to_thread(double.start)
            assert await qdrant.count(ONE) == 40
