"""Jobs that no worker has and no worker will get: queued again, or given up where they kill their workers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.ids import JobId, TenantId
from app.jobs.errands import defer, end_claims
from app.jobs.kinds import Kind
from app.jobs.states import JobState
from app.postgres import Connection, Database
from app.telemetry.metrics import Metrics

AT_ONCE = 100
"""Jobs of a kind looked at in one round: a round is short, and the next one goes on."""
CRASHES = 5
"""After so many attempts that ended without a word the job itself is what kills its workers."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()

# Its errand was lost, or died with its worker.
_SELECT_LOST: LiteralString = """
    SELECT j.id, j.tenant_id, (
        SELECT coalesce(sum(greatest(p.attempts, 1)), 0) FROM procrastinate_jobs p
        WHERE p.queueing_lock = %(queue)s || ':' || j.id AND p.status IN ('failed', 'doing', 'aborted')
    ) AS crashes
    FROM jobs j
    WHERE j.state IN ('accepted', 'running') AND j.kind = %(kind)s
      AND j.updated_at < now() - make_interval(secs => %(silent_s)s)
      AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs p LEFT JOIN procrastinate_workers w ON w.id = p.worker_id
        WHERE p.queueing_lock = %(queue)s || ':' || j.id AND (
            p.status = 'todo'
            OR p.status = 'doing' AND w.last_heartbeat > now() - make_interval(secs => %(silent_s)s)))
    ORDER BY j.updated_at LIMIT %(limit)s
"""
_GIVE_UP: LiteralString = """
    UPDATE jobs SET state = 'failed', error_code = 'internal', error_detail = 'every attempt broke off',
           updated_at = now(), finished_at = now()
    WHERE id = %(job_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'running')
    RETURNING subject_id
"""

OnGivenUp = Callable[[Connection, TenantId, UUID], Awaitable[None]]
"""Notes at the subject of a job, inside the same transaction, that nothing more is done for it."""


class _Lost(msgspec.Struct, frozen=True):
    id: JobId
    tenant_id: TenantId
    crashes: int


class LostJobs:
    """Finds the lost jobs of some kinds, a bounded round at a time. Raises StoreUnavailable."""

    def __init__(
        self, database: Database, metrics: Metrics, kinds: Sequence[Kind], on_given_up: OnGivenUp, *, silent_s: float
    ) -> None:
        """A worker that gives no sign of life for `silent_s` is dead."""
        self._database = database
        self._metrics = metrics
        self._kinds = kinds
        self._on_given_up = on_given_up
        self._silent_s = silent_s

    async def requeue(self) -> tuple[int, int]:
        """Queue them again; return how many, and how many were given up."""
        queued_again = given_up = 0
        for queue in sorted({kind.queue for kind in self._kinds}):
            async with self._database.connection("reconcile.errands") as conn:
                await end_claims(conn, queue)
        for kind in self._kinds:
            for job in await self._find(kind):
                async with self._database.transaction("reconcile.queue") as conn:
                    if job.crashes >= CRASHES:
                        await self._give_up(conn, kind, job)
                        given_up += 1
                    else:
                        await defer(conn, kind, job.id)
                        queued_again += 1
        if queued_again or given_up:
            log.info("jobs.lost", queued_again=queued_again, given_up=given_up)
        return queued_again, given_up

    async def _find(self, kind: Kind) -> list[_Lost]:
        values = {"kind": kind.name, "queue": kind.queue, "silent_s": self._silent_s, "limit": AT_ONCE}
        async with self._database.connection("reconcile.jobs") as conn:
            cursor = await conn.execute(_SELECT_LOST, values)
            return msgspec.convert(await cursor.fetchall(), list[_Lost], strict=False)

    async def _give_up(self, conn: Connection, kind: Kind, job: _Lost) -> None:
        row = await (await conn.execute(_GIVE_UP, {"job_id": job.id, "tenant_id": job.tenant_id})).fetchone()
        if row is not None:
            await self._on_given_up(conn, job.tenant_id, row["subject_id"])
            self._metrics.jobs.labels(kind.name, JobState.FAILED).inc()
