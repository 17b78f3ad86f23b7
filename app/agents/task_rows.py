"""The statements that leave a run for a worker to begin: as a task that is new, or asked for again."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

import msgspec
from psycopg.rows import DictRow

from app.agents import run_rows
from app.agents.histories import NEWEST_SUMMARY
from app.agents.task_refusals import TooManyTasks
from app.agents.values import RunOptions, Turn
from app.ids import RunId, TenantId
from app.inference.words.priority import Priority
from app.jobs.errands import Errand, send
from app.postgres import Connection
from app.statement import Part

TAKE_OVER_TASK = "take_over"
"""What workers call the errand of a run that somebody must own; its argument is `run_id`, as text."""
TASKS_QUEUE = "tasks"
"""Of runs that nobody has begun; those whose owner died have a queue of their own, and wait for none of these."""

# Its lease is over from the first: whoever takes it over begins it, in the first attempt.
SUBMIT: LiteralString = f"""begun AS (
    INSERT INTO runs (id, tenant_id, key_id, session_id, team, question, context, options, state, on_disconnect,
                      idempotency_key, idempotency_sha256, lease_until, request_id, session_tier, prompts_sha256,
                      summary_id, is_task, due_from, callback_url)
    SELECT %(id)s, %(tenant_id)s, %(key_id)s, session.id, %(team)s, %(question)s, %(context)s::jsonb,
           %(options)s::jsonb, 'accepted', %(on_disconnect)s, %(idempotency_key)s, %(idempotency_sha256)s, now(),
           %(request_id)s, session.tier, %(prompts_sha256)s, {NEWEST_SUMMARY}, true, now(), %(callback_url)s
    FROM session
    RETURNING due_from AS started_at
)"""  # noqa: S608 - of constants
# As far as it matters: one more than the bound is enough to know of. Submissions that commit at the same moment do not
# see each other, so the bound may be passed by as many as those.
COUNT_OPEN: LiteralString = """
    SELECT count(*) AS tasks FROM (
        SELECT 1 FROM runs
        WHERE tenant_id = %(tenant_id)s AND is_task AND state IN ('accepted', 'running', 'waiting') LIMIT %(limit)s
    ) AS open
"""
# The owners that died of it are forgotten, what it did is not. Another run of the session breaks
# `runs_one_per_session`.
REQUEUE: LiteralString = """
    UPDATE runs SET state = 'accepted', lost = 0, is_task = true, on_disconnect = 'continue', due_from = now(),
                    started_at = NULL, finished_at = NULL, lease_owner = NULL, lease_until = now(),
                    cancel_asked = false, answer = NULL, result = NULL, finish_reason = NULL, degraded = '{}',
                    error_code = NULL, error_detail = NULL, request_id = %(request_id)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state IN ('failed', 'dead') AND attempt = %(attempt)s
    RETURNING id, session_id, options
"""


async def submit(conn: Connection, session: Part, run: Mapping[str, object], earlier: Sequence[Turn] = ()) -> DictRow:
    """Insert a run that nobody owns, as `run_rows.accept` inserts one that somebody does."""
    return await run_rows.accept(conn, session, run, earlier, SUBMIT)


async def check_open(conn: Connection, tenant_id: TenantId, most: int) -> None:
    """Return if no more tasks of the tenant than `most` have not ended, with one just written. Raises TooManyTasks."""
    row = await (await conn.execute(COUNT_OPEN, {"tenant_id": tenant_id, "limit": most + 1})).fetchone()
    if row is not None and row["tasks"] > most:
        raise TooManyTasks(f"{most} tasks of this tenant have not ended; that is as many as may be", most=most)


async def requeue(conn: Connection, given: Mapping[str, object]) -> DictRow | None:
    """Leave a run that failed, or was given up, for a worker to begin anew; None when somebody else was first.

    Raises UniqueViolation when another run of the session has not ended.
    """
    return await (await conn.execute(REQUEUE, given)).fetchone()


async def send_errand(conn: Connection, run_id: RunId, options: RunOptions) -> None:
    """Tell the workers of a run to be begun, inside the caller's transaction."""
    await send(conn, errand_of(run_id, TASKS_QUEUE, options.priority))


def errand_of(run_id: RunId, queue: str, priority: Priority = Priority.INTERACTIVE) -> Errand:
    """Return the errand of a run that somebody must own; of several, one waits."""
    is_urgent = priority is Priority.INTERACTIVE
    return Errand(queue, TAKE_OVER_TASK, f"run:{run_id}", {"run_id": str(run_id)}, 0 if is_urgent else -1)


def options_of(row: Mapping[str, object]) -> RunOptions:
    """Return the options that a run was accepted with."""
    return msgspec.convert(row["options"], RunOptions)
