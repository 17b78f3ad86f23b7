"""Which peers hold a copy of which shard, as a cluster tells it: the double's peers share one storage.

A copy that is asked for is whole at once where both its peers are there. Sources, at v1.19.0:
`lib/collection/src/operations/types.rs` (CollectionClusterInfo), `lib/storage/src/types.rs` (ClusterStatus),
`lib/storage/src/content_manager/shard_distribution.rs` (how a new collection is placed), `src/common/collections.rs`
(do_update_collection_cluster) and `lib/collection/src/shards/transfer/helpers.rs` (validate_transfer).
"""

from collections.abc import Mapping, Sequence

from msgspec import structs

from ops.local.qdrant import faults
from ops.local.qdrant.cluster import Cluster, peer_id
from ops.local.qdrant.replicas import CopyState, Replicas
from ops.local.qdrant.requests import CreateCollection, ReplicateShard
from ops.local.qdrant.shards import Configuration

_THEN = "2026-01-01T00:00:00.000000000Z"


def placed(created: CreateCollection, peers: int) -> tuple[tuple[int, ...], ...]:
    """The places of the peers that get a copy of each shard of a new collection: the next ones in turn."""
    copies = min(created.replication_factor or 1, peers)
    return tuple(
        tuple(sorted((shard + copy) % peers for copy in range(copies))) for shard in range(created.shard_number or 1)
    )


def with_copies(configuration: Configuration, peers: int) -> Configuration:
    """The configuration with its placement written down; one of an older storage has none yet."""
    if configuration.copies:
        return configuration
    return structs.replace(configuration, copies=placed(configuration.created, peers))


def replicated(
    configuration: Configuration, asked: ReplicateShard, name: str, cluster: Cluster, replicas: Replicas
) -> Configuration:
    """The configuration after one more copy, which waits to be filled where one of the two peers is lost.

    Raises:
        Fault: the shard, a peer or the whole source copy does not exist, or source and target are one.
    """
    ids = {peer_id(place): place for place in range(cluster.size)}
    if asked.from_peer_id == asked.to_peer_id:
        # lib/common/common/src/validation.rs, validate_shard_different_peers.
        source = asked.from_peer_id
        text = f'cannot transfer shard to itself, "to_peer_id" must be different than {source} in "from_peer_id"'
        raise faults.invalid_body("replicate_shard.to_peer_id", text)
    if not 0 <= asked.shard_id < len(configuration.copies):
        raise faults.bad_request(f"Shard {asked.shard_id} of {name} does not exist")
    for peer in (asked.to_peer_id, asked.from_peer_id):
        if peer not in ids:
            raise faults.bad_request(f"Peer {peer} does not exist")
    held = configuration.copies[asked.shard_id]
    source, target = ids[asked.from_peer_id], ids[asked.to_peer_id]
    if source not in held or replicas.state(asked.shard_id, source) is not CopyState.ACTIVE:
        raise faults.bad_request(f"Shard {asked.shard_id} is not active on peer {asked.from_peer_id}")
    if cluster.lost & {source, target}:
        replicas.mark_dead(asked.shard_id, target)
    copies = list(configuration.copies)
    copies[asked.shard_id] = tuple(sorted({*held, target}))
    return structs.replace(configuration, copies=tuple(copies))


def shown_cluster(cluster: Cluster, this: int) -> dict[str, object]:
    """`GET /cluster` as the peer at place `this` answers it; one peer alone runs without a cluster."""
    if cluster.size < 2:
        return {"status": "disabled"}
    there = [place for place in range(cluster.size) if place not in cluster.lost]
    leader = there[0] if cluster.has_majority else None
    return {
        "status": "enabled",
        "peer_id": peer_id(this),
        "peers": {str(peer_id(place)): {"uri": address} for place, address in enumerate(cluster.addresses)},
        "raft_info": {
            "term": 1,
            "commit": 1,
            "pending_operations": 0,
            "leader": None if leader is None else peer_id(leader),
            "role": "Candidate" if leader is None else "Leader" if this == leader else "Follower",
            "is_voter": True,
        },
        "consensus_thread_status": {"consensus_thread_status": "working", "last_update": _THEN},
        "message_send_failures": {
            cluster.addresses[place]: {
                "count": 1,
                "latest_error": cluster.cannot_reach(place),
                "latest_error_timestamp": _THEN,
            }
            for place in sorted(cluster.lost)
        },
    }


def shown_copies(
    configuration: Configuration, replicas: Replicas, points: Sequence[int], this: int
) -> dict[str, object]:
    """`GET /collections/{name}/cluster` as the peer at place `this` answers it."""
    held = [(shard, place) for shard, places in enumerate(configuration.copies) for place in places]
    states = {copy: replicas.state(*copy) for copy in held}
    local = [
        {"shard_id": shard, "points_count": points[shard], "state": states[shard, place]}
        for shard, place in held
        if place == this
    ]
    remote = [
        {"shard_id": shard, "peer_id": peer_id(place), "state": states[shard, place]}
        for shard, place in held
        if place != this
    ]
    return {
        "peer_id": peer_id(this),
        "shard_count": len(configuration.copies),
        "local_shards": local,
        "remote_shards": remote,
        "shard_transfers": [
            {"shard_id": shard, "from": peer_id(source), "to": peer_id(place), "sync": True, "method": "wal_delta"}
            for (shard, place), state in states.items()
            if state is CopyState.PARTIAL and (source := _source(states, shard)) is not None
        ],
    }


def _source(states: Mapping[tuple[int, int], CopyState], shard: int) -> int | None:
    return next((place for (one, place), state in states.items() if one == shard and state is CopyState.ACTIVE), None)
