"""What the local double of Qdrant acknowledged survives its death, as the real server promises."""

import threading
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.contract.qdrant_server import Double, Json, Server, running_double

pytestmark = [pytest.mark.integration, pytest.mark.source("qdrant: lib/wal/src/lib.rs")]

TENANT: Json = {"must": [{"key": "tenant_id", "match": {"value": "t"}}]}


@pytest.fixture
def double(tmp_path: Path) -> Generator[Double]:
    """A double without a key on its own storage, in a path with a space."""
    with running_double(tmp_path / "a storage") as running:
        yield running


@pytest.fixture
def server(double: Double) -> Generator[Server]:
    """The double as the suite sees it."""
    with httpx.Client(timeout=30.0) as client:
        yield Server(double.urls, None, client)


def points(start: int, count: int) -> list[Json]:
    """Points of one tenant."""
    return [
        {
            "id": number,
            "vector": {"dense": [1.0, 2.0, 3.0, float(number)], "bm25": {"indices": [number % 7], "values": [1.0]}},
            "payload": {"tenant_id": "t"},
        }
        for number in range(start, start + count)
    ]


def count(server: Server, collection: str) -> object:
    """The tenant's points."""
    body = {"filter": TENANT, "exact": True}
    return server.ask("POST", f"/collections/{collection}/points/count", body).result()["count"]


def test_collections_aliases_indexes_and_points_survive_a_kill(double: Double, server: Server) -> None:
    name, alias = server.create(shards=3), server.name()
    schema = {"type": "keyword", "is_tenant": True}
    server.ask("PUT", f"/collections/{name}/index?wait=true", {"field_name": "tenant_id", "field_schema": schema})
    made = {"create_alias": {"alias_name": alias, "collection_name": name}}
    server.ask("POST", "/collections/aliases", {"actions": [made]})
    server.upsert(name, points(0, 50))
    before = server.ask("GET", f"/collections/{name}").result()
    double.kill()
    double.start()
    assert server.ask("GET", f"/collections/{alias}").result() == before
    assert count(server, alias) == 50
    query = {"query": [1.0, 2.0, 3.0, 49.0], "using": "dense", "limit": 1, "filter": TENANT}
    assert server.found(alias, query)[0]["id"] == 49


def test_every_acknowledged_upsert_survives_a_kill_in_the_middle_of_writing(double: Double, server: Server) -> None:
    name = server.create(shards=3)
    acknowledged = 0
    enough = threading.Event()

    def kill_soon() -> None:
        enough.wait(30.0)
        double.kill()

    killer = threading.Thread(target=kill_soon)
    killer.start()
    for start in range(0, 1_000_000, 10):
        try:
            server.upsert(name, points(start, 10))
        except httpx.TransportError:
            break
        acknowledged = start + 10
        if acknowledged >= 300:
            enough.set()
    killer.join(30.0)
    double.start()
    body = {"limit": 1_000_000, "with_payload": False}
    kept = server.ask("POST", f"/collections/{name}/points/scroll", body).result()["points"]
    assert set(range(acknowledged)) <= {point["id"] for point in kept}
    assert 300 <= acknowledged < 1_000_000


def test_a_stop_is_clean_and_nothing_is_lost(double: Double, server: Server) -> None:
    name = server.create()
    server.upsert(name, points(0, 20))
    assert double.stop() == 0
    double.start()
    assert count(server, name) == 20


def test_a_deleted_collection_stays_deleted(double: Double, server: Server) -> None:
    name = server.create()
    server.upsert(name, points(0, 5))
    server.ask("DELETE", f"/collections/{name}")
    double.kill()
    double.start()
    assert server.ask("GET", f"/collections/{name}/exists").result() == {"exists": False}
    server.create()  # nothing left behind is in the way


def test_a_second_process_on_the_same_storage_does_not_start(double: Double, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended while starting"), running_double(tmp_path / "a storage"):
        pass
    assert double.process is not None
    assert double.process.poll() is None
