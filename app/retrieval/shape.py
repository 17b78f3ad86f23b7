"""How a collection differs from what the settings ask, and which copies of its shards are missing."""

from collections.abc import Collection, Mapping

import msgspec
from qdrant_client import models

from app.retrieval.tuning import Tuning, facts

DENSE = "dense"
SPARSE = "bm25"
COPIES = 2
"""Copies of a shard where nobody says another number and there are as many peers: any one peer may be lost."""
WRITTEN = 2
"""Copies that must take a write where there are more: then no write stands on one disk alone."""
# Indexed payload fields, and whether a field keeps tenants apart on disk.
INDEXES = {"tenant_id": True, "document_id": False, "ticker": False}


class Shape(msgspec.Struct, frozen=True):
    """What the settings ask of the collection; `dense_size` is the embedding's length.

    `written` copies of a shard must take a write; None: as many as can without one peer.
    """

    dense_size: int
    shard_number: int
    replication_factor: int
    written: int | None = None
    tuning: Tuning = Tuning()

    @property
    def write_consistency_factor(self) -> int:
        """How many copies of a shard must take a write: one fewer than there are, unless another number is asked.

        Qdrant answers when every copy that it reached has the write, and those that it did not reach are no longer
        asked (`lib/collection/src/shards/replica_set/update.rs`): fewer than all here makes no read wrong.
        """
        return self.written or max(1, min(self.replication_factor - 1, WRITTEN))


class Difference(msgspec.Struct, frozen=True):
    """A fact of the collection that is not as the settings say."""

    fact: str
    is_: object
    wanted: object

    def __str__(self) -> str:
        """Return the difference in words."""
        return f"{self.fact} is {self.is_}, not {self.wanted}"


class Drift(msgspec.Struct, frozen=True):
    """How a collection differs from the settings, by what follows.

    `in_place`: Qdrant changes it while it serves. `shape`: only a new collection can have it, and the old one still
    finds what it holds. `vectors`: questions cannot be asked of the old one at all.
    """

    in_place: tuple[Difference, ...] = ()
    shape: tuple[Difference, ...] = ()
    vectors: tuple[Difference, ...] = ()


class Copies(msgspec.Struct, frozen=True):
    """How many copies of shards there should be in all, how many are whole, and how many were begun now."""

    wanted: int
    whole: int
    begun: int = 0


class State(msgspec.Struct, frozen=True):
    """The collection that serves now (None: it is not made yet), and how it differs from the settings, in words.

    `in_place` will be changed while it serves; `rebuild` only a new collection can have.
    """

    name: str | None
    points: int
    in_place: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    copies: Copies | None = None


class Placed(msgspec.Struct, frozen=True):
    """A copy of a shard on a peer; `is_whole` once it has all points."""

    shard: int
    peer: int
    is_whole: bool


class Copy(msgspec.Struct, frozen=True):
    """A shard that a peer should copy from another."""

    shard: int
    source: int
    target: int


def copies_for(peers: int) -> int:
    """Return how many copies of a shard there should be where nobody says."""
    return min(COPIES, peers)


def dense_size_of(found: models.CollectionInfo) -> int | None:
    """Return the length of a collection's dense vectors, None if it has none of ours."""
    vectors = found.config.params.vectors
    dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
    return dense.size if dense else None


def compare(found: models.CollectionInfo, wanted: Shape) -> Drift:
    """Return how a collection differs from what the settings ask."""
    params = found.config.params
    dense = params.vectors.get(DENSE) if isinstance(params.vectors, dict) else None
    sparse = (params.sparse_vectors or {}).get(SPARSE)
    in_place = {
        "replication_factor": (wanted.replication_factor, params.replication_factor),
        "write_consistency_factor": (wanted.write_consistency_factor, params.write_consistency_factor),
        **(facts(found.config, dense, wanted.tuning) if dense else {}),
    }
    shape: dict[str, tuple[object, object]] = {"shard_number": (wanted.shard_number, params.shard_number)}
    for field in INDEXES.keys() & found.payload_schema.keys():
        shape[f"index of {field}"] = (models.PayloadSchemaType.KEYWORD, found.payload_schema[field].data_type)
    vectors = {
        "vector size": (wanted.dense_size, dense_size_of(found)),
        "distance": (models.Distance.COSINE, dense.distance if dense else None),
        "sparse modifier": (models.Modifier.IDF, sparse.modifier if sparse else None),
    }
    return Drift(_differing(in_place), _differing(shape), _differing(vectors))


def _differing(facts: Mapping[str, tuple[object, object]]) -> tuple[Difference, ...]:
    return tuple(Difference(fact, is_, wanted) for fact, (wanted, is_) in facts.items() if wanted != is_)


def count_copies(placed: Collection[Placed], peers: Collection[int], factor: int) -> Copies:
    """Return how many copies there should be, at most one a peer, and how many of those are whole."""
    wanted_each = min(factor, len(peers))
    shards = {one.shard for one in placed}
    whole = sum(min(wanted_each, sum(one.shard == shard and one.is_whole for one in placed)) for shard in shards)
    return Copies(len(shards) * wanted_each, whole)


def missing_copies(placed: Collection[Placed], peers: Collection[int], factor: int) -> list[Copy]:
    """Return the copies to begin now so that every shard comes to `factor` of them, or one on every peer.

    At most one a shard at a time, from a whole copy, to the peer that holds the fewest; a copy under way counts.
    """
    held = {peer: sum(one.peer == peer for one in placed) for peer in peers}
    begun: list[Copy] = []
    for shard in sorted({one.shard for one in placed}):
        copies = [one for one in placed if one.shard == shard]
        sources = [one.peer for one in copies if one.is_whole and one.peer in held]
        free = [peer for peer in sorted(held) if peer not in {one.peer for one in copies}]
        under_way = any(not one.is_whole for one in copies)
        if under_way or len(copies) >= factor or not sources or not free:
            continue
        target = min(free, key=lambda peer: held[peer])
        held[target] += 1
        begun.append(Copy(shard, min(sources), target))
    return begun
