"""The closed set of states that documents pass through, and what their jobs are."""

from enum import StrEnum

from app.jobs.kinds import Kind


class DocumentState(StrEnum):
    """Where a version of a document stands. The first four lead to `ready`; the last three are final."""

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
    FAILED = "failed"
    """It cannot be read; `error_code` says why."""
    SUPERSEDED = "superseded"
    """A newer version became ready."""
    DELETED = "deleted"
    """Its owner removed it."""


ON_THE_WAY = (DocumentState.RECEIVED, DocumentState.PARSED, DocumentState.CHUNKED, DocumentState.INDEXED)
GONE = (DocumentState.FAILED, DocumentState.SUPERSEDED, DocumentState.DELETED)


def code_of(state: DocumentState) -> str:
    """Return the code of a job that met its document in a state that is final."""
    return f"document_{state.value}"


class JobKind(StrEnum):
    """What a job does to its document."""

    INGEST = "ingest"
    """From the original to points."""
    REINDEX = "reindex"
    """From the chunks to points again, while the document stays ready."""


INGEST = Kind(JobKind.INGEST, queue="ingest", subject="document", steps=tuple(DocumentState))
REINDEX = Kind(JobKind.REINDEX, queue="ingest", subject="document", steps=(DocumentState.CHUNKED, *DocumentState))
DOCUMENT_JOBS = (INGEST, REINDEX)
