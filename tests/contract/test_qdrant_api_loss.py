"""What a cluster of three answers while peers are lost, and how a returned one catches up.

Only the double can be told to lose a peer; sources are files of github.com/qdrant/qdrant at v1.18.3 and v1.19.0.
"""

import time
from collections.abc import Generator

import httpx
import pytest

from tests.contract.qdrant_server import Double, Json, Reply, Server, running_double

pytestmark = pytest.mark.integration

UPDATE = "qdrant: lib/collection/src/shards/replica_set/update.rs"
READ = "qdrant: lib/collection/src/shards/replica_set/execute_read_operation.rs"
CATCHES_UP_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Generator[Double]:
    """Three peers."""
    with running_double(tmp_path_factory.mktemp("loss")) as running:
        yield running


@pytest.fixture
def server(double: Double) -> Generator[Server]:
    """The double as the suite sees it, with every peer there again at the end."""
    with httpx.Client(timeout=30.0) as client:
        seen = Server(double.urls, None, client)
        yield seen
        double.bring_back()
        seen.clean()


def points(start: int, count: int) -> list[Json]:
    """Points of every shard."""
    return [
        {"id": number, "vector": {"dense": [1.0, 0.0, 0.0, float(number)]}} for number in range(start, start + count)
    ]


def write(server: Server, name: str, start: int, count: int = 30, *, peer: int = 1) -> Reply:
    """Write points at a peer."""
    return server.ask("PUT", f"/collections/{name}/points?wait=true", {"points": points(start, count)}, peer=peer)


def count(server: Server, name: str, *, peer: int) -> Reply:
    """Count all points at a peer."""
    return server.ask("POST", f"/collections/{name}/points/count", {"exact": True}, peer=peer)


def states(server: Server, name: str, *, peer: int = 1) -> dict[int, set[str]]:
    """The states of the copies at each peer, by the peer's number, as one peer tells them."""
    told = server.ask("GET", f"/collections/{name}/cluster", peer=peer).result()
    cluster = server.ask("GET", "/cluster", peer=peer).result()
    numbers = {int(one): number for number, one in enumerate(sorted(cluster["peers"], key=int), 1)}
    found: dict[int, set[str]] = {}
    for copy in (*({**one, "peer_id": told["peer_id"]} for one in told["local_shards"]), *told["remote_shards"]):
        found.setdefault(numbers[copy["peer_id"]], set()).add(copy["state"])
    return found


def wait_until_whole(server: Server, name: str) -> None:
    """Until every copy has what it missed."""
    until = time.monotonic() + CATCHES_UP_WITHIN_S
    while set().union(*states(server, name).values()) != {"Active"}:
        assert time.monotonic() < until, states(server, name)
        time.sleep(0.05)


@pytest.mark.source(UPDATE, "qdrant: lib/collection/src/collection/mod.rs")
def test_a_write_that_enough_copies_take_counts_and_the_others_are_dead(server: Server, double: Double) -> None:
    """update_impl: failed replicas are deactivated before the answer; sync_local_state fills them on return."""
    name = server.create(replication_factor=2, write_consistency_factor=1)
    assert write(server, name, 0).status == 200
    double.lose(1)
    assert set().union(*states(server, name).values()) == {"Active"}
    assert write(server, name, 30).status == 200
    assert states(server, name) == {1: {"Dead"}, 2: {"Active"}, 3: {"Active"}}
    assert [count(server, name, peer=peer).result() for peer in (1, 2)] == [{"count": 60}] * 2
    double.bring_back(1)
    wait_until_whole(server, name)
    double.lose(2)
    assert [count(server, name, peer=peer).result() for peer in (0, 2)] == [{"count": 60}] * 2


@pytest.mark.source(UPDATE, "qdrant: lib/api/src/grpc/transport_channel_pool.rs")
def test_a_write_that_too_few_copies_take_is_refused_until_the_peer_is_back(server: Server, double: Double) -> None:
    """update_impl: no replica is deactivated then, so the same write fails again; what some took stays there."""
    name = server.create(replication_factor=2, write_consistency_factor=2)
    double.lose(3)
    for _ in range(2):
        reply = write(server, name, 0, 100)
        assert reply.status == 500
        assert reply.error.startswith(
            "Service internal error: 2 out of 3 shards failed to apply operation. First error"
        )
        assert "Service internal error: Tonic status error: " in reply.error
        assert f"Failed to connect to http://127.0.0.1:{double.ports[2] + 2}/" in reply.error
    assert set().union(*states(server, name).values()) == {"Active"}
    double.bring_back(3)
    assert write(server, name, 0, 100).status == 200
    assert count(server, name, peer=0).result() == {"count": 100}


@pytest.mark.source(UPDATE)
@pytest.mark.source("qdrant: lib/collection/src/shards/replica_set/update.rs")
def test_three_copies_of_which_two_must_take_a_write_bear_one_loss(server: Server, double: Double) -> None:
    """update_impl: minimal_success_count is the factor, and no more than there are copies."""
    name = server.create(replication_factor=3, write_consistency_factor=2)
    double.lose(2)
    assert write(server, name, 0, peer=0).status == 200
    assert states(server, name, peer=0) == {1: {"Active"}, 2: {"Dead"}, 3: {"Active"}}
    more = server.create(replication_factor=1, write_consistency_factor=9)
    one_shard = [one for one in points(0, 60) if write_one(server, more, one).status == 200]
    assert 0 < len(one_shard) < 60


def write_one(server: Server, name: str, one: Json) -> Reply:
    """Write one point."""
    return server.ask("PUT", f"/collections/{name}/points?wait=true", {"points": [one]}, peer=0)


@pytest.mark.source(READ, UPDATE, "qdrant: lib/collection/src/operations/types.rs")
def test_a_single_copy_takes_reads_and_its_part_of_writes_away(server: Server, double: Double) -> None:
    """execute_cluster_read_operation; InconsistentShardFailure."""
    name = server.create(replication_factor=1)
    assert write(server, name, 0).status == 200
    double.lose(1)
    lost = f"Failed to connect to http://127.0.0.1:{double.ports[0] + 2}/"
    vector: Json = {"query": [1, 0, 0, 0], "using": "dense"}
    for method, path, body in (
        ("POST", "/points/count", {}),
        ("POST", "/points/query", vector),
        ("POST", "/points/scroll", {}),
        ("GET", "", None),
    ):
        reply = server.ask(method, f"/collections/{name}{path}", body, peer=1)
        assert reply.status == 500
        assert reply.error.startswith(
            "Service internal error: 1 of 1 read operations failed:\n  Service internal error"
        )
        assert lost in reply.error
    refused = write(server, name, 30)
    assert refused.status == 500
    assert refused.error.startswith("Service internal error: 1 out of 3 shards failed to apply operation. First error")
    double.bring_back(1)
    assert 30 < count(server, name, peer=0).result()["count"] < 60
    assert write(server, name, 30).status == 200
    assert count(server, name, peer=0).result() == {"count": 60}


@pytest.mark.source(UPDATE, "qdrant: lib/storage/src/content_manager/consensus_manager.rs")
def test_with_two_of_three_peers_lost_nothing_is_agreed_on(server: Server, double: Double) -> None:
    """await_receiver; update_impl waits for the deactivation of a failed replica, which needs a majority."""
    name = server.create(replication_factor=3, write_consistency_factor=1)
    assert write(server, name, 0).status == 200
    double.lose(1)
    double.lose(3)
    refused = write(server, name, 30)
    assert refused.status == 500
    assert refused.error.startswith("Service internal error: Some replica of shard 0 failed to apply operation and")
    assert (
        "deactivation timed out after 30s. Consistency of this update is not guaranteed. Please retry." in refused.error
    )
    assert count(server, name, peer=1).result()["count"] >= 30
    text = "Service internal error: Waiting for consensus operation commit failed. Timeout set at: 10 seconds"
    made = server.ask("PUT", f"/collections/{server.name()}", {"vectors": {}}, peer=1)
    changed = server.ask("PATCH", f"/collections/{name}", {"params": {"replication_factor": 2}}, peer=1)
    aliased = server.ask("POST", "/collections/aliases", {"actions": []}, peer=1)
    assert [(one.status, one.error) for one in (made, changed, aliased)] == [(500, text)] * 3


@pytest.mark.source("qdrant: lib/storage/src/types.rs")
def test_a_lost_peer_refuses_connections_and_the_others_tell_of_it(server: Server, double: Double) -> None:
    """ClusterInfo: the peer stays listed; messages to it fail."""
    double.lose(2)
    with pytest.raises(httpx.ConnectError):
        server.ask("GET", "/", peer=1)
    told = server.ask("GET", "/cluster", peer=0).result()
    assert len(told["peers"]) == 3
    assert list(told["message_send_failures"]) == [f"http://127.0.0.1:{double.ports[1] + 2}/"]
    double.bring_back(2)
    assert server.ask("GET", "/", peer=1).status == 200
    assert server.ask("GET", "/cluster", peer=0).result()["message_send_failures"] == {}


@pytest.mark.source("qdrant: lib/collection/src/collection/shard_transfer.rs")
def test_a_copy_that_is_asked_for_on_a_lost_peer_is_dead_until_it_is_back(server: Server, double: Double) -> None:
    """abort_shard_transfer: a synchronising transfer that failed leaves its target dead."""
    name = server.create(shards=1)
    peers = sorted(int(peer) for peer in server.ask("GET", "/cluster").result()["peers"])
    double.lose(3)
    body = {"replicate_shard": {"shard_id": 0, "from_peer_id": peers[0], "to_peer_id": peers[2]}}
    assert server.ask("POST", f"/collections/{name}/cluster", body).status == 200
    assert states(server, name) == {1: {"Active"}, 3: {"Dead"}}
    double.bring_back(3)
    wait_until_whole(server, name)
