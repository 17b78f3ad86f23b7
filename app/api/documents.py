"""Documents: upload, list, remove, and the jobs that read them in."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import uuid_or
from app.api.document_doors import Documents, Jobs
from app.api.pages import PARAMETERS, cursor_of, limit_of, next_cursor
from app.api.problems import BodyTooSlow, CodingUnknown
from app.api.replies import no_content, reply
from app.api.routing import Doc, Parameter, Success, route
from app.api.uploads import FIELD, read_upload
from app.errors import DocumentUnknown, JobUnknown
from app.ids import DocumentId, JobId
from app.jobs.rows import Job
from app.jobs.states import JobState
from app.retrieval.documents import Document, DocumentText
from app.retrieval.states import DocumentState, JobKind

TEXT_CHARS = 20_000
_OFFSET = re.compile(r"[0-9]{1,9}")


class UploadView(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that is kept; the job makes it findable."""

    job_id: UUID
    document_id: UUID
    status: Literal["accepted"]
    status_url: str
    version: Annotated[int, Meta(description="1 for a new name; a newer version replaces the older when it is ready.")]
    is_new: Annotated[bool, Meta(description="False when the newest version already has this very content.")]


class RemovalView(msgspec.Struct, frozen=True):
    """A document that no question finds any more, and that a store still has."""

    document_id: UUID
    status: Literal["clearing"]


class JobError(msgspec.Struct, frozen=True):
    """Why a job failed, or what it waits for."""

    code: str
    detail: str


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    job_id: UUID
    document_id: UUID
    kind: JobKind
    status: JobState
    step: Annotated[DocumentState, Meta(description="The last state that the document reached.")]
    progress: Annotated[float, Meta(ge=0, le=1)]
    attempt: int
    error: JobError | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class DocumentPage(msgspec.Struct, frozen=True):
    """Documents, newest first."""

    documents: tuple[Document, ...]
    next_cursor: str | None


UPLOAD = Doc(
    summary="Upload a document",
    tag="documents",
    text="Markdown, plain text, CSV, web pages, PDF and Word (.docx), told by their content; the name decides where it "
    "may be several. Text may be in any encoding that can be told, else the Content-Type of the part says it "
    "(`text/plain; charset=windows-1251`). The name of the file is the document's name; the same name again makes a "
    "new version. The answer comes when the original is safely kept; ask the job when questions find it.",
    body_media_type="multipart/form-data",
    body_schema={
        "type": "object",
        "required": [FIELD],
        "properties": {FIELD: {"type": "string", "format": "binary"}},
    },
    successes={202: Success("Kept; being read in", body=UploadView, headers={"location": "Where to ask the job."})},
    refusals=(
        errors.BadInput,
        errors.MediaTypeUnknown,
        CodingUnknown,
        errors.BodyTooLarge,
        BodyTooSlow,
        errors.StoreUnavailable,
    ),
)
JOB = Doc(
    summary="How far is a job?",
    tag="documents",
    successes={200: Success("The job", body=JobView)},
    refusals=(JobUnknown, errors.StoreUnavailable),
)
TEXT = Doc(
    summary="What was read of a document",
    tag="documents",
    text="The characters that citations count: the `quote` of one is `start_offset` to `end_offset` of them. "
    f"At most {TEXT_CHARS} at a time.",
    parameters=(
        Parameter(
            "start", "query", "The first character; 0 by default.", {"type": "integer", "minimum": 0, "default": 0}
        ),
        Parameter("end", "query", "The character before which it ends.", {"type": "integer", "minimum": 0}),
    ),
    successes={200: Success("The text", body=DocumentText)},
    refusals=(errors.BadInput, DocumentUnknown, errors.StoreUnavailable),
)
LIST = Doc(
    summary="List documents",
    tag="documents",
    parameters=PARAMETERS,
    successes={200: Success("One page", body=DocumentPage)},
    refusals=(errors.BadInput, errors.StoreUnavailable),
)
DELETE = Doc(
    summary="Remove a document",
    tag="documents",
    text="With all its versions; no question finds it from now on. Where a store does not answer, 202 comes within "
    "about three seconds, and what is left in it is cleared away later; there is nothing more to do.",
    successes={
        204: Success("It is gone, from every store"),
        202: Success("It is gone for every question; a store is cleared later", body=RemovalView),
    },
    refusals=(DocumentUnknown, errors.StoreUnavailable),
)


class DocumentRoutes:
    """The routes of documents and jobs."""

    def __init__(self, documents: Documents, jobs: Jobs, *, upload_limit_bytes: int) -> None:
        self._documents = documents
        self._jobs = jobs
        self._upload_limit_bytes = upload_limit_bytes

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("POST", "/api/v2/upload", self.upload, Permission.WRITE, UPLOAD),
            route("GET", "/api/v2/jobs/{job_id:str}", self.job, Permission.READ, JOB),
            route("GET", "/api/v1/documents", self.list, Permission.READ, LIST),
            route("GET", "/api/v1/documents/{document_id:str}/text", self.text, Permission.READ, TEXT),
            route("DELETE", "/api/v1/documents/{document_id:str}", self.remove, Permission.WRITE, DELETE),
        ]

    async def upload(self, request: HttpRequest) -> ASGIApp:
        """Keep the uploaded file and start its job."""
        caller = caller_of(request)
        async with read_upload(request, self._upload_limit_bytes) as file:
            kept = await self._documents.add(
                caller.tenant_id,
                file.name,
                file.media_type,
                file.body,
                request_id=str(request.scope["state"]["request_id"]),
            )
        status_url = f"/api/v2/jobs/{kept.job_id}"
        view = UploadView(
            job_id=kept.job_id,
            document_id=kept.document_id,
            status="accepted",
            status_url=status_url,
            version=kept.version,
            is_new=kept.is_new,
        )
        return reply(view, status=202, headers={"location": status_url})

    async def job(self, request: HttpRequest) -> ASGIApp:
        """Return one job."""
        job_id = JobId(uuid_or(request.path_params["job_id"], JobUnknown, "job"))
        return reply(view_job(await self._jobs.get(caller_of(request).tenant_id, job_id)))

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of documents."""
        limit, after = limit_of(request), cursor_of(request, UUID)
        rows = await self._documents.list(
            caller_of(request).tenant_id, limit=limit, after=None if after is None else DocumentId(after)
        )
        return reply(DocumentPage(tuple(rows), next_cursor(len(rows) == limit, rows[-1].id if rows else None)))

    async def text(self, request: HttpRequest) -> ASGIApp:
        """Return a part of a document's text."""
        document_id = DocumentId(uuid_or(request.path_params["document_id"], DocumentUnknown, "document"))
        start = _offset_of(request, "start", 0)
        end = min(_offset_of(request, "end", start + TEXT_CHARS), start + TEXT_CHARS)
        return reply(await self._documents.text(caller_of(request).tenant_id, document_id, start=start, end=end))

    async def remove(self, request: HttpRequest) -> ASGIApp:
        """Remove one document."""
        document_id = DocumentId(uuid_or(request.path_params["document_id"], DocumentUnknown, "document"))
        if await self._documents.remove(caller_of(request).tenant_id, document_id):
            return no_content()
        return reply(RemovalView(document_id, "clearing"), status=202)


def _offset_of(request: HttpRequest, name: str, default: int) -> int:
    told = request.query_params.get(name)
    if told is None:
        return default
    if not _OFFSET.fullmatch(told):
        raise errors.BadInput(f"`{name}` must be a whole number of characters", field=name)
    return int(told)


def view_job(job: Job) -> JobView:
    """Return the job as its owner sees it."""
    return JobView(
        job_id=job.id,
        document_id=job.subject_id,
        kind=JobKind(job.kind),
        status=job.state,
        step=DocumentState(job.step),
        progress=min(max(job.progress, 0.0), 1.0),
        attempt=job.attempt,
        error=JobError(job.error_code, job.error_detail or "") if job.error_code is not None else None,
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
    )
