"""The background process: takes over runs, ingests documents, keeps the stores tidy."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, aclosing
from uuid import UUID

import procrastinate
import structlog
from procrastinate import jobs as queued
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from prometheus_client import start_http_server

from app.cancel import cancel
from app.errors import StoreUnavailable, SwitchyardError
from app.ids import JobId, RunId
from app.inference import usage
from app.inference.lease import Orphan
from app.retrieval import jobs
from app.settings import read_settings
from app.telemetry.logs import configure
from app.wiring import Platform, open_platform

log = structlog.get_logger(__name__)

RUNS_QUEUE = "runs"
JOBS_AT_ONCE = 4
RUNS_AT_ONCE = 64
STALLED_AFTER_S = 60
QUEUE_DRAIN_S = 10.0

REMOVE_OLD_JOBS_HOURS = 24


def task_queue(platform: Platform) -> procrastinate.App:
    """Return the queue with our two tasks: a job to ingest and a run to take over."""
    queue = procrastinate.App(connector=procrastinate.PsycopgConnector())

    async def ingest(job_id: str) -> None:
        await platform.ingest.run(JobId(UUID(job_id)))

    async def take_over(run_id: str) -> None:
        await platform.runner.resume(RunId(UUID(run_id)))

    queue.task(queue=jobs.QUEUE, name=jobs.TASK)(ingest)
    queue.task(queue=RUNS_QUEUE, name="take_over")(take_over)
    return queue


class Chores:
    """What the worker does again and again."""

    def __init__(self, platform: Platform, queue: procrastinate.App) -> None:
        self._platform = platform
        self._queue = queue

    async def take_over_expired(self) -> None:
        """Queue every run whose lease ran out, once."""
        for run_id in await self._platform.runs.expired():
            take_over = self._queue.configure_task("take_over", queue=RUNS_QUEUE, queueing_lock=f"run:{run_id}")
            try:
                await take_over.defer_async(run_id=str(run_id))
            except AlreadyEnqueued:
                log.debug("run.takeover_already_queued", run_id=str(run_id))

    async def store_orphans(self) -> None:
        """Leave a usage row for every call whose process died."""
        async with aclosing(self._platform.leases.take_orphans()) as orphans:
            async for orphan in orphans:
                await self._store_orphan(orphan)

    async def end_stalled(self) -> None:
        """End the takeovers of dead workers in the queue; their runs' leases say whether there is more to do."""
        for job in await self._queue.job_manager.get_stalled_jobs(
            queue=RUNS_QUEUE, seconds_since_heartbeat=STALLED_AFTER_S
        ):
            await self._queue.job_manager.finish_job(job, queued.Status.FAILED, delete_job=True)

    async def remove_old(self) -> None:
        """Remove sessions that expired a day ago and the queue's finished jobs."""
        removed = await self._platform.sessions.remove_stale()
        if removed:
            log.info("sessions.removed", sessions=removed)
        await self._queue.job_manager.delete_old_jobs(nb_hours=REMOVE_OLD_JOBS_HOURS, include_failed=True)

    async def _store_orphan(self, orphan: Orphan) -> None:
        owner = None if orphan.run_id is None else await self._platform.runs.owner(orphan.run_id)
        record, stored = orphan.record, owner is not None
        if owner is not None:
            async with self._platform.database.connection("orphans.store") as conn:
                await usage.add(conn, *owner, orphan.run_id, [record])
        log.info("call.lost", call_id=str(record.id), node=record.node, gpu_us=record.gpu_us, stored=stored)


async def repeat(name: str, every_s: float, chore: Callable[[], Awaitable[object]]) -> None:
    """Do `chore` every `every_s` seconds, for ever; a failure is logged and the next turn comes."""
    while True:
        try:
            async with asyncio.timeout(max(30.0, every_s)):
                await chore()
        except (SwitchyardError, ConnectorException, TimeoutError) as error:
            log.warning("chore.failed", chore=name, error=str(error))
        except Exception:  # the worker's edge: a chore's fault must not end the others
            log.exception("chore.crashed", chore=name)
        await asyncio.sleep(every_s)


async def consume(queue: procrastinate.App, names: list[str], concurrency: int) -> None:
    """Work on queued jobs for ever; PostgreSQL being away only pauses it."""
    while True:
        try:
            await queue.run_worker_async(
                queues=names,
                concurrency=concurrency,
                install_signal_handlers=False,
                fetch_job_polling_interval=2.0,
                shutdown_graceful_timeout=QUEUE_DRAIN_S,
                name=",".join(names),
            )
        except (ConnectorException, StoreUnavailable) as error:
            log.warning("queue.away", error=str(error))
        await asyncio.sleep(1.0)


async def work(platform: Platform, stopped: asyncio.Event) -> None:
    """Do everything until `stopped`, then let the running jobs end."""
    queue = task_queue(platform)
    await queue.open_async(platform.queue_pool)
    chores = Chores(platform, queue)
    lease_s = platform.settings.run_lease_s
    turns: list[tuple[str, float, Callable[[], Awaitable[object]]]] = [
        ("take over runs", min(1.0, lease_s / 2), chores.take_over_expired),
        ("store orphans", 5.0, chores.store_orphans),
        ("end stalled takeovers", 15.0, chores.end_stalled),
        ("remove old rows", 60.0, chores.remove_old),
        ("compare index and chunks", 300.0, platform.reconciler.run),
    ]
    async with platform.queue_pool, asyncio.TaskGroup() as group:
        running = [group.create_task(repeat(name, every_s, chore), name=name) for name, every_s, chore in turns]
        running.append(group.create_task(consume(queue, [jobs.QUEUE], JOBS_AT_ONCE), name="ingest"))
        running.append(group.create_task(consume(queue, [RUNS_QUEUE], RUNS_AT_ONCE), name="runs"))
        await stopped.wait()
        log.info("worker.stopping")
        # Beside the queue's own drain: its takeovers wait for runs that this ends or gives up.
        group.create_task(platform.runner.close(drain_s=platform.settings.drain_s), name="drain")
        await cancel(running, again_s=QUEUE_DRAIN_S + 5.0)


async def run() -> None:
    """Open the platform and work until SIGTERM or SIGINT."""
    settings = read_settings(os.environ)
    logs = configure(settings.log_level, process=settings.replica)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    with ExitStack() as stack:
        stack.callback(logs.close)
        async with open_platform(settings) as platform:
            if settings.metrics_port:
                server, _ = start_http_server(settings.metrics_port, settings.host, platform.metrics.registry)
                stack.callback(server.shutdown)
            log.info("worker.started", metrics_port=settings.metrics_port)
            await work(platform, stopped)


if __name__ == "__main__":
    asyncio.run(run())
