"""Jobs: what a caller sees of work in the background, and how a worker tells how far it is."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import LiteralString, TypeAlias
from uuid import UUID, uuid4

import msgspec

from app.errors import JobUnknown, SwitchyardError
from app.ids import JobId, TenantId
from app.jobs.errands import defer
from app.jobs.following import Following, Key
from app.jobs.job import Job as Job
from app.jobs.kinds import Kind
from app.jobs.refusals import JobNotCancellable
from app.jobs.states import ENDED, JobState
from app.postgres import Connection, Database
from app.telemetry.metrics import Metrics

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
LIST_LIMIT = 200

# A job that was cancelled is `failed` in its row: replicas of the version before know no other word for it.
_STATE: LiteralString = """
    CASE WHEN state = 'failed' AND error_code = 'cancelled' THEN 'cancelled' ELSE state END
"""
_COLUMNS: LiteralString = f"""
    id, tenant_id, kind, subject_id, {_STATE} AS state, step, progress, attempt, error_code, error_detail,
    created_at, updated_at, finished_at, counts,
    cancel_asked_at IS NOT NULL AND state IN ('accepted', 'running') AS is_stopping
"""
_SELECT: LiteralString = f"""
    SELECT {_COLUMNS}
    FROM jobs WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND kind = ANY(%(kinds)s)
"""  # noqa: S608 - both parts are constants
_SELECT_MANY: LiteralString = f"""
    SELECT {_COLUMNS}
    FROM jobs WHERE id = ANY(%(job_ids)s) AND tenant_id = ANY(%(tenant_ids)s) AND kind = ANY(%(kinds)s)
"""  # noqa: S608 - both parts are constants
_SELECT_PAGE: LiteralString = f"""
    SELECT {_COLUMNS} FROM jobs
    WHERE tenant_id = %(tenant_id)s AND kind = ANY(%(kinds)s)
      AND (cardinality(%(states)s::text[]) = 0 OR {_STATE} = ANY(%(states)s))
      AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s)
      AND (%(after)s::uuid IS NULL OR (created_at, id) < (
          SELECT created_at, id FROM jobs WHERE id = %(after)s AND tenant_id = %(tenant_id)s))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608 - both parts are constants
_INSERT: LiteralString = """
    INSERT INTO jobs (id, tenant_id, kind, subject_id, state, step, request_id)
    VALUES (%(job_id)s, %(tenant_id)s, %(kind)s, %(subject_id)s, 'accepted', %(step)s, %(request_id)s)
"""
_CLAIM: LiteralString = """
    UPDATE jobs SET state = 'running', attempt = attempt + 1, updated_at = now()
    WHERE id = %(job_id)s AND state IN ('accepted', 'running') AND kind = ANY(%(kinds)s)
    RETURNING id, tenant_id, kind, subject_id, attempt, request_id, cancel_asked_at IS NOT NULL AS is_stopping
"""
_ADVANCE: LiteralString = """
    UPDATE jobs SET step = %(step)s, progress = %(progress)s, error_code = NULL, error_detail = NULL, updated_at =
           now(), counts = counts || %(counts)s::jsonb
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state = 'running' AND attempt = %(attempt)s
      AND cancel_asked_at IS NULL
"""
_HOLD: LiteralString = """
    SELECT 1 AS held FROM jobs
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state = 'running' AND attempt = %(attempt)s
      AND cancel_asked_at IS NULL
    FOR NO KEY UPDATE
"""
_WAIT: LiteralString = """
    UPDATE jobs SET state = 'accepted', error_code = %(code)s, error_detail = %(detail)s, updated_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state = 'running' AND attempt = %(attempt)s
      AND cancel_asked_at IS NULL
"""
_CLOSE: LiteralString = """
    UPDATE jobs SET state = %(state)s, step = %(step)s,
           progress = CASE WHEN %(code)s::text IS NULL THEN 1 ELSE progress END,
           error_code = %(code)s, error_detail = %(detail)s, updated_at = now(), finished_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state = 'running' AND attempt = %(attempt)s
      AND (%(code)s::text IS NOT NULL OR cancel_asked_at IS NULL)
"""
# One that nobody works on ends at once; the worker of another ends it, at its next step.
_CANCEL: LiteralString = """
    UPDATE jobs SET cancel_asked_at = coalesce(cancel_asked_at, now()), updated_at = now(),
           state = CASE state WHEN 'accepted' THEN 'failed' ELSE state END,
           error_code = CASE state WHEN 'accepted' THEN 'cancelled' ELSE error_code END,
           error_detail = CASE state WHEN 'accepted' THEN %(detail)s ELSE error_detail END,
           finished_at = CASE state WHEN 'accepted' THEN now() END
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND kind = ANY(%(kinds)s) AND state IN ('accepted', 'running')
    RETURNING state
"""
_STOP: LiteralString = """
    UPDATE jobs SET state = 'failed', error_code = 'cancelled', error_detail = %(detail)s, updated_at = now(),
           finished_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'running')
      AND cancel_asked_at IS NOT NULL
"""
_CANCELLED = "it was cancelled"

OnEnded: TypeAlias = Callable[[Connection, TenantId, UUID], Awaitable[None]]
"""Notes at the subject of a job, inside the same transaction, that nothing more is done for it."""


class JobStopped(Exception):
    """The job is not this worker's to go on with: it was cancelled, has ended, or another attempt has begun."""


class ClaimedJob(msgspec.Struct, frozen=True):
    """An attempt that a worker has begun; the next one ends its right to the job.

    `request_id` is of the request that asked for it, None where none did.
    """

    id: JobId
    tenant_id: TenantId
    kind: str
    subject_id: UUID
    attempt: int
    request_id: str | None = None
    is_stopping: bool = False
    """It was cancelled while another worker had it."""


class Jobs:
    """The job rows of the kinds that this version knows; others are left to the version beside it that does.

    Every method raises StoreUnavailable when PostgreSQL does not answer.
    """

    def __init__(
        self, database: Database, metrics: Metrics, kinds: Sequence[Kind], *, on_cancelled: OnEnded | None = None
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._kinds = {kind.name: kind for kind in kinds}
        self._on_cancelled = on_cancelled
        self._following = Following(self._read_many)

    def kind_of(self, job: ClaimedJob | Job) -> Kind:
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

    async def list(
        self,
        tenant_id: TenantId,
        *,
        limit: int,
        states: Sequence[JobState] = (),
        subject_id: UUID | None = None,
        after: JobId | None = None,
    ) -> list[Job]:
        """Return up to `limit` (at most 200) of the tenant's jobs, newest first, `after` the last of the page before.

        Of those in one of `states`, and about that subject, where they are given.
        """
        values = {"tenant_id": tenant_id, "kinds": list(self._kinds), "states": list(states), "subject_id": subject_id}
        async with self._database.connection("job.list") as conn:
            cursor = await conn.execute(
                _SELECT_PAGE, {**values, "after": after, "limit": max(1, min(limit, LIST_LIMIT))}
            )
            return msgspec.convert(await cursor.fetchall(), list[Job])

    def follow(self, job: Job, *, seen: bool) -> AsyncGenerator[Job]:
        """Yield the job unless it was `seen`, and then whenever it changed, until it ended. Raises FollowersFull."""
        return self._following.follow(job, seen=seen)

    async def cancel(self, tenant_id: TenantId, job_id: JobId) -> Job:
        """Stop a job, or have its worker stop at its next step (`is_stopping`); return how it stands.

        It ends `cancelled`, never `done`. Raises JobUnknown, JobNotCancellable.
        """
        job = await self.get(tenant_id, job_id)
        if not self.kind_of(job).may_cancel:
            raise JobNotCancellable(f"a job of the kind {job.kind} is the installation's own", kind=job.kind)
        values = {"tenant_id": tenant_id, "job_id": job_id, "kinds": list(self._kinds), "detail": _CANCELLED}
        async with self._database.transaction("job.cancel") as conn:
            row = await (await conn.execute(_CANCEL, values)).fetchone()
            if row is None:
                raise JobNotCancellable("the job has ended", state=job.state.value)
            if row["state"] == JobState.FAILED:
                await self._tell_cancelled(conn, job)
        return await self.get(tenant_id, job_id)

    async def claim(self, job_id: JobId) -> ClaimedJob | None:
        """Begin an attempt. None when the job has ended or is unknown: there is nothing to do."""
        async with self._database.connection("job.claim") as conn:
            cursor = await conn.execute(_CLAIM, {"job_id": job_id, "kinds": list(self._kinds)})
            row = await cursor.fetchone()
        return None if row is None else msgspec.convert(row, ClaimedJob)

    async def advance(
        self, job: ClaimedJob, step: str, progress: float, counts: Mapping[str, int | None] | None = None
    ) -> None:
        """Tell how far the job is and what was counted; what it waited for before is forgotten. Raises JobStopped."""
        counted = {name: count for name, count in (counts or {}).items() if count is not None}
        values = {"step": self.kind_of(job).step(step), "progress": progress}
        async with self._database.connection("job.advance") as conn:
            told = {**_key(job), **values, "counts": msgspec.json.encode(counted).decode()}
            if not (await conn.execute(_ADVANCE, told)).rowcount:
                raise JobStopped

    async def hold(self, conn: Connection, job: ClaimedJob) -> None:
        """Keep the job this worker's until the caller's transaction ends; first of its locks. Raises JobStopped."""
        if not (await conn.execute(_HOLD, _key(job))).rowcount:
            raise JobStopped

    async def wait(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """Let the job wait for its next attempt, longer each time, and tell its owner what for. Raises JobStopped."""
        async with self._database.transaction("job.wait") as conn:
            if not (await conn.execute(_WAIT, {**_key(job), "code": why.code, "detail": why.detail})).rowcount:
                raise JobStopped
            await defer(conn, self.kind_of(job), job.id, wait_s=wait_s(job.attempt))

    async def close(
        self, conn: Connection, job: ClaimedJob, step: str, *, code: str | None = None, detail: str = ""
    ) -> None:
        """End the job inside the caller's transaction: done without a `code`, failed with one.

        Raises JobStopped for one that is not this worker's to end: the caller's transaction must not be committed then.
        """
        state = JobState.DONE if code is None else JobState.FAILED
        values = {"state": state, "step": self.kind_of(job).step(step), "code": code, "detail": detail or None}
        cursor = await conn.execute(_CLOSE, {**_key(job), **values})
        if not cursor.rowcount:
            raise JobStopped
        self._metrics.jobs.labels(job.kind, state).inc()

    async def stop(self, job: ClaimedJob) -> bool:
        """End the job as cancelled, and say so at its subject, if it was; return whether it was."""
        async with self._database.transaction("job.stop") as conn:
            is_cancelled = bool((await conn.execute(_STOP, {**_key(job), "detail": _CANCELLED})).rowcount)
            if is_cancelled:
                await self._tell_cancelled(conn, job)
        return is_cancelled

    async def has_ended(self, job: ClaimedJob) -> bool:
        """Whether nobody works on the job any more, nor will."""
        return (await self.get(job.tenant_id, job.id)).state in ENDED

    async def _tell_cancelled(self, conn: Connection, job: ClaimedJob | Job) -> None:
        if self._on_cancelled is not None:
            await self._on_cancelled(conn, job.tenant_id, job.subject_id)
        self._metrics.jobs.labels(job.kind, JobState.CANCELLED).inc()

    async def _read_many(self, keys: Sequence[Key]) -> Sequence[Job]:
        tenants, ids = {tenant_id for tenant_id, _ in keys}, {job_id for _, job_id in keys}
        values = {"job_ids": list(ids), "tenant_ids": list(tenants), "kinds": list(self._kinds)}
        async with self._database.connection("job.follow") as conn:
            return msgspec.convert(await (await conn.execute(_SELECT_MANY, values)).fetchall(), list[Job])


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
    return {"job_id": job.id, "tenant_id": job.tenant_id, "attempt": job.attempt}
