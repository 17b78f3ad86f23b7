"""What an idempotency key names: a run to be shown again, or one whose next attempt begins now."""

import hashlib
from typing import LiteralString

import msgspec
from psycopg.rows import DictRow

from app.agents import run_rows, sessions, task_rows
from app.agents.life import RunState
from app.agents.values import RunHandle, StartRun
from app.errors import IdempotencyMismatch, is_retryable
from app.ids import Caller, RunId, SessionId, TenantId
from app.postgres import Connection
from app.stored_ends import kind_of

SELECT_BY_KEY: LiteralString = """
    SELECT id AS named_id, session_id, idempotency_sha256, state, attempt, error_code FROM runs
    WHERE tenant_id = %(tenant_id)s AND idempotency_key = %(key)s AND state <> 'refused'
"""


class Named(msgspec.Struct, frozen=True):
    """The run that a key names, as it was when it was looked at."""

    run_id: RunId
    session_id: SessionId
    attempt: int
    state: RunState
    is_retryable: bool
    """It ended, and its client was told that asking again may help: so it does."""

    @property
    def replay(self) -> RunHandle:
        """The run, to be followed or shown."""
        return RunHandle(self.run_id, self.session_id, replayed=True, state=self.state)


async def find_named(conn: Connection, caller: Caller, ask: StartRun) -> Named | None:
    """Return what the request's key names. Raises IdempotencyMismatch."""
    if ask.idempotency_key is None:
        return None
    rows = await conn.execute(SELECT_BY_KEY, {"tenant_id": caller.tenant_id, "key": ask.idempotency_key})
    row = await rows.fetchone()
    return None if row is None else named_of(row, ask)


def named_of(row: DictRow, ask: StartRun) -> Named:
    """Return the run that the request's key names. Raises IdempotencyMismatch."""
    if bytes(row["idempotency_sha256"]) != request_digest(ask):
        raise IdempotencyMismatch("this Idempotency-Key was used with another request")
    ended_badly = row["state"] == RunState.FAILED.value
    return Named(
        RunId(row["named_id"]),
        SessionId(row["session_id"]),
        row["attempt"],
        RunState(row["state"]),
        ended_badly and is_retryable(kind_of(row["error_code"], {})),
    )


async def begin_again(
    conn: Connection, caller: Caller, ask: StartRun, named: Named, *, owner: str, lease_s: float, session_ttl_s: int
) -> tuple[DictRow, sessions.SessionFacts] | None:
    """Begin the next attempt of a run inside the caller's transaction; its effects and its question are kept.

    Returns the row as claimed by `owner`; None when another request was first. Raises SessionUnknown, and
    UniqueViolation when another run of the session has not ended.
    """
    # First the session, then the run: in the order in which runs are accepted and ended.
    session = await sessions.revive(conn, caller.tenant_id, named.session_id, ttl_s=session_ttl_s)
    row = await run_rows.begin_again(
        conn,
        {
            "run_id": named.run_id,
            "tenant_id": caller.tenant_id,
            "attempt": named.attempt,
            "owner": owner,
            "lease_s": lease_s,
            "key_id": caller.key_id,
            "on_disconnect": ask.on_disconnect,
            "request_id": ask.request_id,
        },
    )
    return None if row is None else (row, session)


async def requeue(conn: Connection, tenant_id: TenantId, named: Named, *, request_id: str, session_ttl_s: int) -> bool:
    """Leave a run for a worker to begin anew inside the caller's transaction, effects kept, and tell the workers.

    False when another request was first. Raises SessionUnknown, and UniqueViolation when another run of the session
    has not ended.
    """
    await sessions.revive(conn, tenant_id, named.session_id, ttl_s=session_ttl_s)
    given = {"run_id": named.run_id, "tenant_id": tenant_id, "attempt": named.attempt, "request_id": request_id}
    row = await task_rows.requeue(conn, given)
    if row is None:
        return False
    await task_rows.send_errand(conn, named.run_id, task_rows.options_of(row))
    return True


def request_digest(ask: StartRun) -> bytes:
    """Return the SHA-256 of what a repeated request must have in common with the first."""
    what = (ask.team, ask.question, str(ask.session_id or ""), ask.context, ask.options)
    if ask.earlier:
        what = (*what, ask.earlier)
    if ask.callback_url is not None:
        what = (*what, ask.callback_url)
    return hashlib.sha256(msgspec.msgpack.encode(what, order="sorted")).digest()
