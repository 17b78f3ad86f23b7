"""Every statement that moves a run from one state to another, each by the move that it makes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from app.agents.histories import NEWEST_SUMMARY
from app.agents.life import RunState
from app.agents.sessions import LOCK_FOR_END
from app.agents.values import Claim, Interrupt, RunResult, Turn
from app.ids import RunId, TenantId
from app.postgres import Connection
from app.statement import Part, execute, plain

NAMED: LiteralString = """named AS (
    SELECT id, session_id, idempotency_sha256, state, attempt, error_code FROM runs
    WHERE tenant_id = %(tenant_id)s AND idempotency_key = %(idempotency_key)s AND state <> 'refused'
)"""
INSERT_RUN: LiteralString = f"""begun AS (
    INSERT INTO runs (id, tenant_id, key_id, session_id, team, question, context, options, state, on_disconnect,
                      idempotency_key, idempotency_sha256, lease_owner, lease_until, fence, attempt, request_id,
                      session_tier, prompts_sha256, summary_id, started_at)
    SELECT %(id)s, %(tenant_id)s, %(key_id)s, session.id, %(team)s, %(question)s, %(context)s::jsonb,
           %(options)s::jsonb,
           'running', %(on_disconnect)s, %(idempotency_key)s, %(idempotency_sha256)s, %(owner)s,
           now() + %(lease_s)s * interval '1 second', 1, 1, %(request_id)s, session.tier,
           %(prompts_sha256)s, {NEWEST_SUMMARY}, now()
    FROM session
    RETURNING started_at
)"""  # noqa: S608 - of constants
# The turns that were said elsewhere come first, and a run of nobody's brought them.
INSERT_QUESTION: LiteralString = """asked AS (
    INSERT INTO messages (tenant_id, session_id, run_id, role, content)
    SELECT %(tenant_id)s, session.id, given.run_id, given.role, given.content
    FROM session, unnest(%(runs)s::uuid[], %(roles)s::text[], %(contents)s::text[]) WITH ORDINALITY
        AS given (run_id, role, content, place)
    ORDER BY given.place
)"""
ACCEPTED: LiteralString = """
    SELECT begun.started_at, session.tier, session.node, named.id AS named_id, named.session_id,
           named.idempotency_sha256, named.state, named.attempt, named.error_code
    FROM (SELECT 1) AS always LEFT JOIN session ON true LEFT JOIN begun ON true LEFT JOIN named ON true
"""
NO_RUN = RunId(UUID(int=0))
"""The run of messages that no run of this platform brought."""
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
    RETURNING *, extract(epoch FROM now() - started_at)::float8 AS spent_s,
              coalesce(extract(epoch FROM started_at - due_from), 0)::float8 AS waited_s
"""
# Without an owner, a renewal that is under way cannot take it back.
HAND_OVER: LiteralString = """
    UPDATE runs SET lease_until = now(), lease_owner = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND fence = %(fence)s AND state = 'running'
"""
# Of two requests that saw the same end, one finds it gone. Another run of the session breaks `runs_one_per_session`.
BEGIN_AGAIN: LiteralString = """
    UPDATE runs SET state = 'running', fence = fence + 1, attempt = attempt + 1, lease_owner = %(owner)s,
                    lease_until = now() + %(lease_s)s * interval '1 second', started_at = now(), due_from = NULL,
                    finished_at = NULL, cancel_asked = false, answer = NULL, result = NULL, finish_reason = NULL,
                    degraded = '{}', error_code = NULL,
                    error_detail = NULL, key_id = %(key_id)s, on_disconnect = %(on_disconnect)s,
                    request_id = %(request_id)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'failed' AND attempt = %(attempt)s
    RETURNING *, extract(epoch FROM now() - started_at)::float8 AS spent_s
"""
# One that was to be stopped meanwhile does not wait: its lease runs out, and whoever takes it over stops it.
WAIT: LiteralString = """held AS (
    UPDATE runs SET state = 'waiting', interrupts = %(interrupts)s::jsonb, result = %(result)s::jsonb,
                    degraded = %(degraded)s, waits_until = now() + %(limit_s)s * interval '1 second',
                    lease_owner = NULL, lease_until = NULL
    FROM session
    WHERE runs.id = %(run_id)s AND runs.tenant_id = %(tenant_id)s AND runs.session_id = session.id
      AND runs.fence = %(fence)s AND runs.state = 'running' AND NOT runs.cancel_asked
    RETURNING 1 AS one
)"""
ANSWER: LiteralString = """
    UPDATE runs SET interrupts = %(interrupts)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting'
"""
# Its time begins anew: what it spent waiting was not its own.
RESUME: LiteralString = """
    UPDATE runs SET state = 'running', fence = fence + 1, attempt = attempt + 1, lease_owner = %(owner)s,
                    lease_until = now() + %(lease_s)s * interval '1 second', started_at = now(), due_from = NULL,
                    interrupts = '[]', waits_until = NULL, result = NULL, request_id = %(request_id)s
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting'
    RETURNING *, extract(epoch FROM now() - started_at)::float8 AS spent_s
"""
WITHDRAW: LiteralString = """
    UPDATE runs SET state = 'cancelled', result = %(result)s, error_code = %(error_code)s,
                    error_detail = %(error_detail)s, finished_at = now(), interrupts = '[]', waits_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'waiting')
    RETURNING id
"""
EXPIRE: LiteralString = """
    UPDATE runs SET state = 'failed', result = %(result)s, error_code = %(error_code)s,
                    error_detail = %(error_detail)s, finished_at = now(), interrupts = '[]', waits_until = NULL
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s AND state = 'waiting' AND waits_until < now()
    RETURNING id
"""
# First the session, then the run: in the order in which runs are accepted, or the two could lock each other out. Taking
# the run's lock under the fence is what makes every end exclusive.
END: LiteralString = """held AS (
    UPDATE runs SET state = %(state)s, result = %(result)s::jsonb,
                    finish_reason = %(finish_reason)s, degraded = %(degraded)s,
                    error_code = %(error_code)s, error_detail = %(error_detail)s, finished_at = now(),
                    lease_owner = NULL, lease_until = NULL
    FROM session
    WHERE runs.id = %(run_id)s AND runs.tenant_id = %(tenant_id)s AND runs.session_id = session.id
      AND runs.fence = %(fence)s AND runs.state = 'running'
    RETURNING 1 AS one
)"""
INSERT_ANSWER: LiteralString = """answered AS (
    INSERT INTO messages (tenant_id, session_id, run_id, role, content, agent, citations, finish_reason)
    SELECT %(tenant_id)s, %(session_id)s, %(run_id)s, 'assistant', %(content)s, %(agent)s, %(citations)s::jsonb,
           %(finish_reason)s
    FROM held
)"""
# A refused run leaves nothing behind but its row, so that the same question may come again.
REMOVE_QUESTION: LiteralString = """unasked AS (
    DELETE FROM messages USING held
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND run_id = %(run_id)s
)"""
REMOVE_EFFECTS: LiteralString = """undone AS (
    DELETE FROM effects USING held WHERE run_id = %(run_id)s AND tenant_id = %(tenant_id)s
)"""

USUAL: Mapping[str, object] = MappingProxyType(
    {field.name: field.default for field in msgspec.structs.fields(RunResult) if field.default is not msgspec.NODEFAULT}
)
"""What a result says of itself if nobody says otherwise."""


async def accept(
    conn: Connection,
    session: Part,
    run: Mapping[str, object],
    earlier: Sequence[Turn] = (),
    begun: LiteralString = INSERT_RUN,
) -> DictRow:
    """Insert a run by `begun`, and its question after what was said `earlier`; return what came of it, in one row.

    `started_at` is None when there is a run of the same idempotency key, or no session: then nothing was changed.
    Raises UniqueViolation when another run of the session has not ended, or was first with the key.
    """
    said = {
        "runs": [*(NO_RUN for _ in earlier), run["id"]],
        "roles": [*(turn.role for turn in earlier), "user"],
        "contents": [*(turn.content for turn in earlier), run["question"]],
    }
    parts = [Part(NAMED, run), session, Part(begun), Part(INSERT_QUESTION, said)]
    row = await execute(conn, parts, ACCEPTED)
    if row is None:
        raise AssertionError("a row is always told")
    return row


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


async def wait(
    conn: Connection, claim: Claim, result: RunResult, beside: Sequence[Part] = (), *, limit_s: float
) -> bool:
    """Have a run wait for a person, with what belongs to it; `result` is what it took so far, and its requests.

    False, and nothing, when the fence has moved on, or the run is to be stopped: whoever takes it over does so.
    """
    given = fence_of(claim) | {
        "interrupts": plain(result.interrupts),
        "result": plain(_told(result)),
        "degraded": [what.value for what in result.degraded],
        "limit_s": limit_s,
    }
    return await execute(conn, [Part(LOCK_FOR_END, given), Part(WAIT), *beside]) is not None


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


async def end(conn: Connection, claim: Claim, result: RunResult, beside: Sequence[Part] = ()) -> bool:
    """Write the final state and what belongs to it; false, and nothing, when the fence has moved on."""
    return await execute(conn, [*_ending(claim, result), *beside]) is not None


def _ending(claim: Claim, result: RunResult) -> list[Part]:
    given = fence_of(claim) | {
        "state": result.state,
        "result": plain(_told(result)),
        "finish_reason": result.finish_reason,
        "degraded": [what.value for what in result.degraded],
        "error_code": result.error_code,
        "error_detail": result.error_detail,
    }
    parts = [Part(LOCK_FOR_END, given), Part(END)]
    if result.state is RunState.DONE:
        citations = plain(result.citations)
        said = {"content": result.message, "agent": result.agent_used, "citations": citations}
        parts.append(Part(INSERT_ANSWER, said))
    if result.state is RunState.REFUSED:
        parts += [Part(REMOVE_QUESTION), Part(REMOVE_EFFECTS)]
    return parts


def _told(result: RunResult) -> dict[str, object]:
    """Return what is stored of a result: what is left out is as it always is, and read back so."""
    return {name: value for name, value in msgspec.structs.asdict(result).items() if USUAL.get(name, ...) != value}


def fence_of(claim: Claim) -> dict[str, object]:
    """Return the parameters that name a claim in SQL."""
    return {
        "run_id": claim.run_id,
        "tenant_id": claim.tenant_id,
        "session_id": claim.session_id,
        "fence": claim.fence,
    }
