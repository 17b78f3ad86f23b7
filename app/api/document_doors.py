"""What the HTTP surface needs of documents, search and jobs: the wired ones and the tests' fakes do."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Protocol
from uuid import UUID

from app.ids import DocumentId, JobId, TenantId
from app.jobs.job import Job
from app.jobs.states import JobState
from app.retrieval.cold import Restored
from app.retrieval.document_rows import Document, DocumentDetail, DocumentSet, DocumentText
from app.retrieval.documents import Original, Upload
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.metadata import NOTHING, Said
from app.retrieval.scope import Scope
from app.retrieval.search import Embed, Looked


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
        said: Callable[[], Said] = lambda: NOTHING,
    ) -> Upload:
        """Store an upload and its ingestion job, which keeps the request's id; `said` is asked after the body's end.

        Raises MediaTypeUnknown, BodyTooLarge, BadInput.
        """
        ...

    async def detail(self, tenant_id: TenantId, document_id: DocumentId, /) -> DocumentDetail:
        """Return a document with its versions. Raises DocumentUnknown."""
        ...

    async def list(
        self,
        tenant_id: TenantId,
        /,
        *,
        limit: int,
        after: DocumentId | None = None,
        asked: DocumentFilter = EVERYTHING,
    ) -> Sequence[Document]:
        """Return documents, newest first."""
        ...

    async def sets(self, tenant_id: TenantId, /, *, limit: int, after: str | None = None) -> Sequence[DocumentSet]:
        """Return sets, by name."""
        ...

    async def change(self, tenant_id: TenantId, document_id: DocumentId, said: Said, /) -> Document:
        """Say something of a document. Raises DocumentUnknown, BadInput."""
        ...

    async def text(self, tenant_id: TenantId, document_id: DocumentId, /, *, start: int, end: int) -> DocumentText:
        """Return a part of what was read of a document. Raises DocumentUnknown."""
        ...

    async def original(
        self, tenant_id: TenantId, document_id: DocumentId, /, *, part_of: Callable[[Document], range | None]
    ) -> Original:
        """Return what was uploaded, or the part that `part_of` chooses. Raises DocumentUnknown and what that raises."""
        ...

    async def reprocess(
        self, tenant_id: TenantId, document_id: DocumentId, /, *, request_id: str | None = None
    ) -> Upload:
        """Read a document in again. Raises DocumentUnknown."""
        ...

    async def remove(self, tenant_id: TenantId, document_id: DocumentId, /) -> bool:
        """Remove a document from retrieval; return whether storage let all of it go. Raises DocumentUnknown."""
        ...


class Cold(Protocol):
    """Keeps documents that are in no index."""

    async def restore(self, tenant_id: TenantId, document_id: DocumentId, /) -> Restored:
        """Have a cold document brought back; nothing new for one that is not. Raises DocumentUnknown."""
        ...


class Jobs(Protocol):
    """Reads jobs, and stops them."""

    async def get(self, tenant_id: TenantId, job_id: JobId, /) -> Job:
        """Return a job. Raises JobUnknown."""
        ...

    async def list(
        self,
        tenant_id: TenantId,
        /,
        *,
        limit: int,
        states: Sequence[JobState] = (),
        subject_id: UUID | None = None,
        after: JobId | None = None,
    ) -> Sequence[Job]:
        """Return jobs, newest first."""
        ...

    def follow(self, job: Job, /, *, seen: bool) -> AsyncGenerator[Job]:
        """Yield a job whenever it changes, until it ended. Raises FollowersFull."""
        ...

    async def cancel(self, tenant_id: TenantId, job_id: JobId, /) -> Job:
        """Stop a job, or have it stopped. Raises JobUnknown, JobNotCancellable."""
        ...


class Search(Protocol):
    """Finds passages."""

    async def find(
        self, tenant_id: TenantId, question: str, /, *, embed: Embed, limit: int, budget_tokens: int, scope: Scope
    ) -> Looked:
        """Return what a search of the tenant's live documents came to. Raises DocumentUnknown, BadInput (scope)."""
        ...
