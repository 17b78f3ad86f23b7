"""Runs that nobody owns, since they wait: stopped, or given up when the time of a person's answer is over."""

from typing import LiteralString

import msgspec

from app.agents import run_rows
from app.agents.life import RunState
from app.agents.values import RunResult
from app.errors import InterruptExpired, RunCancelled, SessionBusy, SwitchyardError
from app.ids import RunId, TenantId
from app.postgres import Connection

SELECT_OVERDUE: LiteralString = """
    SELECT id, tenant_id FROM runs WHERE state = 'waiting' AND waits_until < now() LIMIT %(limit)s
"""
SELECT_BUSY: LiteralString = """
    SELECT id, state FROM runs
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'running', 'waiting')
"""


async def overdue(conn: Connection, limit: int) -> list[tuple[TenantId, RunId]]:
    """Return runs that have waited for as long as they may."""
    rows = await conn.execute(SELECT_OVERDUE, {"limit": limit})
    return [(TenantId(row["tenant_id"]), RunId(row["id"])) async for row in rows]


async def withdraw(conn: Connection, tenant_id: TenantId, result: RunResult) -> bool:
    """End a run as cancelled if nobody owns it, and return whether that was so."""
    error = RunCancelled("the run was cancelled")
    return await run_rows.end_waiting(conn, tenant_id, _ended(result, RunState.CANCELLED, error))


async def expire(conn: Connection, tenant_id: TenantId, result: RunResult) -> bool:
    """End a run as failed if it waits and its time is over, and return whether that was so."""
    error = InterruptExpired("nobody answered what the run asked", run_id=str(result.run_id))
    return await run_rows.end_waiting(conn, tenant_id, _ended(result, RunState.FAILED, error))


async def find_busy(conn: Connection, tenant_id: TenantId, session_id: object) -> SessionBusy:
    """Return why a session takes no question now: with which run it is busy, and what to do about it."""
    rows = await conn.execute(SELECT_BUSY, {"session_id": session_id, "tenant_id": tenant_id})
    row = await rows.fetchone()
    if row is None:
        return SessionBusy("another run of this session has not ended")
    return session_busy(RunId(row["id"]), RunState(row["state"]))


def session_busy(run_id: RunId, state: RunState) -> SessionBusy:
    """Return the refusal of a session that is busy with a run in this state."""
    facts = {"run_id": str(run_id), "state": state.value}
    if state is RunState.WAITING:
        there = f"/api/v1/runs/{run_id}"
        detail = f"a run of this session waits for an answer: give it to {there}/resume, or stop it by {there}/cancel"
        return SessionBusy(detail, **facts)
    return SessionBusy("another run of this session has not ended", **facts)


def _ended(result: RunResult, state: RunState, error: SwitchyardError) -> RunResult:
    return msgspec.structs.replace(
        result,
        state=state,
        message="",
        agent_used="",
        interrupts=(),
        requires_clarification=False,
        error_code=error.code,
        error_detail=error.detail,
        error_facts=dict(error.facts),
    )
