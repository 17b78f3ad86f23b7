"""What the worker does again and again, beside the work that is queued for it."""

import asyncio
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from functools import partial

import msgspec
import procrastinate
import structlog
from procrastinate import jobs as queued
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from psycopg.errors import RaiseException

from app.agents.task_rows import TAKE_OVER_TASK, TASKS_QUEUE
from app.ids import RunId
from app.inference.calls.usage_book import Loss
from app.inference.slots.lease import Orphan
from app.loops import attempt, attempt_each
from app.retrieval.shape import Copies
from app.sqlstates import find_fact
from app.webhooks import rows as webhooks
from app.wiring import Platform

log = structlog.get_logger(__name__)

RUNS_QUEUE = "runs"
ORPHANS_FIRST_S = 2.0
"""Runs whose owner died wait no longer for the rows of their lost calls."""
REMOVE_OLD_JOBS_HOURS = 24


@contextmanager
def queue_facts() -> Generator[None]:
    """Have an outage of PostgreSQL that the queue's client meets be the same fact as everywhere else."""
    try:
        yield
    except ConnectorException as error:
        fact = find_fact(error)
        if fact is None:
            raise
        raise fact from error


class Chores:
    """What the worker does again and again."""

    def __init__(self, platform: Platform, queue: procrastinate.App) -> None:
        self._platform = platform
        self._queue = queue
        self._copies: Copies | None = None

    async def take_over_expired(self) -> None:
        """Queue every run whose lease ran out, once, and before that store its lost calls: it shows what they took."""
        expired = await self._platform.runs.expired()
        lost = await attempt(self._store_orphans_first) if expired else None
        await attempt_each([partial(self._queue_takeover, run_id) for run_id in expired])
        if lost is not None:
            raise lost

    async def store_orphans(self) -> None:
        """Leave a usage row for every call whose process died."""
        async with aclosing(self._platform.leases.take_orphans()) as orphans:
            async for orphan in orphans:
                if orphan is None:
                    self._platform.book.lose(Loss.UNREADABLE)
                else:
                    await self._store_orphan(orphan)
        if dropped := await self._platform.leases.take_dropped():
            self._platform.book.lose(Loss.DROPPED, dropped)

    async def _store_orphans_first(self) -> None:
        async with asyncio.timeout(ORPHANS_FIRST_S):
            await self.store_orphans()

    async def end_stalled(self) -> None:
        """End the takeovers of dead workers in the queue; their runs' leases say whether there is more to do."""
        manager, silent_s = self._queue.job_manager, self._platform.settings.job_lease_s
        with queue_facts():
            for name in (RUNS_QUEUE, TASKS_QUEUE, webhooks.QUEUE):
                for job in await manager.get_stalled_jobs(queue=name, seconds_since_heartbeat=silent_s):
                    await self._end(job)

    async def _end(self, job: queued.Job) -> None:
        try:
            await self._queue.job_manager.finish_job(job, queued.Status.FAILED, delete_job=True)
        except ConnectorException as error:
            # Of two workers that find it, one is second (procrastinate/sql/schema.sql: "Job was not found").
            if not isinstance(error.__cause__, RaiseException):
                raise
            log.info("job.ended_elsewhere", job_id=job.id)

    async def expire_waiting(self) -> None:
        """End the runs that nobody answered in time."""
        if expired := await self._platform.runs.expire():
            log.info("runs.expired", runs=expired)

    async def remove_old(self) -> None:
        """Remove sessions that expired long ago and the queue's finished jobs."""
        removed = await self._platform.sessions.remove_stale(days=self._platform.settings.session_days)
        if removed:
            log.info("sessions.removed", sessions=removed)
        with queue_facts():
            await self._queue.job_manager.delete_old_jobs(nb_hours=REMOVE_OLD_JOBS_HOURS, include_failed=True)

    async def complete_copies(self) -> None:
        """Have Qdrant's peers make the copies of shards that the settings ask and that are missing."""
        copies = await self._platform.editions.complete_copies()
        if copies is None:
            return
        self._platform.metrics.copies_missing.set(copies.wanted - copies.whole)
        if copies.begun or copies != self._copies:
            log.info("collection.copies", wanted=copies.wanted, whole=copies.whole, begun=copies.begun)
        self._copies = copies

    async def _queue_takeover(self, run_id: RunId) -> None:
        take_over = self._queue.configure_task(TAKE_OVER_TASK, queue=RUNS_QUEUE, queueing_lock=f"run:{run_id}")
        try:
            with queue_facts():
                await take_over.defer_async(run_id=str(run_id))
        except AlreadyEnqueued:
            log.debug("run.takeover_already_queued", run_id=str(run_id))

    async def _store_orphan(self, orphan: Orphan) -> None:
        usage, run_id = orphan.usage, orphan.usage.account.run_id
        if usage.account.tenant_id is None and run_id is not None:
            account = await self._platform.runs.account(run_id, usage.kind)
            usage = usage if account is None else msgspec.structs.replace(usage, account=account)
        await self._platform.book.write([usage])
        log.info("call.lost", **usage.facts)
