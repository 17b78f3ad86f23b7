"""Which peers hold a copy of which shard, as a cluster tells it: the double's peers share one storage.

A copy that is asked for is whole at once. Sources, at v1.19.0: `lib/collection/src/operations/types.rs`
(CollectionClusterInfo), `lib/storage/src/types.rs` (ClusterStatus), `lib/storage/src/content_manager/
shard_distribution.rs` (how a new collection is placed), `src/common/collections.rs` (do_update_collection_cluster) and
`lib/collection/src/shards/transfer/helpers.rs` (validate_transfer).
"""

from collections.abc import Sequence

from msgspec import structs

from ops.local.qdrant import faults
from ops.local.qdrant.requests import CreateCollection, ParamsDiff, ReplicateShard
from ops.local.qdrant.shards import Configuration

# A real peer draws its id at its first start.
_FIRST_ID = 7_001_000_001


def peer_id(index: int) -> int:
    """The id of the peer at that place among the ports."""
    return _FIRST_ID + 1_000 * index


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


def changed(configuration: Configuration, diff: ParamsDiff) -> Configuration:
    """The configuration after `PATCH /collections/{name}`: other numbers, the same copies (update_params_from_diff)."""
    given = {
        field: value
        for field in ("replication_factor", "write_consistency_factor")
        if (value := getattr(diff, field)) is not None
    }
    return structs.replace(configuration, created=structs.replace(configuration.created, **given))


def replicated(configuration: Configuration, asked: ReplicateShard, name: str, peers: int) -> Configuration:
    """The configuration after one more copy.

    Raises:
        Fault: the shard, a peer or the source copy does not exist, or source and target are one.
    """
    ids = {peer_id(index): index for index in range(peers)}
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
    if ids[asked.from_peer_id] not in held:
        raise faults.bad_request(f"Shard {asked.shard_id} is not active on peer {asked.from_peer_id}")
    copies = list(configuration.copies)
    copies[asked.shard_id] = tuple(sorted({*held, ids[asked.to_peer_id]}))
    return structs.replace(configuration, copies=tuple(copies))


def shown_cluster(ports: Sequence[int], host: str, this: int) -> dict[str, object]:
    """`GET /cluster` as the peer at place `this` answers it; one peer alone runs without a cluster."""
    if len(ports) < 2:
        return {"status": "disabled"}
    return {
        "status": "enabled",
        "peer_id": peer_id(this),
        "peers": {str(peer_id(index)): {"uri": f"http://{host}:{port + 2}/"} for index, port in enumerate(ports)},
        "raft_info": {
            "term": 1,
            "commit": 1,
            "pending_operations": 0,
            "leader": peer_id(0),
            "role": "Leader" if this == 0 else "Follower",
            "is_voter": True,
        },
        "consensus_thread_status": {
            "consensus_thread_status": "working",
            "last_update": "2026-01-01T00:00:00.000000000Z",
        },
        "message_send_failures": {},
    }


def shown_copies(configuration: Configuration, points: Sequence[int], this: int) -> dict[str, object]:
    """`GET /collections/{name}/cluster` as the peer at place `this` answers it."""
    local = [
        {"shard_id": shard, "points_count": points[shard], "state": "Active"}
        for shard, held in enumerate(configuration.copies)
        if this in held
    ]
    remote = [
        {"shard_id": shard, "peer_id": peer_id(peer), "state": "Active"}
        for shard, held in enumerate(configuration.copies)
        for peer in held
        if peer != this
    ]
    return {
        "peer_id": peer_id(this),
        "shard_count": len(configuration.copies),
        "local_shards": local,
        "remote_shards": remote,
        "shard_transfers": [],
    }
