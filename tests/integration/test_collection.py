"""A collection that was made under other settings: changed in place, built anew by a command, never taken away."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog

from app.errors import StoreUnavailable
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.rebuild import Rebuilt
from app.retrieval.shape import Copies
from app.retrieval.tuning import Tuning
from tests.contract.qdrant_server import Double, running_double
from tests.integration.retrieval_fixtures import open_index
from tests.integration.test_qdrant_peers import FIRST, ONE, SIZE, made

pytestmark = pytest.mark.integration

# As the settings say where nobody says otherwise.
STATED = Tuning(hnsw_ef_construct=200)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Generator[Double]:
    """Three peers."""
    with running_double(tmp_path_factory.mktemp("peers")) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(double: Double) -> Generator[None]:
    """No collection outlives its test."""
    yield
    with httpx.Client(base_url=double.urls[0]) as client:
        for one in client.get("/collections").json()["result"]["collections"]:
            client.delete(f"/collections/{one['name']}")


@asynccontextmanager
async def opened(
    double: Double, *, size: int = SIZE, shards: int = 3, copies: int = 1, tuning: Tuning = STATED
) -> AsyncGenerator[QdrantPeers]:
    """The peers under some settings."""
    qdrant = await open_index(double.urls, collection="chunks", shards=shards, copies=copies, size=size, tuning=tuning)
    try:
        yield qdrant
    finally:
        await qdrant.close()


async def with_points(double: Double, count: int = 300) -> None:
    """Make the collection under the settings of before, with points."""
    async with opened(double) as qdrant:
        await qdrant.ensure_collection()
        await qdrant.upsert(made(count))


async def found(qdrant: QdrantPeers) -> set[object]:
    """The best points for the first one's vector."""
    point = made(1)[0]
    return {one.id for one in await qdrant.query(ONE, point.dense, point.sparse, limit=5)}


def asked(double: Double, path: str) -> Any:  # noqa: ANN401 - a body as it came
    """The result of a request."""
    return httpx.get(double.urls[0] + path).json()["result"]


def lose(double: Double, collection: str) -> None:
    """Remove a collection behind everybody's back."""
    assert httpx.delete(f"{double.urls[0]}/collections/{collection}").json()["result"] is True


def change_aliases(double: Double, actions: object) -> None:
    """Change aliases as an operator may."""
    assert httpx.post(f"{double.urls[0]}/collections/aliases", json=actions).json()["result"] is True


async def test_a_higher_replication_factor_is_taken_in_place_and_copies_follow(double: Double) -> None:
    await with_points(double)
    async with opened(double, copies=2) as qdrant:
        await qdrant.ensure_collection()
        params = asked(double, "/collections/chunks")["config"]["params"]
        assert (params["replication_factor"], params["write_consistency_factor"]) == (2, 1)
        assert await qdrant.complete_copies() == Copies(wanted=6, whole=3, begun=3)
        assert made(1)[0].id in await found(qdrant)
        assert await qdrant.complete_copies() == Copies(wanted=6, whole=6, begun=0)
        assert await qdrant.count(ONE, FIRST) == 300
    placement = asked(double, "/collections/chunks_v1/cluster")
    copies = [one["shard_id"] for one in (*placement["local_shards"], *placement["remote_shards"])]
    assert sorted(copies) == [0, 0, 1, 1, 2, 2]


async def test_more_copies_than_peers_are_not_waited_for(double: Double) -> None:
    await with_points(double, 10)
    async with opened(double, copies=5) as qdrant:
        await qdrant.ensure_collection()
        for _ in range(2):
            await qdrant.complete_copies()
        assert await qdrant.complete_copies() == Copies(wanted=9, whole=9)


async def test_a_lower_replication_factor_is_taken_in_place_and_removes_nothing(double: Double) -> None:
    async with opened(double, copies=3) as before:
        await before.ensure_collection()
        await before.upsert(made(10))
    async with opened(double, copies=1) as qdrant:
        await qdrant.ensure_collection()
        assert await qdrant.complete_copies() == Copies(wanted=3, whole=3)
        assert await qdrant.count(ONE, FIRST) == 10


async def test_another_number_of_shards_is_told_once_and_the_old_collection_serves(double: Double) -> None:
    await with_points(double)
    with structlog.testing.capture_logs() as lines:
        async with opened(double, shards=4) as qdrant:
            await qdrant.ensure_collection()
            await qdrant.ensure_collection()
            assert made(1)[0].id in await found(qdrant)
    told = [line for line in lines if line["event"] == "collection.differs"]
    assert [(line["differs"], line["remedy"]) for line in told] == [
        ("shard_number is 3, not 4", "run `switchyard retrieval rebuild`")
    ]


async def test_a_rebuild_takes_every_point_over_into_the_new_shape(double: Double) -> None:
    await with_points(double)
    heard: list[tuple[int, int]] = []
    async with opened(double, shards=4, copies=2) as qdrant:
        rebuilt = await qdrant.rebuild(lambda copied, total: heard.append((copied, total)))
        assert rebuilt == Rebuilt("chunks_v2", "chunks_v1", 300)
        assert await qdrant.count(ONE, FIRST) == 300
        assert made(1)[0].id in await found(qdrant)
        assert await qdrant.rebuild(lambda _copied, _total: None) is None
    assert heard == [(128, 300), (256, 300), (300, 300)]
    params = asked(double, "/collections/chunks")["config"]["params"]
    assert (params["shard_number"], params["replication_factor"]) == (4, 2)
    assert [one["name"] for one in asked(double, "/collections")["collections"]] == ["chunks_v2"]


async def test_a_rebuild_that_was_cut_off_begins_anew(double: Double) -> None:
    await with_points(double, 200)
    async with opened(double, shards=4) as qdrant:
        with pytest.raises(RuntimeError, match="cut"):
            await qdrant.rebuild(_cut)
        assert await qdrant.count(ONE, FIRST) == 200
        assert asked(double, "/aliases")["aliases"] == [{"alias_name": "chunks", "collection_name": "chunks_v1"}]
        assert await qdrant.rebuild(lambda _copied, _total: None) == Rebuilt("chunks_v2", "chunks_v1", 200)
        assert await qdrant.count(ONE, FIRST) == 200


async def test_a_rebuild_takes_every_name_of_the_collection_along(double: Double) -> None:
    await with_points(double, 10)
    named = {"actions": [{"create_alias": {"collection_name": "chunks_v1", "alias_name": "of_an_operator"}}]}
    change_aliases(double, named)
    async with opened(double, shards=4) as qdrant:
        assert await qdrant.rebuild(lambda _copied, _total: None) == Rebuilt("chunks_v2", "chunks_v1", 10)
    assert asked(double, "/aliases")["aliases"] == [
        {"alias_name": "chunks", "collection_name": "chunks_v2"},
        {"alias_name": "of_an_operator", "collection_name": "chunks_v2"},
    ]


async def test_a_collection_that_was_lost_is_made_again_while_processes_run(double: Double) -> None:
    await with_points(double, 10)
    async with opened(double) as qdrant:
        await qdrant.ensure_collection()
        lose(double, "chunks_v1")
        assert await qdrant.complete_copies() is None
        await qdrant.upsert(made(10))
        assert await qdrant.count(ONE, FIRST) == 10


def _cut(_copied: int, _total: int) -> None:
    raise RuntimeError("cut")


async def test_vectors_of_another_size_are_refused_with_the_command(double: Double) -> None:
    await with_points(double, 10)
    async with opened(double, size=SIZE + 1) as qdrant:
        with pytest.raises(StoreUnavailable, match="vector size is 8, not 9; run `switchyard retrieval rebuild`"):
            await qdrant.ensure_collection()
        with pytest.raises(StoreUnavailable, match="vector size is 8, not 9; run `switchyard retrieval rebuild`"):
            await found(qdrant)


async def test_after_a_rebuild_for_another_size_the_process_that_refused_goes_on(double: Double) -> None:
    await with_points(double, 10)
    async with opened(double, size=SIZE + 1) as refusing, opened(double, size=SIZE + 1) as command:
        with pytest.raises(StoreUnavailable):
            await refusing.ensure_collection()
        assert await command.rebuild(lambda _copied, _total: None) == Rebuilt("chunks_v2", "chunks_v1", None)
        await refusing.ensure_collection()
        assert await refusing.count(ONE) == 0
        assert await refusing.query(ONE, [0.1] * (SIZE + 1), made(1)[0].sparse, limit=1) == []
