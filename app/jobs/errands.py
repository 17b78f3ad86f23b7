"""How workers are told of a job: an errand in procrastinate's queue, written with the job's own rows."""

from typing import LiteralString

from app.ids import JobId
from app.jobs.kinds import Kind
from app.postgres import Connection

# Written as procrastinate's own client does it, but on the caller's connection: the row and the errand commit together.
_DEFER: LiteralString = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
        %(queue)s, %(queue)s, 0, NULL, %(lock)s, jsonb_build_object('job_id', %(job_id)s::text),
        CASE WHEN %(wait_s)s > 0 THEN now() + make_interval(secs => %(wait_s)s) END
    )::procrastinate_job_to_defer_v1])
    WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %(lock)s AND status = 'todo')
"""
_END_CLAIMS: LiteralString = """
    UPDATE procrastinate_jobs SET status = 'failed' WHERE queueing_lock = %(lock)s AND status = 'doing'
"""


async def defer(conn: Connection, kind: Kind, job_id: JobId, *, wait_s: float = 0.0) -> None:
    """Tell the workers of a job inside the caller's transaction, unless an errand already waits for them.

    The task is called like the queue; its argument is `job_id`, as text. `wait_s` is how long nobody takes it.
    """
    values = {"queue": kind.queue, "lock": lock(kind.queue, job_id), "job_id": str(job_id), "wait_s": wait_s}
    await conn.execute(_DEFER, values)


async def end_claims(conn: Connection, queue: str, job_id: JobId) -> None:
    """End the claim of a worker that died, inside the caller's transaction, so that another may take a new errand."""
    await conn.execute(_END_CLAIMS, {"lock": lock(queue, job_id)})


def lock(queue: str, job_id: JobId) -> str:
    """Return the queueing lock of a job's errands."""
    return f"{queue}:{job_id}"
