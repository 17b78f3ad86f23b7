"""Values that go to the vector store and come back from it."""

from uuid import UUID

import msgspec

from app.ids import DocumentId, TenantId


class SparseVector(msgspec.Struct, frozen=True):
    """A sparse vector: `values[i]` at dimension `indices[i]`, indices unique."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


class Point(msgspec.Struct, frozen=True):
    """A chunk's vectors: `dense` of the collection's length, `sparse` of BM25 term weights."""

    id: UUID
    tenant_id: TenantId
    document_id: DocumentId
    ordinal: int
    dense: tuple[float, ...] | list[float]
    sparse: SparseVector


class ScoredPoint(msgspec.Struct, frozen=True):
    """A point that a query found; a larger score is better."""

    id: UUID
    document_id: DocumentId
    score: float
