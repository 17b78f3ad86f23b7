"""The closed set of states that documents pass through, and what their jobs are."""

from enum import StrEnum
from typing import LiteralString

from app.jobs.kinds import Kind


class DocumentState(StrEnum):
    """Where a version of a document stands. The first four lead to `ready`; `failed` and what follows are final."""

    RECEIVED = "received"
    """The original is kept."""
    PARSED = "parsed"
    """Its text was read."""
    CHUNKED = "chunked"
    """Its chunks are in PostgreSQL."""
    INDEXED = "indexed"
    """Its points are in Qdrant."""
    READY = "ready"
    """Questions find it. Of one name at most one version is ready."""
    COLD = "cold"
    """It left the index, for nobody used it for long: no question finds it until it is restored."""
    FAILED = "failed"
    """It cannot be read; `error_code` says why."""
    SUPERSEDED = "superseded"
    """A newer version became ready."""
    DELETED = "deleted"
    """Its owner removed it."""


ON_THE_WAY = (DocumentState.RECEIVED, DocumentState.PARSED, DocumentState.CHUNKED, DocumentState.INDEXED)
GONE = (DocumentState.FAILED, DocumentState.SUPERSEDED, DocumentState.DELETED)
WHOLE = (DocumentState.READY, DocumentState.COLD)
"""What a job that cannot be done leaves as it is."""


def code_of(state: DocumentState) -> str:
    """Return the code of a job that met its document in a state that is final."""
    return f"document_{state.value}"


class JobKind(StrEnum):
    """What a job does to its document."""

    INGEST = "ingest"
    """From the original to points."""
    REINDEX = "reindex"
    """From the chunks to points again, while the document stays ready."""
    RESTORE = "restore"
    """Out of cold storage: from the kept text to chunks and points."""


INGEST = Kind(JobKind.INGEST, queue="ingest", subject="document", steps=tuple(DocumentState))
REINDEX = Kind(
    JobKind.REINDEX,
    queue="ingest",
    subject="document",
    steps=(DocumentState.CHUNKED, *DocumentState),
    may_cancel=False,  # it would only be made again
    is_urgent=False,
)
RESTORE = Kind(JobKind.RESTORE, queue="ingest", subject="document", steps=(DocumentState.COLD, *DocumentState))
DOCUMENT_JOBS = (INGEST, REINDEX, RESTORE)

SHOWN: LiteralString = "CASE WHEN state = 'ready' AND cold_at IS NOT NULL THEN 'cold' ELSE state END"
STATE: LiteralString = f"{SHOWN} AS state"
"""How a row says its state: the version before knows no `cold`, so the column has `ready` and the time beside it."""
