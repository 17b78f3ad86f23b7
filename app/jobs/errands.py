"""How workers are told what to do: an errand in procrastinate's queue, written with the rows that it is about."""

from collections.abc import Mapping
from typing import LiteralString

import msgspec

from app.ids import JobId
from app.jobs.kinds import Kind
from app.postgres import Connection
from app.statement import plain

# Written as procrastinate's own client does it, but on the caller's connection: the row and the errand commit together.
_SEND: LiteralString = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
        %(queue)s, %(task)s, %(priority)s, NULL, %(lock)s, %(arguments)s::jsonb,
        CASE WHEN %(wait_s)s > 0 THEN now() + make_interval(secs => %(wait_s)s) END
    )::procrastinate_job_to_defer_v1])
    WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %(lock)s AND status = 'todo')
"""
# Not those of a worker that is silent: when it comes back and ends its errand, that would be an error.
_END_CLAIMS: LiteralString = """
    UPDATE procrastinate_jobs p SET status = 'failed' WHERE queue_name = %(queue)s AND status = 'doing'
      AND NOT EXISTS (
        SELECT 1 FROM procrastinate_workers w
        WHERE w.id = p.worker_id AND w.last_heartbeat > now() - make_interval(secs => %(silent_s)s))
"""
FORGOTTEN_S = 3600
"""A worker that gave no sign of life for so long does not come back."""


class Errand(msgspec.Struct, frozen=True):
    """What a worker of `queue` is to do: its `task`, with `arguments`; of several with one `lock`, one waits."""

    queue: str
    task: str
    lock: str
    arguments: Mapping[str, str]
    priority: int = 0
    """Workers take the highest first (procrastinate_fetch_job_v2 orders by priority DESC, id)."""


async def send(conn: Connection, errand: Errand, *, wait_s: float = 0.0) -> None:
    """Tell the workers of an errand inside the caller's transaction, unless it already waits for them.

    `wait_s` is how long nobody takes it.
    """
    given = msgspec.structs.asdict(errand) | {"arguments": plain(errand.arguments), "wait_s": wait_s}
    await conn.execute(_SEND, given)


async def defer(conn: Connection, kind: Kind, job_id: JobId, *, wait_s: float = 0.0) -> None:
    """Tell the workers of a job inside the caller's transaction, unless an errand already waits for them.

    The task is called like the queue; its argument is `job_id`, as text. `wait_s` is how long nobody takes it.
    """
    arguments = {"job_id": str(job_id)}
    priority = 0 if kind.is_urgent else -1
    await send(conn, Errand(kind.queue, kind.queue, lock(kind.queue, job_id), arguments, priority), wait_s=wait_s)


async def end_claims(conn: Connection, queue: str) -> None:
    """End the errands of workers that are gone for good."""
    await conn.execute(_END_CLAIMS, {"queue": queue, "silent_s": FORGOTTEN_S})


def lock(queue: str, job_id: JobId) -> str:
    """Return the queueing lock of a job's errands."""
    return f"{queue}:{job_id}"
