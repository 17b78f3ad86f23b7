"""Points of the REST dialect as points of the engine, and back."""

from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import qdrant_edge as edge

from ops.local.qdrant import faults
from ops.local.qdrant.fusion import Id, Scored, Vectors
from ops.local.qdrant.requests import (
    CreateCollection,
    PayloadSelector,
    PointId,
    PointStruct,
    SparseVector,
    WithPayload,
)


def point_id(given: PointId) -> Id:
    """The id as the engine keeps it.

    Raises:
        Fault: it is neither an unsigned 64-bit integer nor a UUID (text: `lib/segment/src/types.rs`).
    """
    try:
        parsed = UUID(given) if isinstance(given, str) else given
    except ValueError:
        parsed = -1
    if isinstance(parsed, int) and not 0 <= parsed < 1 << 64:
        raise faults.bad_format(
            f"value {given} is not a valid point ID, valid values are either an unsigned integer or a UUID"
        )
    return parsed


def shard_of(given: Id, shard_number: int) -> int:
    """The shard that keeps the point: the same one for ever."""
    text = str(given).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % shard_number


def shown_id(given: Id) -> int | str:
    """The id as JSON shows it."""
    return str(given) if isinstance(given, UUID) else given


def check_sparse(points: Sequence[PointStruct]) -> None:
    """Check what a body can be told of sparse vectors before the collection is looked at.

    Raises:
        Fault: indices and values differ in number, or an index stands there twice.
    """
    for number, point in enumerate(points):
        for vector in point.vector.values():
            if isinstance(vector, SparseVector):
                _sparse(vector, f"points[{number}].vector.?")


def check_dimensions(points: Sequence[PointStruct], created: CreateCollection) -> None:
    """Check the lengths of all dense vectors, before any of their names (`src/common/update.rs`, do_upsert_points).

    Raises:
        Fault: one has another length than the collection's vector of that name.
    """
    for point in points:
        for name, vector in point.vector.items():
            params = created.vectors.get(name)
            if params is not None and isinstance(vector, list) and len(vector) != params.size:
                raise faults.wrong_dimension(params.size, len(vector), name)


def engine_point(point: PointStruct, created: CreateCollection, *, number: int) -> tuple[Id, edge.Point]:
    """The id and the point for the engine; `number` is its place in the request.

    Raises:
        Fault: a vector has an unknown name, a wrong length or is of the wrong kind.
    """
    kept = point_id(point.id)
    vectors: dict[str, edge.NamedVector] = {
        name: engine_vector(name, vector, created, where=f"points[{number}].vector.?")
        for name, vector in point.vector.items()
    }
    return kept, edge.Point(kept, vectors, point.payload or {})


def engine_vector(
    name: str, vector: list[float] | SparseVector, created: CreateCollection, *, where: str
) -> list[float] | edge.SparseVector:
    """The vector for the engine, checked against the vector `name`; `where` is its path in the request."""
    dense, sparse = created.vectors, created.sparse_vectors or {}
    if name not in dense and name not in sparse:
        raise faults.no_vector(name)
    if isinstance(vector, list):
        if name in sparse:
            raise faults.wrong_input("Conversion between sparse and regular vectors failed")
        if len(vector) != dense[name].size:
            raise faults.wrong_dimension(dense[name].size, len(vector))
        return vector
    if name in dense:
        raise faults.wrong_input("Conversion between sparse and regular vectors failed")
    return _sparse(vector, where)


def _sparse(vector: SparseVector, where: str) -> edge.SparseVector:
    if len(vector.indices) != len(vector.values):
        raise faults.invalid_body(f"{where}.values", "Validation error: must be the same length as indices [{}]")
    if len(set(vector.indices)) != len(vector.indices):
        raise faults.invalid_body(f"{where}.indices", "Validation error: must be unique [{}]")
    return edge.SparseVector(vector.indices, vector.values)


def payload_wanted(wanted: WithPayload, *, default: bool) -> "edge.WithPayloadType":
    """The engine's form of `with_payload`."""
    match wanted:
        case None:
            return default
        case PayloadSelector():
            if wanted.include is not None:
                return edge.PayloadSelector.Include(wanted.include)
            return edge.PayloadSelector.Exclude(wanted.exclude or [])
        case _:
            return wanted


def shown_vectors(vector: "edge.Vector | None") -> Vectors | None:
    """Named vectors as JSON shows them."""
    if not isinstance(vector, dict):
        return None
    return {name: _shown_vector(one) for name, one in vector.items()}


def _shown_vector(vector: "edge.NamedVector") -> object:
    if isinstance(vector, edge.SparseVector):
        return {"indices": list(vector.indices), "values": list(vector.values)}
    return vector


def scored(point: edge.ScoredPoint) -> Scored:
    """A result of the engine as a value."""
    return Scored(
        id=identity(point.id),
        version=point.version,
        score=point.score,
        payload=point.payload,
        vector=shown_vectors(point.vector),
    )


def identity(given: "edge.PointId") -> Id:
    """The id of a result of the engine."""
    return UUID(given) if isinstance(given, str) else given


def shown_scored(point: Scored) -> dict[str, object]:
    """A scored point as JSON shows it."""
    shown: dict[str, object] = {"id": shown_id(point.id), "version": point.version, "score": point.score}
    return shown | shown_parts(point.payload, point.vector)


def shown_record(record: edge.Record) -> dict[str, object]:
    """A scrolled point as JSON shows it."""
    shown: dict[str, object] = {"id": shown_id(identity(record.id))}
    return shown | shown_parts(record.payload, shown_vectors(record.vector))


def shown_parts(payload: dict[str, object] | None, vector: Vectors | None) -> dict[str, object]:
    """Payload and vectors, where they were asked for."""
    parts = {"payload": payload, "vector": vector}
    return {name: part for name, part in parts.items() if part is not None}
