"""Qdrant's recovery of collections from snapshots: what comes back, at which peers, and what is refused.

Sources are files of github.com/qdrant/qdrant at v1.19.0: `src/actix/api/snapshot_api.rs` and, below
`lib/storage/src/content_manager/snapshots`, `recover.rs`, `download.rs` and `download_tar.rs`.
"""

import pytest

from tests.contract.qdrant_server import Json, Reply, Server
from tests.contract.test_qdrant_api import assert_error, assert_true
from tests.contract.test_qdrant_api_snapshots import TENANT, counted, filled, listed, points, taken, until

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.source(
        "qdrant: src/actix/api/snapshot_api.rs",
        "qdrant: lib/storage/src/content_manager/snapshots/recover.rs",
    ),
]


def recover(server: Server, name: str, location: str, *, peer: int = 0, **more: object) -> Reply:
    """OpenAPI recover_from_snapshot."""
    own = {"api_key": server.api_key} if server.api_key else {}
    body = {"location": location, **own, **more}
    return server.ask("PUT", f"/collections/{name}/snapshots/recover", body, peer=peer)


def fetched(server: Server, name: str, snapshot: Json, peer: int = 0) -> bytes:
    """OpenAPI get_snapshot."""
    return server.raw("GET", f"/collections/{name}/snapshots/{snapshot['name']}", peer=peer).content


def upload(server: Server, name: str, archive: bytes, *, peer: int = 0, query: str = "") -> Reply:
    """OpenAPI recover_from_uploaded_snapshot."""
    files = {"snapshot": ("x.snapshot", archive)}
    return server.reply(server.raw("POST", f"/collections/{name}/snapshots/upload{query}", peer=peer, files=files))


def everywhere(server: Server, name: str) -> list[bytes]:
    """A snapshot of every peer."""
    return [fetched(server, name, taken(server, name, peer), peer) for peer in range(len(server.urls))]


def bring_back(server: Server, name: str, archives: list[bytes], query: str = "") -> None:
    """Recover each peer's snapshot at that peer."""
    for peer, archive in enumerate(archives):
        assert_true(upload(server, name, archive, peer=peer, query=query))


def whole_everywhere(server: Server, name: str, count: int, copies: int = 1) -> bool:
    """Whether each peer counts that many points, and each shard has so many copies, all of them whole."""
    if any(counted(server, name, peer) != count for peer in range(len(server.urls))):
        return False
    if len(server.urls) == 1:
        return True
    info = server.ask("GET", f"/collections/{name}/cluster").result()
    held = [(one["shard_id"], one["state"]) for one in (*info["local_shards"], *info["remote_shards"])]
    return sorted(held) == sorted((shard, "Active") for shard in range(info["shard_count"]) for _ in range(copies))


def delete_all(server: Server, name: str) -> None:
    """Delete the tenant's points."""
    assert server.ask("POST", f"/collections/{name}/points/delete?wait=true", {"filter": TENANT}).status == 200


def test_the_snapshots_of_all_peers_bring_back_what_was_deleted(server: Server) -> None:
    """recover.rs: the snapshot is what counts, unless another priority is asked."""
    name = filled(server)
    archives = everywhere(server, name)
    delete_all(server, name)
    server.upsert(name, points(77))
    bring_back(server, name, archives)
    until(lambda: whole_everywhere(server, name, 30))
    query = {"query": [1.0, 0.1, 0.0, 0.0], "using": "dense", "limit": 1, "filter": TENANT}
    assert server.found(name, query)[0]["id"] == 1
    words = {"query": {"indices": [7], "values": [1.0]}, "using": "bm25", "limit": 5, "filter": TENANT}
    assert [one["id"] for one in server.found(name, words)] == [7]


@pytest.mark.parametrize("alike", [True, False], ids=["its own name", "another name"])
def test_a_collection_that_is_gone_is_made_as_it_was(server: Server, alike: bool) -> None:  # noqa: FBT001
    """recover.rs: CreateCollection with the snapshot's configuration, and CreatePayloadIndex."""
    name = filled(server, hnsw_config={"m": 24})
    before = server.ask("GET", f"/collections/{name}").result()
    archives = everywhere(server, name)
    back = name if alike else server.name()
    if alike:
        assert_true(server.ask("DELETE", f"/collections/{name}"))
    bring_back(server, back, archives)
    until(lambda: whole_everywhere(server, back, 30))
    after = server.ask("GET", f"/collections/{back}").result()
    assert after["config"] == before["config"]
    assert after["payload_schema"] == before["payload_schema"]


def test_a_peers_snapshot_holds_the_shards_of_that_peer_only(server: Server) -> None:
    """snapshots.rs create_snapshot over replica sets: a remote shard has no data in it."""
    if len(server.urls) < 2:
        pytest.skip("one address is no cluster")
    name = filled(server)
    own = server.ask("GET", f"/collections/{name}/cluster").result()["local_shards"]
    held = sum(one["points_count"] for one in own)
    assert 0 < held < 30
    archive = fetched(server, name, taken(server, name))
    assert listed(server, name, peer=1) == []
    delete_all(server, name)
    assert_true(upload(server, name, archive))
    until(lambda: whole_everywhere(server, name, held))


@pytest.mark.parametrize(("query", "held"), [("", 30), ("?priority=replica", 31)], ids=["snapshot", "replica"])
def test_all_copies_become_what_was_recovered_or_what_the_others_have(server: Server, query: str, held: int) -> None:
    """recover.rs SnapshotPriority: the snapshot counts and the others are filled from it, or this copy from another."""
    if len(server.urls) < 2:
        pytest.skip("one address is no cluster")
    name = filled(server, shards=1, replication_factor=2)
    until(lambda: whole_everywhere(server, name, 30, copies=2))
    peer = holder(server, name)
    archive = fetched(server, name, taken(server, name, peer), peer)
    server.upsert(name, points(77))
    assert_true(upload(server, name, archive, peer=peer, query=query))
    until(lambda: whole_everywhere(server, name, held, copies=2))


def holder(server: Server, name: str) -> int:
    """A peer that has a copy of the first shard."""
    for peer in range(len(server.urls)):
        if server.ask("GET", f"/collections/{name}/cluster", peer=peer).result()["local_shards"]:
            return peer
    raise AssertionError("no peer has a copy")


def test_a_snapshot_is_fetched_from_where_a_peer_hands_it_out(server: Server) -> None:
    """download_tar.rs; the key that is given goes along."""
    name = filled(server)
    for peer in range(len(server.urls)):
        made = taken(server, name, peer)
        location = f"{server.urls[peer]}/collections/{name}/snapshots/{made['name']}"
        reply = recover(server, name, location, peer=peer, checksum=made["checksum"])
        if "Http request error" in reply.text:
            pytest.skip("the peers do not reach each other at these addresses")
        assert_true(reply)
        missing = recover(server, name, f"{location}x", peer=peer)
        text = f"Wrong input: Failed to download tar from {location}x: status - 404 Not Found"
        assert_error(missing, 400, text)
    until(lambda: whole_everywhere(server, name, 30))


@pytest.mark.parametrize(
    ("location", "status", "text"),
    [
        (
            "file://whatever.snapshot",
            400,
            "Bad request: Invalid snapshot URI, file path must be absolute or on localhost",
        ),
        ("file:///absent.snapshot", 400, 'Bad request: Snapshot file "/absent.snapshot" does not exist'),
        ("file://localhost/absent.snapshot", 400, 'Bad request: Snapshot file "/absent.snapshot" does not exist'),
        ("file:///etc/passwd", 403, "Forbidden: Snapshot file path must be inside the snapshots directory "),
        ("ftp://a.example/x", 400, "Bad request: URL ftp://a.example/x with scheme ftp is not supported"),
        ("x.snapshot", 400, "Format error in JSON body: "),
    ],
)
def test_a_location_that_cannot_be_taken_is_refused(server: Server, location: str, status: int, text: str) -> None:
    """download.rs download_snapshot, validate_snapshot_path."""
    reply = recover(server, server.name(), location)
    assert reply.status == status, reply.text
    assert reply.error.startswith(text)


def test_a_checksum_that_is_another_is_refused_before_anything_changes(server: Server) -> None:
    """upload_snapshot: StorageError::checksum_mismatch, with the two in this order."""
    name = filled(server)
    made = taken(server, name)
    archive, other = fetched(server, name, made), "3" * 64
    server.upsert(name, points(77))
    text = f"Checksum mismatch: expected {made['checksum']}, actual {other}"
    assert_error(upload(server, name, archive, query=f"?checksum={other}"), 400, text)
    assert upload(server, name, archive, query="?checksum=33").status == 422
    assert recover(server, name, "http://a.example/x", checksum="33").status == 422
    assert counted(server, name) == 31


def test_a_snapshot_of_another_shape_is_refused(server: Server) -> None:
    """recover.rs: vectors, then the number of shards."""
    name = filled(server)
    archive = fetched(server, name, taken(server, name))
    refusal = "Wrong input: Snapshot is not compatible with existing collection: "
    wider = upload(server, server.create(size=5), archive)
    assert (wider.status, wider.error.startswith(f"{refusal}Collection vectors: ")) == (400, True)
    more = upload(server, server.create(shards=4), archive)
    assert_error(more, 400, f"{refusal}Collection shard number: 4 Snapshot shard number: 3")


def test_what_is_no_snapshot_is_an_internal_error(server: Server) -> None:
    """tar_unpack.rs; errors.rs From<IoError>."""
    name = filled(server)
    reply = upload(server, name, b"no archive at all" * 100)
    assert (reply.status, reply.error.startswith("Service internal error: ")) == (500, True)
    assert counted(server, name) == 30
