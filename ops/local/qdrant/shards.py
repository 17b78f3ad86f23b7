"""One collection: its configuration and its engine shards, written to and asked together."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import qdrant_edge as edge
from msgspec import Struct, structs

from ops.local.qdrant import faults
from ops.local.qdrant.cluster import Cluster
from ops.local.qdrant.filters import engine_filter
from ops.local.qdrant.fusion import Id, id_key
from ops.local.qdrant.points import (
    check_dimensions,
    engine_point,
    identity,
    payload_wanted,
    point_id,
    shard_of,
    shown_id,
    shown_record,
)
from ops.local.qdrant.replicas import Replicas
from ops.local.qdrant.requests import (
    CountPoints,
    CreateCollection,
    CreateIndex,
    DeletePoints,
    KeywordParams,
    ScrollPoints,
    SparseParams,
    UpsertPoints,
)
from ops.local.qdrant.tuning import DenseParams

DEFAULT_SCROLL_LIMIT = 10


class Configuration(Struct, frozen=True):
    """What was asked for when the collection was made, and what changed since.

    `copies` are, for each shard, the places of the peers that hold a copy of it.
    """

    created: CreateCollection
    indexes: dict[str, KeywordParams | Literal["keyword"]] = {}
    copies: tuple[tuple[int, ...], ...] = ()

    @property
    def shard_number(self) -> int:
        """Shards of the collection, at least one."""
        return self.created.shard_number or 1

    @property
    def dense(self) -> dict[str, DenseParams]:
        """Dense vectors by name."""
        return self.created.vectors

    @property
    def sparse(self) -> dict[str, SparseParams]:
        """Sparse vectors by name."""
        return self.created.sparse_vectors or {}


class Collection:
    """The shards of one collection. Every method blocks: call it on the engine's thread."""

    def __init__(self, configuration: Configuration, shards: Sequence[edge.EdgeShard], cluster: Cluster) -> None:
        self.configuration = configuration
        self.shards = tuple(shards)
        self.replicas = Replicas(cluster)
        self.unoptimized = True
        self.operations = 0

    def check_readable(self) -> None:
        """Check that every shard can be read. Raises Fault."""
        self.replicas.check_readable(self.configuration.copies)

    def recover(self) -> None:
        """One step for every copy that missed something."""
        self.replicas.recover(self.configuration.copies)

    def upsert(self, request: UpsertPoints) -> None:
        """Insert or replace points; durable in every shard's log when it returns.

        Raises:
            Fault: a point does not fit the collection; then none is written. Or too few copies took a part; then the
                other parts are written.
        """
        check_dimensions(request.points, self.configuration.created)
        parts: dict[int, list[edge.Point]] = {}
        for number, point in enumerate(request.points):
            kept, made = engine_point(point, self.configuration.created, number=number)
            parts.setdefault(shard_of(kept, len(self.shards)), []).append(made)
        self._update({shard: edge.UpdateOperation.upsert_points(points) for shard, points in parts.items()})

    def delete(self, request: DeletePoints) -> None:
        """Delete points by ids or by filter; deleting nothing is no error."""
        if (request.points is None) == (request.filter is None):
            raise faults.bad_format("data did not match any variant of untagged enum PointsSelector")
        if request.points is not None:
            self._delete_ids([point_id(one) for one in request.points])
        elif (chosen := engine_filter(request.filter)) is not None:
            self._update(dict.fromkeys(self._numbers, edge.UpdateOperation.delete_points_by_filter(chosen)))

    def _delete_ids(self, ids: Sequence[Id]) -> None:
        parts: dict[int, list[edge.PointId]] = {}
        for one in ids:
            parts.setdefault(shard_of(one, len(self.shards)), []).append(one)
        self._update({shard: edge.UpdateOperation.delete_points(part) for shard, part in parts.items()})

    def create_index(self, request: CreateIndex) -> None:
        """Index a payload field as keyword in every shard; doing it again changes nothing."""
        schema = request.field_schema
        if schema is None:
            raise faults.bad_request(
                "Can't auto-detect field type, please specify `field_schema` in the request",
            )
        params = edge.KeywordIndexParams(is_tenant=None if isinstance(schema, str) else schema.is_tenant)
        indexes = {**self.configuration.indexes, request.field_name: schema}
        self.configuration = structs.replace(self.configuration, indexes=indexes)
        self._update(dict.fromkeys(self._numbers, edge.UpdateOperation.create_field_index(request.field_name, params)))

    def count(self, request: CountPoints) -> int:
        """Points that match, over all shards."""
        asked = edge.CountRequest(exact=request.exact, filter=engine_filter(request.filter))
        return sum(shard.count(asked) for shard in self.shards)

    def scroll(self, request: ScrollPoints) -> dict[str, object]:
        """A page of points in the order of their ids, and the id that the next page starts with."""
        limit = DEFAULT_SCROLL_LIMIT if request.limit is None else request.limit
        if limit < 1:
            raise faults.invalid_body("scroll_request.limit", f"value {limit} invalid, must be 1 or larger")
        asked = edge.ScrollRequest(
            offset=None if request.offset is None else point_id(request.offset),
            limit=limit + 1,
            filter=engine_filter(request.filter),
            with_payload=payload_wanted(request.with_payload, default=True),
            with_vector=request.with_vector or False,
        )
        found = [record for shard in self.shards for record in shard.scroll(asked)[0]]
        found.sort(key=lambda record: id_key(identity(record.id)))
        following = shown_id(identity(found[limit].id)) if len(found) > limit else None
        return {"points": [shown_record(record) for record in found[:limit]], "next_page_offset": following}

    def optimize(self, should_stop: Callable[[], bool]) -> None:
        """Build indexes of shards until `should_stop`; holds the interpreter for seconds a large shard."""
        for shard in self.shards:
            if should_stop():
                return
            shard.optimize()
        self.unoptimized = False

    def reopen(self, load: Callable[[], Sequence[edge.EdgeShard]]) -> None:
        """Close the shards and take those that `load` opens; indexes that do not fit any more are built anew later."""
        self.close()
        self.shards = tuple(load())
        self.unoptimized = True

    def close(self) -> None:
        """Write everything out and release the files."""
        for shard in self.shards:
            shard.flush()
            shard.close()

    @property
    def _numbers(self) -> range:
        return range(len(self.shards))

    def _update(self, operations: Mapping[int, "edge.UpdateOperation"]) -> None:
        """Apply operations by shard where a copy takes them. Raises Fault where too few do, or there are none."""
        if not operations:
            raise faults.bad_request("Empty update request")
        factor = self.configuration.created.write_consistency_factor or 1
        written = self.replicas.write(self.configuration.copies, operations, factor)
        for shard in written.taken:
            self.shards[shard].update(operations[shard])
        self.unoptimized = True
        self.operations += 1
        if written.fault is not None:
            raise written.fault
