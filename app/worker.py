"""The background process: takes over runs, ingests documents, keeps the stores tidy."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import UUID

import msgspec
import procrastinate
import structlog
from prometheus_client import CollectorRegistry, start_http_server

from app.agents.life import FINAL_STATES
from app.agents.task_rows import TAKE_OVER_TASK, TASKS_QUEUE
from app.api.task_shapes import to_ended
from app.chores import RUNS_QUEUE, Chores, queue_facts
from app.configuration import Configuration
from app.console import Console
from app.errors import RunUnknown, StoreUnavailable
from app.ids import JobId, RunId, TenantId
from app.loops import Loop, Loops
from app.process import CannotStart, run_process, watched
from app.retrieval.states import INGEST
from app.settings import Settings
from app.webhooks import rows as webhooks
from app.wiring import Platform, open_platform

log = structlog.get_logger(__name__)

JOBS_AT_ONCE = 4
RUNS_AT_ONCE = 64
WEBHOOKS_AT_ONCE = 32
"""Eight tenants whose receivers all are slow, each with as many as it may have, hold others' back, and no fewer."""
QUEUE_DRAIN_S = 10.0
SIGNS_A_LEASE = 6
"""So many signs of life may be late before a worker's jobs are another's."""
LOST_JOBS_LONGEST_S = 15.0

CHORE_LIMIT_S = 30.0
COMPARE_LIMIT_S = 300.0
"""Of a round of the editions: two models may embed a hundred questions in it."""
JUDGE_LIMIT_S = 600.0
"""Of a judgement: six calls at most that nobody waits for."""
SUMMARY_LIMIT_S = 600.0
"""Of a summary: eight calls at most that nobody waits for."""
TAKE_OVER_PAUSE_S = 5.0


def task_queue(platform: Platform) -> procrastinate.App:
    """Return the queue with our three tasks: a job to do, a run to begin or take over, and a webhook to deliver."""
    queue = procrastinate.App(connector=procrastinate.PsycopgConnector())

    async def do(job_id: str) -> None:
        await platform.workers.run(JobId(UUID(job_id)))

    async def take_over(run_id: str) -> None:
        with structlog.contextvars.bound_contextvars(run_id=run_id), put_off(TAKE_OVER_TASK):
            await platform.runner.resume(RunId(UUID(run_id)))

    async def deliver(delivery_id: str) -> None:
        with structlog.contextvars.bound_contextvars(delivery_id=delivery_id), put_off(webhooks.TASK):
            await platform.deliveries.deliver(UUID(delivery_id), partial(told_end, platform))

    queue.task(queue=webhooks.QUEUE, name=webhooks.TASK)(deliver)
    queue.task(queue=INGEST.queue, name=INGEST.queue)(do)
    queue.task(queue=RUNS_QUEUE, name=TAKE_OVER_TASK)(take_over)
    return queue


@contextmanager
def put_off(errand: str) -> Generator[None]:
    """Have an errand end that PostgreSQL cut off, and say so: its row stands, and is found again by a loop."""
    try:
        yield
    except StoreUnavailable as error:
        log.warning("errand.put_off", errand=errand, code=error.code, detail=error.detail)


async def told_end(platform: Platform, tenant_id: TenantId, run_id: RunId) -> bytes | None:
    """Return the body of the webhook that tells how a task ended; None while it goes on. Raises StoreUnavailable."""
    try:
        task = await platform.tasks.get(tenant_id, run_id)
    except RunUnknown:
        return None
    return msgspec.json.encode(to_ended(task)) if task.result.state in FINAL_STATES else None


async def consume(queue: procrastinate.App, name: str, concurrency: int, lease_s: float) -> None:
    """Work on the jobs of a queue until cancelled; ends early when a part of the consumer breaks, as it may.

    Who gives no sign of life for `lease_s` is dead to the other workers.
    """
    with queue_facts():
        await queue.run_worker_async(
            queues=[name],
            concurrency=concurrency,
            install_signal_handlers=False,
            fetch_job_polling_interval=2.0,
            update_heartbeat_interval=lease_s / SIGNS_A_LEASE,
            stalled_worker_timeout=lease_s,
            shutdown_graceful_timeout=QUEUE_DRAIN_S,
            name=name,
        )


async def work(platform: Platform, stopped: asyncio.Event) -> None:
    """Do everything until `stopped`, then let the running jobs end."""
    queue, lease_s, at_once = task_queue(platform), platform.settings.job_lease_s, platform.settings.tasks_at_once
    await queue.open_async(platform.queue_pool)
    works = (
        *_chores(platform.loops, Chores(platform, queue), platform),
        platform.loops.hold(Loop.INGEST_QUEUE, partial(consume, queue, INGEST.queue, JOBS_AT_ONCE, lease_s)),
        platform.loops.hold(Loop.RUNS_QUEUE, partial(consume, queue, RUNS_QUEUE, RUNS_AT_ONCE, lease_s)),
        platform.loops.hold(Loop.TASKS_QUEUE, partial(consume, queue, TASKS_QUEUE, at_once, lease_s)),
        platform.loops.hold(Loop.WEBHOOKS_QUEUE, partial(consume, queue, webhooks.QUEUE, WEBHOOKS_AT_ONCE, lease_s)),
    )
    async with platform.queue_pool, asyncio.TaskGroup() as group:
        async with platform.loops.beside(*works, again_s=QUEUE_DRAIN_S + 5.0):
            await stopped.wait()
            log.info("worker.stopping")
            # Beside the queue's own drain: its takeovers wait for runs that this ends or gives up.
            group.create_task(platform.runner.close(drain_s=platform.settings.drain_s), name="drain")
        with put_off("leave"):
            await platform.task_load.leave()


def _chores(loops: Loops, chores: Chores, platform: Platform) -> list[Coroutine[object, object, None]]:
    take_over_s = min(1.0, platform.settings.run_lease_s / 2)
    lost_jobs_s = min(LOST_JOBS_LONGEST_S, platform.settings.job_lease_s / 4)
    turns: list[tuple[Loop, float, float, Callable[[], Awaitable[object]]]] = [
        # Runs whose owner died wait for this one.
        (Loop.TAKE_OVER, take_over_s, TAKE_OVER_PAUSE_S, chores.take_over_expired),
        (Loop.ORPHANS, 5.0, 30.0, chores.store_orphans),
        (Loop.LOST_JOBS, lost_jobs_s, LOST_JOBS_LONGEST_S, platform.document_upkeep.lost.requeue),
        (Loop.STALLED, 15.0, 30.0, chores.end_stalled),
        (Loop.WAITING, 60.0, 60.0, chores.expire_waiting),
        (Loop.OLD_ROWS, 60.0, 60.0, chores.remove_old),
        (Loop.ROLL_UP, 600.0, 60.0, platform.upkeep.prune),
        (Loop.RECONCILE, 300.0, 60.0, platform.document_upkeep.reconciler.run),
        (Loop.COLD, 300.0, 60.0, platform.document_upkeep.put_away),
        (Loop.REREAD, 300.0, 60.0, platform.document_upkeep.read_again),
        (Loop.DOCUMENTS_COUNT, 60.0, 60.0, platform.document_upkeep.count),
        (Loop.COPIES, 15.0, 60.0, chores.complete_copies),
        (Loop.TASKS_COUNT, 5.0, 60.0, platform.task_load.watch),
        (Loop.WEBHOOKS_OVERDUE, 30.0, 60.0, platform.deliveries.queue_overdue),
        (Loop.EDITIONS, 5.0, 60.0, platform.document_upkeep.backfill.run),
        (Loop.SUMMARIES, 5.0, 60.0, platform.summarising.turn),
        (Loop.JUDGE, 10.0, 60.0, platform.judging.turn),
    ]
    limits = {Loop.EDITIONS: COMPARE_LIMIT_S, Loop.JUDGE: JUDGE_LIMIT_S, Loop.SUMMARIES: SUMMARY_LIMIT_S}
    return [
        loops.repeat(
            loop,
            every_s,
            chore,
            limit_s=limits.get(loop, max(CHORE_LIMIT_S, every_s)),
            longest_pause_s=longest_s,
            at_once=True,
        )
        for loop, every_s, longest_s, chore in turns
    ]


async def run(configuration: Configuration) -> None:
    """Open the platform and work until SIGTERM or SIGINT. Raises CannotStart."""
    settings = configuration.settings
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with open_platform(configuration) as platform:
        with ExitStack() as stack:
            if settings.metrics_port:
                stack.callback(_serve_metrics(settings, platform.metrics.registry))
            log.info("worker.started", metrics_port=settings.metrics_port)
            await work(platform, stopped)


def _serve_metrics(settings: Settings, registry: CollectorRegistry) -> Callable[[], None]:
    try:
        server, _ = start_http_server(settings.metrics_port, settings.host, registry)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        place = f"{settings.host}:{settings.metrics_port} (SWITCHYARD_HOST, SWITCHYARD_METRICS_PORT)"
        raise CannotStart(f"cannot serve metrics at {place}: {why}") from error
    return server.shutdown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker; return the exit status: 0 after a stop, 2 for a wrong configuration, 1 for another end."""
    parser = argparse.ArgumentParser(prog="python -m app.worker", description="The Switchyard worker.")
    parser.parse_args(arguments)
    return run_process(run, os.environ, watched(os.environ, Console(sys.stderr)))


if __name__ == "__main__":
    sys.exit(main())
