"""Values that go to the vector store and come back from it."""

from uuid import UUID

import msgspec

from app.ids import DocumentId, TenantId


class SparseVector(msgspec.Struct, frozen=True):
    """A sparse vector: `values[i]` at dimension `indices[i]`, indices unique."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


class Point(msgspec.Struct, frozen=True):
    """A chunk's vectors: `dense` of the collection's length, `sparse` of BM25 term weights.

    `ticker` is its document's, as it was when the document was indexed.
    """

    id: UUID
    tenant_id: TenantId
    document_id: DocumentId
    ordinal: int
    dense: tuple[float, ...] | list[float]
    sparse: SparseVector
    ticker: str | None = None


class Proposal(msgspec.Struct, frozen=True):
    """A point that a query found: how near its meaning is (`cosine`, up to 1) and how well its words fit (`bm25`).

    `bm25` is None where others fit better, and only tells points of one query apart; `cosine` is None for a point that
    left the index meanwhile.
    """

    id: UUID
    document_id: DocumentId
    cosine: float | None = None
    bm25: float | None = None
