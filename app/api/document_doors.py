"""What the HTTP surface needs of documents and jobs: two implementations exist, the wired one and the tests' fake."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from app.ids import DocumentId, JobId, TenantId
from app.jobs.rows import Job
from app.retrieval.documents import Document, DocumentText, Upload


class Documents(Protocol):
    """Keeps documents."""

    async def add(
        self,
        tenant_id: TenantId,
        name: str,
        media_type: str,
        body: AsyncIterator[bytes],
        /,
        *,
        request_id: str | None = None,
    ) -> Upload:
        """Store an upload and its ingestion job, which keeps the request's id.

        Raises MediaTypeUnknown, BodyTooLarge, BadInput.
        """
        ...

    async def list(self, tenant_id: TenantId, /, *, limit: int, after: DocumentId | None = None) -> Sequence[Document]:
        """Return documents, newest first."""
        ...

    async def text(self, tenant_id: TenantId, document_id: DocumentId, /, *, start: int, end: int) -> DocumentText:
        """Return a part of what was read of a document. Raises DocumentUnknown."""
        ...

    async def remove(self, tenant_id: TenantId, document_id: DocumentId, /) -> bool:
        """Remove a document from retrieval; return whether storage let all of it go. Raises DocumentUnknown."""
        ...


class Jobs(Protocol):
    """Reads jobs."""

    async def get(self, tenant_id: TenantId, job_id: JobId, /) -> Job:
        """Return a job. Raises JobUnknown."""
        ...
