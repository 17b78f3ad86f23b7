"""Documents and jobs without servers."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import msgspec

from app.errors import DocumentUnknown, JobUnknown
from app.ids import DocumentId, JobId, TenantId
from app.jobs.following import Following
from app.jobs.job import Job
from app.jobs.refusals import JobNotCancellable
from app.jobs.states import ENDED, JobState
from app.retrieval.document_rows import Document, DocumentDetail, DocumentSet, DocumentText
from app.retrieval.documents import Original, Upload
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.media import MediaType
from app.retrieval.metadata import NOTHING, Said
from app.retrieval.states import DocumentState, JobKind
from tests.fakes.runner import NOW


class FakeDocuments:
    """Keeps uploads, piece by piece."""

    def __init__(self) -> None:
        self.kept: list[tuple[TenantId, Document, bytes]] = []
        self.pieces: list[int] = []
        self.requests: list[str | None] = []
        self.asked: list[DocumentFilter] = []
        self.refusal: Exception | None = None
        self.clears = True
        self.jobs: FakeJobs | None = None
        """Where the job of an upload is put, which has ended; with `ends_with`, if that is a code."""
        self.ends_with: str | None = None
        self.job_ids: dict[DocumentId, JobId] = {}

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
        """Keep an upload."""
        self.requests.append(request_id)
        if self.refusal is not None:
            raise self.refusal
        parts = [part async for part in body]
        told = said()
        self.pieces.extend(len(part) for part in parts)
        kind = MediaType(media_type) if media_type else MediaType.TEXT
        document_id = self.keep(tenant_id, name, b"".join(parts), kind)
        await self.change(tenant_id, document_id, told)
        return Upload(document_id, self._job(tenant_id, document_id), 1, is_new=True)

    def _job(self, tenant_id: TenantId, document_id: DocumentId) -> JobId:
        job_id = JobId(uuid4()) if self.jobs is None else self.jobs.add(tenant_id, self.ends_with)
        self.job_ids[document_id] = job_id
        return job_id

    def keep(self, tenant_id: TenantId, name: str, content: bytes, kind: MediaType = MediaType.TEXT) -> DocumentId:
        """Make a document."""
        at = NOW + timedelta(seconds=len(self.kept))
        document = Document(
            DocumentId(uuid4()),
            name,
            "",
            kind,
            len(content),
            sha256(content).hexdigest(),
            1,
            DocumentState.RECEIVED,
            None,
            at,
            at,
        )
        self.kept.append((tenant_id, document, content))
        return document.id

    async def list(
        self,
        tenant_id: TenantId,
        /,
        *,
        limit: int,
        after: DocumentId | None = None,
        asked: DocumentFilter = EVERYTHING,
    ) -> Sequence[Document]:
        """Return documents, newest first; what was asked for is noted, and no more."""
        self.asked.append(asked)
        mine = [document for owner, document, _ in reversed(self.kept) if owner == tenant_id]
        ids = [document.id for document in mine]
        start = ids.index(after) + 1 if after is not None and after in ids else 0
        return mine[start : start + limit]

    async def sets(self, tenant_id: TenantId, /, *, limit: int, after: str | None = None) -> Sequence[DocumentSet]:
        """Return the sets of the documents."""
        mine = [document for owner, document, _ in self.kept if owner == tenant_id]
        names = sorted({document.set_name for document in mine if document.set_name is not None})
        counted = [
            DocumentSet(name, sum(document.set_name == name for document in mine), 0, NOW)
            for name in names
            if after is None or name > after
        ]
        return counted[:limit]

    def _find(self, tenant_id: TenantId, document_id: DocumentId) -> tuple[TenantId, Document, bytes]:
        for row in self.kept:
            if (row[0], row[1].id) == (tenant_id, document_id):
                return row
        raise DocumentUnknown("there is no such document")

    async def detail(self, tenant_id: TenantId, document_id: DocumentId, /) -> DocumentDetail:
        """Return a document that was not read yet."""
        _, document, _ = self._find(tenant_id, document_id)
        made = {"job_id": self.job_ids.get(document_id), "chunks": 0, "pages": None, "unread_pages": ()}
        return msgspec.convert({**msgspec.to_builtins(document), **made}, DocumentDetail)

    async def change(self, tenant_id: TenantId, document_id: DocumentId, said: Said, /) -> Document:
        """Say something of a document."""
        row = self._find(tenant_id, document_id)
        document = row[1]
        changed = msgspec.structs.replace(
            document, metadata=said.merged(document.metadata), set_name=said.moved(document.set_name)
        )
        self.kept[self.kept.index(row)] = (tenant_id, changed, row[2])
        return changed

    async def text(self, tenant_id: TenantId, document_id: DocumentId, /, *, start: int, end: int) -> DocumentText:
        """Return a part of what was uploaded, as text."""
        _, _, body = self._find(tenant_id, document_id)
        text = body.decode()[start:end]
        return DocumentText(document_id, text, start, start + len(text), len(body.decode()), "utf-8", (), ())

    async def original(
        self, tenant_id: TenantId, document_id: DocumentId, /, *, part_of: Callable[[Document], range | None]
    ) -> Original:
        """Return what was uploaded, or a part of it."""
        _, document, body = self._find(tenant_id, document_id)
        part = part_of(document)
        return Original(document, _pieces(body if part is None else body[part.start : part.stop]), part)

    async def reprocess(
        self, tenant_id: TenantId, document_id: DocumentId, /, *, request_id: str | None = None
    ) -> Upload:
        """Say that it is read in again."""
        self.requests.append(request_id)
        _, document, _ = self._find(tenant_id, document_id)
        return Upload(document.id, self._job(tenant_id, document.id), document.version + 1, is_new=True)

    async def remove(self, tenant_id: TenantId, document_id: DocumentId, /) -> bool:
        """Remove a document."""
        self.kept.remove(self._find(tenant_id, document_id))
        return self.clears


class FakeJobs:
    """Keeps jobs; those who follow them look at once, again and again."""

    def __init__(self) -> None:
        self.rows: dict[JobId, Job] = {}
        self.following = Following(self._read_many, every_s=0.0)

    def add(self, tenant_id: TenantId, error_code: str | None = None) -> JobId:
        """Make a job."""
        job_id = JobId(uuid4())
        state = JobState.DONE if error_code is None else JobState.FAILED
        step = DocumentState.READY if error_code is None else DocumentState.FAILED
        self.rows[job_id] = Job(
            job_id, tenant_id, JobKind.INGEST, DocumentId(uuid4()), state, step, 1.0, 1, error_code, None, NOW, NOW, NOW
        )
        return job_id

    def change(self, job_id: JobId, **changes: object) -> Job:
        """Have a job go on, a second later."""
        job = self.rows[job_id]
        later = {"updated_at": job.updated_at + timedelta(seconds=1), **changes}
        self.rows[job_id] = msgspec.structs.replace(job, **later)
        return self.rows[job_id]

    async def get(self, tenant_id: TenantId, job_id: JobId, /) -> Job:
        """Return a job."""
        job = self.rows.get(job_id)
        if job is None or job.tenant_id != tenant_id:
            raise JobUnknown("there is no such job")
        return job

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
        mine = [
            job
            for job in reversed(self.rows.values())
            if job.tenant_id == tenant_id
            and (not states or job.state in states)
            and subject_id in {None, job.subject_id}
        ]
        ids = [job.id for job in mine]
        start = ids.index(after) + 1 if after is not None and after in ids else 0
        return mine[start : start + limit]

    def follow(self, job: Job, /, *, seen: bool) -> AsyncGenerator[Job]:
        """Tell how a job goes on."""
        return self.following.follow(job, seen=seen)

    async def cancel(self, tenant_id: TenantId, job_id: JobId, /) -> Job:
        """Stop a job that waits, or have one stopped that is running."""
        job = await self.get(tenant_id, job_id)
        if job.state in ENDED:
            raise JobNotCancellable("the job has ended", state=job.state.value)
        if job.state is JobState.RUNNING:
            return self.change(job_id, is_stopping=True)
        return self.change(job_id, state=JobState.CANCELLED, error_code="cancelled")

    async def _read_many(self, keys: Sequence[tuple[TenantId, JobId]]) -> Sequence[Job]:
        return [self.rows[job_id] for _, job_id in keys if job_id in self.rows]


async def _pieces(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), 4):
        yield body[start : start + 4]
