"""The closed sets of states that documents and their jobs pass through."""

from enum import StrEnum


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


class JobState(StrEnum):
    """Where a job stands; the last two are final."""

    ACCEPTED = "accepted"
    """It waits for a worker, or for its next attempt: then `error_code` says what it waits for."""
    RUNNING = "running"
    """A worker is at it."""
    DONE = "done"
    """Its document is ready."""
    FAILED = "failed"
    """It ended without; `error` says why."""
