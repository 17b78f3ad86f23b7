"""Jobs: what a caller sees of an ingestion, and how the worker is told of it."""

from datetime import datetime
from typing import LiteralString
from uuid import uuid4

import msgspec

from app.errors import JobUnknown, SwitchyardError
from app.ids import DocumentId, JobId, TenantId
from app.postgres import Connection, Database
from app.retrieval.states import DocumentState, JobKind, JobState
from app.telemetry.metrics import Metrics

QUEUE = "ingest"
TASK = "ingest"
"""The queue and the task under which a worker finds jobs; its argument is `job_id`, as text."""

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
ATTEMPTS = 1000
"""Of a job whose stores are away: three days and more, for an outage must not cost an upload."""

_SELECT: LiteralString = """
    SELECT id, tenant_id, kind, document_id, state, step, progress, attempt, error_code, error_detail,
           created_at, updated_at, finished_at
    FROM jobs WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s
"""
_INSERT: LiteralString = """
    INSERT INTO jobs (id, tenant_id, kind, document_id, state, step, request_id)
    VALUES (%(job_id)s, %(tenant_id)s, %(kind)s, %(document_id)s, 'accepted', %(step)s, %(request_id)s)
"""
# Written as procrastinate's own client does it, but on the caller's connection: the row and the errand commit together.
_DEFER: LiteralString = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
        %(queue)s, %(task)s, 0, NULL, %(lock)s, jsonb_build_object('job_id', %(job_id)s::text),
        CASE WHEN %(wait_s)s > 0 THEN now() + make_interval(secs => %(wait_s)s) END
    )::procrastinate_job_to_defer_v1])
    WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %(lock)s AND status = 'todo')
"""
_CLAIM: LiteralString = """
    UPDATE jobs SET state = 'running', attempt = attempt + 1, updated_at = now()
    WHERE id = %(job_id)s AND state IN ('accepted', 'running')
    RETURNING id, tenant_id, kind, document_id, attempt, request_id
"""
_ADVANCE: LiteralString = """
    UPDATE jobs SET step = %(step)s, progress = %(progress)s, error_code = NULL, error_detail = NULL, updated_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state = 'running'
"""
_WAIT: LiteralString = """
    UPDATE jobs SET state = 'accepted', error_code = %(code)s, error_detail = %(detail)s, updated_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state = 'running'
"""
_CLOSE: LiteralString = """
    UPDATE jobs SET state = %(state)s, step = %(step)s,
           progress = CASE WHEN %(code)s::text IS NULL THEN 1 ELSE progress END,
           error_code = %(code)s, error_detail = %(detail)s, updated_at = now(), finished_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'running')
"""


class Job(msgspec.Struct, frozen=True):
    """An ingestion as its tenant sees it; `progress` is 0 to 1, `step` the last state that its document reached."""

    id: JobId
    tenant_id: TenantId
    kind: JobKind
    document_id: DocumentId
    state: JobState
    step: DocumentState
    progress: float
    attempt: int
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job that a worker has begun; `request_id` is of the upload, None where no request asked for the job."""

    id: JobId
    tenant_id: TenantId
    kind: JobKind
    document_id: DocumentId
    attempt: int
    request_id: str | None = None


class Jobs:
    """The job rows. Every method raises StoreUnavailable when PostgreSQL does not answer."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def get(self, tenant_id: TenantId, job_id: JobId) -> Job:
        """Return the tenant's job. Raises JobUnknown, also for another tenant's."""
        async with self._database.connection("job.get") as conn:
            cursor = await conn.execute(_SELECT, {"tenant_id": tenant_id, "job_id": job_id})
            row = await cursor.fetchone()
        if row is None:
            raise JobUnknown("there is no such job")
        return msgspec.convert(row, Job)

    async def claim(self, job_id: JobId) -> ClaimedJob | None:
        """Begin an attempt. None when the job has ended or is unknown: there is nothing to do."""
        async with self._database.connection("job.claim") as conn:
            row = await (await conn.execute(_CLAIM, {"job_id": job_id})).fetchone()
        return None if row is None else msgspec.convert(row, ClaimedJob)

    async def advance(self, job: ClaimedJob, step: DocumentState, progress: float) -> None:
        """Tell how far the job is; what it waited for before is forgotten."""
        async with self._database.connection("job.advance") as conn:
            await conn.execute(_ADVANCE, {**_key(job), "step": step, "progress": progress})

    async def wait(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """Let the job wait for its next attempt, longer each time, and tell its owner what for."""
        async with self._database.transaction("job.wait") as conn:
            await conn.execute(_WAIT, {**_key(job), "code": why.code, "detail": why.detail})
            await _defer(conn, job.id, wait_s=wait_s(job.attempt))

    async def close(
        self, conn: Connection, job: ClaimedJob, step: DocumentState, *, code: str | None = None, detail: str = ""
    ) -> None:
        """End the job inside the caller's transaction: done without a `code`, failed with one."""
        state = JobState.DONE if code is None else JobState.FAILED
        values = {"state": state, "step": step, "code": code, "detail": detail or None}
        cursor = await conn.execute(_CLOSE, {**_key(job), **values})
        if cursor.rowcount:
            self._metrics.jobs.labels(job.kind, state).inc()


def wait_s(attempt: int) -> float:
    """Return the seconds before the attempt after `attempt` (1 is the first): doubling from 2 s up to 5 min."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 16))


async def insert(
    conn: Connection,
    tenant_id: TenantId,
    document_id: DocumentId,
    kind: JobKind,
    step: DocumentState,
    *,
    request_id: str | None = None,
) -> JobId:
    """Add a job and tell the workers, both inside the caller's transaction; return its id.

    `request_id` is of the request that asks for it, by which the worker's lines are found; None where none does.
    """
    job_id = JobId(uuid4())
    values = {"job_id": job_id, "tenant_id": tenant_id, "document_id": document_id, "kind": kind, "step": step}
    await conn.execute(_INSERT, {**values, "request_id": request_id})
    await _defer(conn, job_id, wait_s=0.0)
    return job_id


async def defer_again(conn: Connection, job_id: JobId) -> None:
    """Tell the workers of a job again, inside the caller's transaction, unless one is already waiting for them."""
    await _defer(conn, job_id, wait_s=0.0)


async def _defer(conn: Connection, job_id: JobId, *, wait_s: float) -> None:
    values = {"queue": QUEUE, "task": TASK, "lock": f"ingest:{job_id}", "job_id": str(job_id), "wait_s": wait_s}
    await conn.execute(_DEFER, values)


def _key(job: ClaimedJob) -> dict[str, object]:
    return {"job_id": job.id, "tenant_id": job.tenant_id}
