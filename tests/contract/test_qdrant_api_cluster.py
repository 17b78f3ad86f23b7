"""Qdrant's cluster routes and changes in place: statuses, bodies, texts.

Sources are files of github.com/qdrant/qdrant at v1.19.0: `src/actix/api/cluster_api.rs`, `src/common/collections.rs`
(do_update_collection_cluster), `lib/storage/src/content_manager/toc/collection_meta_ops.rs` (update_collection),
`lib/collection/src/operations/{types,config_diff,cluster_ops}.rs`, `lib/collection/src/shards/transfer/helpers.rs`.
"""

import time

import pytest

from tests.contract.qdrant_server import Json, Server

pytest_plugins = ("tests.contract.qdrant_fixtures",)
pytestmark = pytest.mark.integration

COPIED_WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def _cluster(server: Server) -> None:  # pyright: ignore[reportUnusedFunction]
    """A server of one's own may be a single one."""
    if len(server.urls) < 2:
        pytest.skip("one address is no cluster: name more in SWITCHYARD_TEST_QDRANT_URL")


def placement(server: Server, name: str, peer: int = 0) -> Json:
    """OpenAPI CollectionClusterInfo."""
    return server.ask("GET", f"/collections/{name}/cluster", peer=peer).result()


def holders(server: Server, name: str) -> dict[int, set[int]]:
    """The peers that hold a whole copy of each shard."""
    info = placement(server, name)
    found: dict[int, set[int]] = {}
    for shard in (*({**one, "peer_id": info["peer_id"]} for one in info["local_shards"]), *info["remote_shards"]):
        if shard["state"] == "Active":
            found.setdefault(shard["shard_id"], set()).add(shard["peer_id"])
    return found


def peers_of(server: Server) -> set[int]:
    """The ids of all peers."""
    return {int(peer) for peer in server.ask("GET", "/cluster").result()["peers"]}


def change(server: Server, name: str, **params: object) -> int:
    """OpenAPI update_collection; the status."""
    return server.ask("PATCH", f"/collections/{name}", {"params": params}).status


def replicate(server: Server, name: str, shard: int, source: int, target: int) -> Json:
    """OpenAPI update_collection_cluster; status and error."""
    body = {"replicate_shard": {"shard_id": shard, "from_peer_id": source, "to_peer_id": target}}
    reply = server.ask("POST", f"/collections/{name}/cluster", body)
    return {"status": reply.status, "error": None if reply.status == 200 else reply.error}


@pytest.mark.source("qdrant: lib/storage/src/types.rs")
def test_each_peer_tells_its_own_id_and_all_peers(server: Server) -> None:
    """lib/storage/src/types.rs ClusterInfo."""
    told = [server.ask("GET", "/cluster", peer=peer).result() for peer in range(len(server.urls))]
    assert all(one["status"] == "enabled" for one in told)
    assert {one["peer_id"] for one in told} == peers_of(server)
    assert all(set(one["peers"]) == set(told[0]["peers"]) for one in told)


@pytest.mark.source("qdrant: lib/storage/src/content_manager/shard_distribution.rs")
def test_a_shard_has_as_many_copies_as_were_asked_for(server: Server) -> None:
    """shard_distribution.rs: the factor, at most one a peer."""
    name = server.create(shards=3)
    assert [len(held) for held in holders(server, name).values()] == [1, 1, 1]
    info = placement(server, name)
    assert info["shard_count"] == 3
    assert info["shard_transfers"] == []
    assert {one["shard_id"] for one in (*info["local_shards"], *info["remote_shards"])} == {0, 1, 2}


@pytest.mark.source("qdrant: lib/storage/src/content_manager/toc/collection_meta_ops.rs")
def test_a_changed_factor_is_told_and_makes_no_copy(server: Server) -> None:
    """update_collection: update_params_from_diff, and no replica changes unless a peer proposes them."""
    name = server.create(shards=3)
    assert change(server, name, replication_factor=2, write_consistency_factor=2) == 200
    params = server.ask("GET", f"/collections/{name}").result()["config"]["params"]
    assert (params["replication_factor"], params["write_consistency_factor"]) == (2, 2)
    assert [len(held) for held in holders(server, name).values()] == [1, 1, 1]
    server.upsert(name, [{"id": 1, "vector": {"dense": [1, 0, 0, 0]}}])


@pytest.mark.source("qdrant: lib/collection/src/operations/config_diff.rs")
def test_one_factor_may_change_alone(server: Server) -> None:
    """config_diff.rs CollectionParamsDiff: what is not given stays."""
    name = server.create(shards=1)
    assert change(server, name, replication_factor=3) == 200
    params = server.ask("GET", f"/collections/{name}").result()["config"]["params"]
    assert (params["replication_factor"], params["write_consistency_factor"]) == (3, 1)


@pytest.mark.source("qdrant: lib/collection/src/operations/config_diff.rs")
def test_a_factor_of_zero_is_refused(server: Server) -> None:
    """config_diff.rs: NonZeroU32."""
    name = server.create(shards=1)
    assert change(server, name, replication_factor=0) == 400


@pytest.mark.source("qdrant: lib/storage/src/content_manager/errors.rs")
def test_a_collection_that_is_missing_cannot_be_changed(server: Server) -> None:
    """errors.rs NotFound."""
    assert change(server, server.name(), replication_factor=2) == 404


@pytest.mark.source("qdrant: src/common/collections.rs")
def test_a_copy_that_is_asked_for_comes_to_its_peer(server: Server) -> None:
    """do_update_collection_cluster ReplicateShard: the source keeps its copy."""
    name = server.create(shards=1)
    source = next(iter(holders(server, name)[0]))
    target = min(peers_of(server) - {source})
    assert replicate(server, name, 0, source, target) == {"status": 200, "error": None}
    until = time.monotonic() + COPIED_WITHIN_S
    while holders(server, name)[0] != {source, target}:
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.source("qdrant: src/common/collections.rs", "qdrant: lib/collection/src/shards/transfer/helpers.rs")
def test_a_copy_that_makes_no_sense_is_refused(server: Server) -> None:
    """do_update_collection_cluster, validate_transfer: 400 for what does not exist."""
    name = server.create(shards=1)
    source = next(iter(holders(server, name)[0]))
    other = min(peers_of(server) - {source})
    missing_shard = replicate(server, name, 7, source, other)
    assert missing_shard == {"status": 400, "error": f"Bad request: Shard 7 of {name} does not exist"}
    missing_peer = replicate(server, name, 0, source, 5)
    assert missing_peer == {"status": 400, "error": "Bad request: Peer 5 does not exist"}
    assert replicate(server, name, 0, source, source)["status"] == 422
