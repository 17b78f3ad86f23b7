"""A collection recovered from a snapshot at one peer: which shards come back, and what becomes of the other copies.

Sources, at v1.19.0: `lib/storage/src/content_manager/snapshots/recover.rs` and
`lib/collection/src/shards/replica_set/snapshots.rs` (restore_local_replica_from: a peer without a copy gets one).
"""

import shutil
from pathlib import Path
from typing import Literal
from uuid import uuid4

from msgspec import structs

from ops.local.qdrant import faults
from ops.local.qdrant.catalog import Catalog
from ops.local.qdrant.replicas import CopyState
from ops.local.qdrant.requests import CreateIndex
from ops.local.qdrant.shards import Collection, Configuration
from ops.local.qdrant.snapshots import unpack

Priority = Literal["no_sync", "snapshot", "replica"]
REFUSAL = "Snapshot is not compatible with existing collection: "


def recover(catalog: Catalog, place: int, name: str, archive: Path, priority: Priority) -> None:
    """Recover at the peer at `place` what the archive holds; make the collection where there is none.

    Raises:
        Fault: the archive is malformed, or of a collection of another shape.
    """
    laid_out = catalog.scratch / uuid4().hex
    laid_out.mkdir(parents=True)
    try:
        held = unpack(archive, laid_out)
        found = catalog.find(name) or _made(catalog, name, held)
        _check(found.configuration, held)
        for shard in range(held.shard_number):
            if (laid_out / str(shard)).is_dir():
                _recover_shard(catalog, place, name, shard, laid_out / str(shard), priority)
    finally:
        shutil.rmtree(laid_out, ignore_errors=True)


def _made(catalog: Catalog, name: str, held: Configuration) -> Collection:
    catalog.create(name, held.created)
    for field, schema in held.indexes.items():
        catalog.create_index(name, CreateIndex(field_name=field, field_schema=schema))
    return catalog.get(name)


def _check(there: Configuration, held: Configuration) -> None:
    if held.dense != there.dense:
        raise faults.wrong_input(f"{REFUSAL}Collection vectors: {there.dense} Snapshot Vectors: {held.dense}")
    if held.shard_number != there.shard_number:
        text = f"Collection shard number: {there.shard_number} Snapshot shard number: {held.shard_number}"
        raise faults.wrong_input(REFUSAL + text)


def _recover_shard(catalog: Catalog, place: int, name: str, shard: int, files: Path, priority: Priority) -> None:
    collection = catalog.get(name)
    copies, replicas = collection.configuration.copies, collection.replicas
    others = [other for other in copies[shard] if other != place and replicas.state(shard, other) is CopyState.ACTIVE]
    stay = set(copies[shard])
    if others and priority == "no_sync":
        raise faults.not_served("Copies of one shard that differ")
    if others and priority == "replica":
        replicas.mark_dead(shard, place)  # it is filled from another copy, over what the snapshot held
    else:
        catalog.replace_shard(name, shard, files)
        surplus = max(0, len(others) - (collection.configuration.created.replication_factor or 1) + 1)
        stay -= set(others[:surplus])
        for other in others[surplus:]:
            replicas.mark_dead(shard, other)
        replicas.mark_whole(shard, place)
    changed = tuple(tuple(sorted(stay | {place})) if one == shard else held for one, held in enumerate(copies))
    catalog.keep(name, structs.replace(collection.configuration, copies=changed))
