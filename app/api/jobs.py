"""Jobs: how far they are, by asking or by following, and their end before the end."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import uuid_or
from app.api.document_doors import Jobs
from app.api.document_fields import words_of
from app.api.pages import PARAMETERS, cursor_of, limit_of, next_cursor
from app.api.replies import no_content, reply
from app.api.routing import Doc, Parameter, Success, route
from app.api.sse import LAST_EVENT, EventStream, last_event_of
from app.errors import BadInput, JobUnknown
from app.ids import JobId
from app.jobs.job import Job
from app.jobs.refusals import FollowersFull, JobNotCancellable
from app.jobs.states import ENDED, JobState
from app.retrieval.states import DocumentState, JobKind
from app.text import json_line

EVENT_ID_DIGITS = 20
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_encoder = msgspec.json.Encoder()


class JobEvent(StrEnum):
    """What the stream of a job tells; each event carries the whole job."""

    PROGRESS = "progress"
    """The job as it stands, whenever that changed."""
    END = "end"
    """The job as it ended: `done`, `failed` or `cancelled`. Nothing follows."""


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
    percent: Annotated[int, Meta(ge=0, le=100, description="The progress as a whole number; 100 only once it is done.")]
    pages: Annotated[int | None, Meta(description="Of the document; null where it has none or was not read yet.")]
    chunks: Annotated[int | None, Meta(description="Of the document, once it was read.")]
    chunks_done: Annotated[int | None, Meta(description="How many of them are embedded and kept.")]
    attempt: int
    is_stopping: Annotated[bool, Meta(description="It was cancelled, and its worker stops at the next step.")]
    error: JobError | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class JobPage(msgspec.Struct, frozen=True):
    """Jobs, newest first."""

    jobs: tuple[JobView, ...]
    next_cursor: str | None


GET = Doc(
    summary="How far is a job?",
    tag="documents",
    successes={200: Success("The job", body=JobView)},
    refusals=(JobUnknown, errors.StoreUnavailable),
)
LIST = Doc(
    summary="List jobs",
    tag="documents",
    parameters=(
        *PARAMETERS,
        Parameter(
            "state",
            "query",
            "Those in this state; may come several times: in one of them.",
            {"type": "string", "enum": [state.value for state in JobState]},
        ),
        Parameter("document_id", "query", "Those of this version of a document.", {"type": "string", "format": "uuid"}),
    ),
    successes={200: Success("One page", body=JobPage)},
    refusals=(BadInput, errors.StoreUnavailable),
)
EVENTS = Doc(
    summary="Follow a job",
    tag="documents",
    text="Server-sent events: `progress` with the job whenever it changed (looked for once a second), and `end` with "
    "the job as it ended, after which the stream ends. Comments come in between, so that proxies keep the connection. "
    "Goes on after the event named by `Last-Event-ID` or `after`, on any replica. Leaving stops nothing.",
    parameters=LAST_EVENT,
    successes={
        200: Success("The events", media_type="text/event-stream"),
        204: Success("The job has ended, and the named event told so: there is nothing more"),
    },
    refusals=(BadInput, JobUnknown, FollowersFull, errors.StoreUnavailable),
)
CANCEL = Doc(
    summary="Cancel a job",
    tag="documents",
    text="The version of the document that it was reading in ends as `failed` with the code `cancelled`; nothing of it "
    "is found, and what was live before serves on. A job that a worker has stops at its next step.",
    successes={
        200: Success("It has ended", body=JobView),
        202: Success("It was asked to stop and will end as `cancelled`", body=JobView),
    },
    refusals=(JobUnknown, JobNotCancellable, errors.StoreUnavailable),
)


class JobRoutes:
    """The routes under /api/v2/jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/api/v2/jobs", self.list, Permission.READ, LIST),
            route("GET", "/api/v2/jobs/{job_id:str}", self.get, Permission.READ, GET),
            route("GET", "/api/v2/jobs/{job_id:str}/events", self.events, Permission.READ, EVENTS),
            route("POST", "/api/v2/jobs/{job_id:str}/cancel", self.cancel, Permission.WRITE, CANCEL),
        ]

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of jobs."""
        limit, after = limit_of(request), cursor_of(request, UUID)
        subject = request.query_params.get("document_id")
        rows = await self._jobs.list(
            caller_of(request).tenant_id,
            limit=limit,
            states=words_of(request, "state", tuple(JobState)),
            subject_id=None if subject is None else uuid_or(subject, BadInput, "document"),
            after=None if after is None else JobId(after),
        )
        jobs = tuple(view_job(row) for row in rows)
        return reply(JobPage(jobs, next_cursor(len(rows) == limit, rows[-1].id if rows else None)))

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one job."""
        return reply(view_job(await self._jobs.get(caller_of(request).tenant_id, job_id_of(request))))

    async def events(self, request: HttpRequest) -> ASGIApp:
        """Stream how the job goes on."""
        field, after = last_event_of(request)
        if after is not None and not (after.isascii() and after.isdecimal() and len(after) <= EVENT_ID_DIGITS):
            raise BadInput("this event id was not given out here", field=field)
        job = await self._jobs.get(caller_of(request).tenant_id, job_id_of(request))
        seen = after == event_id(job)
        if seen and job.state in ENDED:
            return no_content()
        return EventStream(
            self._jobs.follow(job, seen=seen),
            write=write_event,
            request_id=str(request.scope["state"]["request_id"]),
            headers={},
        )

    async def cancel(self, request: HttpRequest) -> ASGIApp:
        """Stop the job."""
        job = await self._jobs.cancel(caller_of(request).tenant_id, job_id_of(request))
        return reply(view_job(job), status=200 if job.state in ENDED else 202)


def job_id_of(request: HttpRequest) -> JobId:
    """Return the job named in the path. Raises JobUnknown."""
    return JobId(uuid_or(request.path_params["job_id"], JobUnknown, "job"))


def event_id(job: Job) -> str:
    """Return the id of the event that tells how the job stands now: when it was changed, in microseconds."""
    return str((job.updated_at - _BEGINNING) // timedelta(microseconds=1))


def write_event(job: Job, request_id: str) -> bytes:
    """Return the lines of an event."""
    del request_id
    event = JobEvent.END if job.state in ENDED else JobEvent.PROGRESS
    data = json_line(_encoder.encode(view_job(job)))
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event_id(job).encode("ascii"), event.value.encode("ascii"), data)


def view_job(job: Job) -> JobView:
    """Return the job as its owner sees it."""
    progress = min(max(job.progress, 0.0), 1.0)
    return JobView(
        job_id=job.id,
        document_id=job.subject_id,
        kind=JobKind(job.kind),
        status=job.state,
        step=DocumentState(job.step),
        progress=progress,
        percent=int(100 * progress) if job.state is JobState.DONE else min(99, int(100 * progress)),
        pages=job.counts.get("pages"),
        chunks=job.counts.get("chunks"),
        chunks_done=job.counts.get("chunks_done"),
        attempt=job.attempt,
        is_stopping=job.is_stopping,
        error=JobError(job.error_code, job.error_detail or "") if job.error_code is not None else None,
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
    )
