"""Qdrant's snapshots of collections, made, listed, handed out and deleted: statuses, bodies, texts.

Sources are files of github.com/qdrant/qdrant at v1.19.0: `src/actix/api/snapshot_api.rs`, `src/actix/helpers.rs`
(time_or_accept) and, below `lib/collection/src`, `collection/snapshots.rs`, `common/snapshots_manager.rs`,
`common/snapshot_stream.rs` and `operations/snapshot_ops.rs`.
"""

import hashlib
import re
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote

import pytest

from tests.contract.qdrant_server import Json, Server
from tests.contract.test_qdrant_api import assert_error, assert_true

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.source(
        "qdrant: src/actix/api/snapshot_api.rs",
        "qdrant: lib/collection/src/collection/snapshots.rs",
        "qdrant: lib/collection/src/common/snapshots_manager.rs",
    ),
]

WITHIN_S = 20.0
TENANT: Json = {"must": [{"key": "tenant_id", "match": {"value": "t"}}]}


def points(*ids: int) -> list[Json]:
    """Points of one tenant."""
    return [
        {
            "id": one,
            "vector": {"dense": [1.0, one / 10, 0.0, 0.0], "bm25": {"indices": [one], "values": [1.0]}},
            "payload": {"tenant_id": "t"},
        }
        for one in ids
    ]


def filled(server: Server, count: int = 30, **more: object) -> str:
    """A collection with an index and points."""
    name = server.create(**more)  # pyright: ignore[reportArgumentType] - fields of the body
    asked = {"field_name": "tenant_id", "field_schema": {"type": "keyword", "is_tenant": True}}
    server.ask("PUT", f"/collections/{name}/index?wait=true", asked)
    server.upsert(name, points(*range(1, count + 1)))
    return name


def counted(server: Server, name: str, peer: int = 0) -> int:
    """The tenant's points, as a peer counts them."""
    body = {"filter": TENANT, "exact": True}
    return server.ask("POST", f"/collections/{name}/points/count", body, peer=peer).result()["count"]


def taken(server: Server, name: str, peer: int = 0) -> Json:
    """OpenAPI create_snapshot."""
    reply = server.ask("POST", f"/collections/{name}/snapshots", peer=peer)
    assert reply.status == 200, reply.text
    return reply.result()


def listed(server: Server, name: str, peer: int = 0) -> list[Json]:
    """OpenAPI list_snapshots."""
    found: list[Json] = server.ask("GET", f"/collections/{name}/snapshots", peer=peer).json["result"]
    return found


def until(holds: Callable[[], bool]) -> None:
    """Wait until something that peers agree on in their own time holds."""
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_snapshot_is_made_listed_and_deleted(server: Server) -> None:
    """snapshot_ops.rs SnapshotDescription; snapshots.rs create_snapshot (its name)."""
    name = filled(server)
    assert listed(server, name) == []
    made = taken(server, name)
    peer = server.ask("GET", "/cluster").result().get("peer_id", r"\d+")
    assert re.fullmatch(rf"{name}-{peer}-\d{{4}}(-\d\d){{5}}\.snapshot", made["name"])
    assert datetime.fromisoformat(made["creation_time"]).tzinfo is None
    assert made["size"] > 0
    assert listed(server, name) == [made]
    assert_true(server.ask("DELETE", f"/collections/{name}/snapshots/{made['name']}"))
    assert listed(server, name) == []


def test_a_snapshot_is_handed_out_whole_and_in_part_with_its_checksum(server: Server) -> None:
    """snapshot_stream.rs: actix-files' NamedFile."""
    name = filled(server)
    made = taken(server, name)
    path = f"/collections/{name}/snapshots/{made['name']}"
    whole = server.raw("GET", path)
    assert (whole.status_code, len(whole.content)) == (200, made["size"])
    assert hashlib.sha256(whole.content).hexdigest() == made["checksum"]
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"] == f'attachment; filename="{made["name"]}"'
    part = server.raw("GET", path, headers={"range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole.content[2:6])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("snapshot", ["absent.snapshot", "..%2Fconfig.json"])
def test_a_snapshot_that_is_not_there_is_404(server: Server, method: str, snapshot: str) -> None:
    """snapshots_manager.rs get_snapshot_path, validate_snapshot_name."""
    name = filled(server)
    taken(server, name)
    reply = server.ask(method, f"/collections/{name}/snapshots/{snapshot}")
    assert reply.status == 404
    assert reply.error == f"Not found: Snapshot {unquote(snapshot)}"


def test_snapshots_of_a_collection_that_is_not_there_are_404(server: Server) -> None:
    """toc.get_collection; errors.rs NotFound."""
    text = "Not found: Collection `absent` doesn't exist!"
    assert_error(server.ask("GET", "/collections/absent/snapshots"), 404, text)
    assert_error(server.ask("POST", "/collections/absent/snapshots"), 404, text)
    assert_error(server.ask("DELETE", "/collections/absent/snapshots/x.snapshot"), 404, text)


def test_what_is_not_waited_for_is_accepted_and_done_later(server: Server) -> None:
    """helpers.rs time_or_accept: 202 without a result."""
    name = filled(server)
    reply = server.ask("POST", f"/collections/{name}/snapshots?wait=false")
    assert (reply.status, reply.json["status"], "result" in reply.json) == (202, "accepted", False)
    until(lambda: len(listed(server, name)) == 1)
    (made,) = listed(server, name)
    assert server.ask("DELETE", f"/collections/{name}/snapshots/{made['name']}?wait=false").status == 202
    until(lambda: listed(server, name) == [])
