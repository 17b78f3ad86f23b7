"""Jobs: what a caller sees of work in the background, and how a worker tells how far it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID, uuid4

import msgspec

from app.errors import JobUnknown, SwitchyardError
from app.ids import JobId, TenantId
from app.jobs.errands import defer
from app.jobs.kinds import Kind
from app.jobs.states import JobState
from app.postgres import Connection, Database
from app.telemetry.metrics import Metrics

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0

_SELECT: LiteralString = """
    SELECT id, tenant_id, kind, subject_id, state, step, progress, attempt, error_code, error_detail,
           created_at, updated_at, finished_at
    FROM jobs WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND kind = ANY(%(kinds)s)
"""
_INSERT: LiteralString = """
    INSERT INTO jobs (id, tenant_id, kind, subject_id, state, step, request_id)
    VALUES (%(job_id)s, %(tenant_id)s, %(kind)s, %(subject_id)s, 'accepted', %(step)s, %(request_id)s)
"""
_CLAIM: LiteralString = """
    UPDATE jobs SET state = 'running', attempt = attempt + 1, updated_at = now()
    WHERE id = %(job_id)s AND state IN ('accepted', 'running') AND kind = ANY(%(kinds)s)
    RETURNING id, tenant_id, kind, subject_id, attempt, request_id
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
    """A job as its tenant sees it; `progress` is 0 to 1, `step` the last of its kind's steps that it reached."""

    id: JobId
    tenant_id: TenantId
    kind: str
    subject_id: UUID
    state: JobState
    step: str
    progress: float
    attempt: int
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class ClaimedJob(msgspec.Struct, frozen=True):
    """A job that a worker has begun; `request_id` is of the request that asked for it, None where none did."""

    id: JobId
    tenant_id: TenantId
    kind: str
    subject_id: UUID
    attempt: int
    request_id: str | None = None


class Jobs:
    """The job rows of the kinds that this version knows; others are left to the version beside it that does.

    Every method raises StoreUnavailable when PostgreSQL does not answer.
    """

    def __init__(self, database: Database, metrics: Metrics, kinds: Sequence[Kind]) -> None:
        self._database = database
        self._metrics = metrics
        self._kinds = {kind.name: kind for kind in kinds}

    def kind_of(self, job: ClaimedJob) -> Kind:
        """Return what jobs of that kind are."""
        return self._kinds[job.kind]

    async def get(self, tenant_id: TenantId, job_id: JobId) -> Job:
        """Return the tenant's job. Raises JobUnknown, also for another tenant's."""
        values = {"tenant_id": tenant_id, "job_id": job_id, "kinds": list(self._kinds)}
        async with self._database.connection("job.get") as conn:
            row = await (await conn.execute(_SELECT, values)).fetchone()
        if row is None:
            raise JobUnknown("there is no such job")
        return msgspec.convert(row, Job)

    async def claim(self, job_id: JobId) -> ClaimedJob | None:
        """Begin an attempt. None when the job has ended or is unknown: there is nothing to do."""
        async with self._database.connection("job.claim") as conn:
            cursor = await conn.execute(_CLAIM, {"job_id": job_id, "kinds": list(self._kinds)})
            row = await cursor.fetchone()
        return None if row is None else msgspec.convert(row, ClaimedJob)

    async def advance(self, job: ClaimedJob, step: str, progress: float) -> None:
        """Tell how far the job is; what it waited for before is forgotten."""
        values = {"step": self.kind_of(job).step(step), "progress": progress}
        async with self._database.connection("job.advance") as conn:
            await conn.execute(_ADVANCE, {**_key(job), **values})

    async def wait(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """Let the job wait for its next attempt, longer each time, and tell its owner what for."""
        async with self._database.transaction("job.wait") as conn:
            await conn.execute(_WAIT, {**_key(job), "code": why.code, "detail": why.detail})
            await defer(conn, self.kind_of(job), job.id, wait_s=wait_s(job.attempt))

    async def close(
        self, conn: Connection, job: ClaimedJob, step: str, *, code: str | None = None, detail: str = ""
    ) -> None:
        """End the job inside the caller's transaction: done without a `code`, failed with one."""
        state = JobState.DONE if code is None else JobState.FAILED
        values = {"state": state, "step": self.kind_of(job).step(step), "code": code, "detail": detail or None}
        cursor = await conn.execute(_CLOSE, {**_key(job), **values})
        if cursor.rowcount:
            self._metrics.jobs.labels(job.kind, state).inc()


def wait_s(attempt: int) -> float:
    """Return the seconds before the attempt after `attempt` (1 is the first): doubling from 2 s up to 5 min."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 16))


async def insert(
    conn: Connection, kind: Kind, tenant_id: TenantId, subject_id: UUID, *, request_id: str | None = None
) -> JobId:
    """Add a job and tell the workers, both inside the caller's transaction; return its id.

    `request_id` is of the request that asks for it, by which the worker's lines are found; None where none does.
    """
    job_id = JobId(uuid4())
    values = {"job_id": job_id, "tenant_id": tenant_id, "subject_id": subject_id, **_begun(kind)}
    await conn.execute(_INSERT, {**values, "request_id": request_id})
    await defer(conn, kind, job_id)
    return job_id


def _begun(kind: Kind) -> dict[str, object]:
    return {"kind": kind.name, "step": kind.steps[0]}


def _key(job: ClaimedJob) -> dict[str, object]:
    return {"job_id": job.id, "tenant_id": job.tenant_id}
