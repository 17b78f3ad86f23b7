"""Every statement that moves a run from one state to another, each by the move that it makes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import LiteralString

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from app.agents.life import Move, RunState
from app.agents.values import Claim, Interrupt, RunResult
from app.ids import RunId, TenantId
from app.postgres import Connection

INSERT_RUN: LiteralString = """
    INSERT INTO runs (id, tenant_id, key_id, session_id, team, question, context, options, state, on_disconnect,
                      idempotency_key, idempotency_sha256, lease_owner, lease_until, fence, attempt, request_id,
                      session_tier, prompts_sha256, started_at)
    VALUES (%(id)s, %(tenant_id)s, %(key_id)s, %(session_id)s, %(team)s, %(question)s, %(context)s, %(options)s,
            'running', %(on_disconnect)s, %(idempotency_key)s, %(idempotency_sha256)s, %(owner)s,
            now() + %(lease_s)s * interval '1 second', 1, 1, %(request_id)s,
            %(session_tier)s, %(prompts_sha256)s, now())
    RETURNING started_at
"""
INSERT_QUESTION: LiteralString = """
    INSERT INTO messages (tenant_id, session_id, run_id, role, content)
    VALUES (%(tenant_id)s, %(session_id)s, %(id)s, 'user', %(question)s)
"""
# A run without an owner was given up in order; one whose owner still stands there lost it. One of a team that only
# another version knows is left to that, for an hour: then its caller is told.
TAKE_OVER: LiteralString = """
    UPDATE runs SET fence = fence + 1, attempt = attempt + 1, lost = lost + (lease_owner IS NOT NULL)::integer,
                    state = 'running', lease_owner = %(owner)s,
                    lease_until = now() + %(lease_s)s * interval '1 second', started_at = coalesce(started_at, now())
    WHERE id = (
        SELECT id FROM runs
        WHERE id = %(run_id)s AND state IN ('accepted', 'running') AND lease_until < now()
          AND (%(teams)s::text[] IS NULL OR team = ANY(%(teams)s) OR lease_until < now() - interval '1 hour')
        FOR UPDATE SKIP LOCKED
    )
    RETURNING *, extract(epoch FROM now() - started_at)::float8 AS spent_s
"""
# Without an owner, a renewal that is under way cannot take it back.
HAND_OVER: LiteralString = """
    UPDATE runs SET lease_until = now(), lease_owner = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND fence = %(fence)s AND state = 'running'
"""
# Of two requests that saw the same end, one finds it gone. Another run of the session breaks `runs_one_per_session`.
BEGIN_AGAIN: LiteralString = """
    UPDATE runs SET state = 'running', fence = fence + 1, attempt = attempt + 1, lease_owner = %(owner)s,
                    lease_until = now() + %(lease_s)s * interval '1 second', started_at = now(), finished_at = NULL,
                    cancel_asked = false, answer = NULL, result = NULL, finish_reason = NULL,
                    degraded = '{}', error_code = NULL,
                    error_detail = NULL, key_id = %(key_id)s, on_disconnect = %(on_disconnect)s,
                    request_id = %(request_id)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'failed' AND attempt = %(attempt)s
    RETURNING *, extract(epoch FROM now() - started_at)::float8 AS spent_s
"""
# One that was to be stopped meanwhile does not wait: its lease runs out, and whoever takes it over stops it.
WAIT: LiteralString = """
    UPDATE runs SET state = 'waiting', interrupts = %(interrupts)s, result = %(result)s, degraded = %(degraded)s,
                    waits_until = now() + %(limit_s)s * interval '1 second', lease_owner = NULL, lease_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND fence = %(fence)s AND state = 'running'
      AND NOT cancel_asked
    RETURNING id
"""
ANSWER: LiteralString = """
    UPDATE runs SET interrupts = %(interrupts)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting'
"""
# Its time begins anew: what it spent waiting was not its own.
RESUME: LiteralString = """
    UPDATE runs SET state = 'running', fence = fence + 1, attempt = attempt + 1, lease_owner = %(owner)s,
                    lease_until = now() + %(lease_s)s * interval '1 second', started_at = now(),
                    interrupts = '[]', waits_until = NULL, result = NULL, request_id = %(request_id)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting'
    RETURNING *, extract(epoch FROM now() - started_at)::float8 AS spent_s
"""
WITHDRAW: LiteralString = """
    UPDATE runs SET state = 'cancelled', result = %(result)s, error_code = %(error_code)s,
                    error_detail = %(error_detail)s, finished_at = now(), interrupts = '[]', waits_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting'
    RETURNING id
"""
EXPIRE: LiteralString = """
    UPDATE runs SET state = 'failed', result = %(result)s, error_code = %(error_code)s,
                    error_detail = %(error_detail)s, finished_at = now(), interrupts = '[]', waits_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting' AND waits_until < now()
    RETURNING id
"""
# Taking the row's lock under the fence is what makes every end exclusive.
END: LiteralString = """
    UPDATE runs SET state = %(state)s, answer = %(answer)s, result = %(result)s,
                    finish_reason = %(finish_reason)s, degraded = %(degraded)s,
                    error_code = %(error_code)s, error_detail = %(error_detail)s, finished_at = now(),
                    lease_owner = NULL, lease_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND fence = %(fence)s AND state = 'running'
    RETURNING id
"""
INSERT_ANSWER: LiteralString = """
    INSERT INTO messages (tenant_id, session_id, run_id, role, content, agent, citations, finish_reason)
    VALUES (%(tenant_id)s, %(session_id)s, %(run_id)s, 'assistant', %(content)s, %(agent)s, %(citations)s,
            %(finish_reason)s)
"""
REMOVE_QUESTION: LiteralString = """
    DELETE FROM messages WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND run_id = %(run_id)s
"""
REMOVE_EFFECTS: LiteralString = "DELETE FROM effects WHERE run_id = %(run_id)s AND tenant_id = %(tenant_id)s"

STATEMENTS: Mapping[Move, LiteralString] = MappingProxyType(
    {
        Move.ACCEPT: INSERT_RUN,
        Move.TAKE_OVER: TAKE_OVER,
        Move.HAND_OVER: HAND_OVER,
        Move.BEGIN_AGAIN: BEGIN_AGAIN,
        Move.WAIT: WAIT,
        Move.ANSWER: ANSWER,
        Move.RESUME: RESUME,
        Move.WITHDRAW: WITHDRAW,
        Move.EXPIRE: EXPIRE,
        Move.FINISH: END,
        Move.REFUSE: END,
        Move.FAIL: END,
        Move.CANCEL: END,
        Move.GIVE_UP: END,
    }
)
"""What makes each move."""


async def accept(conn: Connection, row: Mapping[str, object]) -> DictRow:
    """Insert a run, owned, and its question, inside the caller's transaction; return what the database added."""
    inserted = await conn.execute(INSERT_RUN, row)
    added = await inserted.fetchone()
    await conn.execute(INSERT_QUESTION, row)
    return added or {}


async def take_over(
    conn: Connection, run_id: RunId, *, owner: str, lease_s: float, teams: Sequence[str] | None
) -> DictRow | None:
    """Own a run of these teams (None: of any) whose lease ran out; None when somebody else did or it has ended."""
    given = {"run_id": run_id, "owner": owner, "lease_s": lease_s, "teams": teams}
    rows = await conn.execute(TAKE_OVER, given)
    return await rows.fetchone()


async def hand_over(conn: Connection, claim: Claim) -> None:
    """Give a run up, so that a worker takes it at once."""
    await conn.execute(HAND_OVER, fence_of(claim))


async def begin_again(conn: Connection, given: Mapping[str, object]) -> DictRow | None:
    """Begin the next attempt of a run that failed, owned; None when another request was first.

    Raises UniqueViolation when another run of the session has not ended.
    """
    rows = await conn.execute(BEGIN_AGAIN, given)
    return await rows.fetchone()


async def wait(conn: Connection, claim: Claim, result: RunResult, *, limit_s: float) -> AsyncCursor[DictRow]:
    """Have a run wait for a person; the cursor is as that of `end`. `result` is what it took so far, and its requests.

    None is there also when the run is to be stopped: whoever takes it over does so.
    """
    return await conn.execute(
        WAIT,
        fence_of(claim)
        | {
            "interrupts": Jsonb(msgspec.to_builtins(result.interrupts)),
            "result": Jsonb(msgspec.to_builtins(result)),
            "degraded": [what.value for what in result.degraded],
            "limit_s": limit_s,
        },
    )


async def answer(conn: Connection, tenant_id: TenantId, run_id: RunId, left: Sequence[Interrupt]) -> None:
    """Leave a run waiting with the requests that are open still."""
    given = {"run_id": run_id, "tenant_id": tenant_id, "interrupts": Jsonb(msgspec.to_builtins(left))}
    await conn.execute(ANSWER, given)


async def resume(conn: Connection, given: Mapping[str, object]) -> DictRow | None:
    """Begin the next attempt of a run whose requests are answered; its owner may be None: then a worker takes it."""
    return await (await conn.execute(RESUME, given)).fetchone()


async def end_waiting(conn: Connection, tenant_id: TenantId, result: RunResult) -> bool:
    """End a run that waits, as cancelled or, when its time is over, as failed; return whether that was so."""
    ended = await conn.execute(
        WITHDRAW if result.state is RunState.CANCELLED else EXPIRE,
        {
            "run_id": result.run_id,
            "tenant_id": tenant_id,
            "result": Jsonb(msgspec.to_builtins(result)),
            "error_code": result.error_code,
            "error_detail": result.error_detail,
        },
    )
    return await ended.fetchone() is not None


async def end(conn: Connection, claim: Claim, result: RunResult) -> AsyncCursor[DictRow]:
    """Write the final state inside the caller's transaction.

    The cursor holds one row; none means that the fence has moved on, and the caller must not commit. (It is looked
    at last, so that a pipeline needs one round trip.)
    """
    ended = await conn.execute(
        END,
        fence_of(claim)
        | {
            "state": result.state,
            "answer": result.message or None,
            "result": Jsonb(msgspec.to_builtins(result)),
            "finish_reason": result.finish_reason,
            "degraded": [what.value for what in result.degraded],
            "error_code": result.error_code,
            "error_detail": result.error_detail,
        },
    )
    if result.state is RunState.DONE:
        await conn.execute(
            INSERT_ANSWER,
            fence_of(claim)
            | {
                "content": result.message,
                "agent": result.agent_used,
                "citations": Jsonb(msgspec.to_builtins(result.citations)),
                "finish_reason": result.finish_reason,
            },
        )
    if result.state is RunState.REFUSED:
        # A refused run leaves nothing behind but its row, so that the same question may come again.
        await conn.execute(REMOVE_QUESTION, fence_of(claim))
        await conn.execute(REMOVE_EFFECTS, fence_of(claim))
    return ended


def fence_of(claim: Claim) -> dict[str, object]:
    """Return the parameters that name a claim in SQL."""
    return {
        "run_id": claim.run_id,
        "tenant_id": claim.tenant_id,
        "session_id": claim.session_id,
        "fence": claim.fence,
    }
