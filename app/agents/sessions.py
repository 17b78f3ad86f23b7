"""Sessions: conversations that belong to a tenant and expire."""

from datetime import datetime
from typing import LiteralString, NoReturn

import msgspec

from app.agents.checkpoints import thread_of
from app.agents.evidence import Citation
from app.agents.histories import CHARACTERS_READ, MESSAGES_READ, SELECT_TURNS, history_of
from app.agents.values import History, Turn
from app.errors import BadInput, SessionBusy, SessionUnknown
from app.ids import RunId, SessionId, TenantId
from app.inference.words.ends import FinishReason
from app.postgres import Connection, Database
from app.statement import Part, plain
from app.telemetry.metrics import Metrics

# Twice what one request may bring: a session is merged into with every request, and must not grow for ever.
CONTEXT_REMEMBERED = 64

NEW_SESSION: LiteralString = """session AS (
    INSERT INTO sessions (id, tenant_id, expires_at, state)
    SELECT %(session_id)s, %(tenant_id)s, now() + %(ttl_s)s * interval '1 second', %(context)s::jsonb
    WHERE NOT EXISTS (SELECT 1 FROM named)
    RETURNING id, tier, node
)"""
KNOWN_SESSION: LiteralString = """session AS (
    UPDATE sessions SET last_activity_at = now(), expires_at = now() + %(ttl_s)s * interval '1 second',
                        state = state || %(context)s::jsonb
    WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s AND expires_at > now()
      AND NOT EXISTS (SELECT 1 FROM named)
      AND (SELECT count(*) FROM jsonb_object_keys(state || %(context)s::jsonb)) <= %(remembered)s
    RETURNING id, tier, node
)"""
LOCK_FOR_END: LiteralString = """session AS (
    SELECT id, expires_at FROM sessions
    WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s FOR NO KEY UPDATE
)"""
# The times of the question stand for half a minute: they are in two indexes, whose entries cost more than all else that
# the end of a run changes here.
REMEMBER: LiteralString = """remembered AS (
    UPDATE sessions SET last_activity_at = CASE WHEN is_near THEN sessions.last_activity_at ELSE now() END,
                        expires_at = CASE WHEN is_near THEN sessions.expires_at ELSE right_end END,
                        tier = coalesce(%(tier)s, tier), node = coalesce(%(node)s, node),
                        model = coalesce(%(model)s, model)
    FROM held, session, LATERAL (
        SELECT now() + %(ttl_s)s * interval '1 second' AS right_end,
               session.expires_at BETWEEN now() + (%(ttl_s)s - 30) * interval '1 second'
                                  AND now() + %(ttl_s)s * interval '1 second' AS is_near
    ) AS times
    WHERE sessions.id = %(session_id)s AND sessions.tenant_id = %(tenant_id)s
)"""
REVIVE_SESSION: LiteralString = """
    UPDATE sessions SET last_activity_at = now(), expires_at = now() + %(ttl_s)s * interval '1 second'
    WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s
    RETURNING id, tier, node
"""
SELECT_FACTS: LiteralString = """
    SELECT id, tier, node FROM sessions WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s
"""
SELECT_SESSION: LiteralString = """
    SELECT id, created_at, last_activity_at, expires_at, state FROM sessions
    WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s AND expires_at > now()
"""
SELECT_MESSAGES: LiteralString = """
    SELECT role, content, agent, citations, created_at, finish_reason FROM messages
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s ORDER BY id DESC LIMIT %(limit)s
"""
LIST_SESSIONS: LiteralString = """
    SELECT id, created_at, last_activity_at, expires_at, state FROM sessions
    WHERE tenant_id = %(tenant_id)s AND expires_at > now()
      AND (%(before)s::timestamptz IS NULL OR (last_activity_at, id) < (%(before)s, %(before_id)s))
    ORDER BY last_activity_at DESC, id DESC LIMIT %(limit)s
"""
SELECT_ACTIVE_RUN: LiteralString = """
    SELECT 1 FROM runs
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND state IN ('accepted', 'running', 'waiting')
"""
LOCK_SESSION: LiteralString = """
    SELECT 1 FROM sessions WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s FOR UPDATE
"""
DELETE_SESSION: LiteralString = "DELETE FROM sessions WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s"
SELECT_STALE: LiteralString = """
    SELECT id, tenant_id FROM sessions
    WHERE expires_at < now() - %(days)s * interval '1 day' AND NOT EXISTS (
        SELECT 1 FROM runs
        WHERE runs.session_id = sessions.id AND runs.state IN ('accepted', 'running', 'waiting')
    )
    ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
DELETE_STALE: LiteralString = "DELETE FROM sessions WHERE id = ANY(%(session_ids)s) AND tenant_id = ANY(%(tenant_ids)s)"
DELETE_THREADS: tuple[LiteralString, ...] = (
    "DELETE FROM checkpoints WHERE thread_id = ANY(%(threads)s)",
    "DELETE FROM checkpoint_blobs WHERE thread_id = ANY(%(threads)s)",
    "DELETE FROM checkpoint_writes WHERE thread_id = ANY(%(threads)s)",
)
COUNT_ACTIVE: LiteralString = "SELECT count(*) AS active FROM sessions WHERE expires_at > now()"

MESSAGES_SHOWN = 200


class SessionFacts(msgspec.Struct, frozen=True):
    """What routing remembers of a session."""

    session_id: SessionId
    tier: str | None
    node: str | None


class MessageView(msgspec.Struct, frozen=True):
    """One message of a session."""

    role: str
    content: str
    agent: str | None
    citations: tuple[Citation, ...]
    created_at: datetime
    finish_reason: FinishReason | None = None
    """Why the model stopped; None for questions, and for answers of versions that did not ask."""


class SessionView(msgspec.Struct, frozen=True):
    """A session as its tenant may see it: its newest messages, oldest first."""

    session_id: SessionId
    created_at: datetime
    last_activity: datetime
    expires_at: datetime
    messages: tuple[MessageView, ...]
    state: dict[str, str]


class Sessions:
    """The sessions of every tenant. An expired session is unknown at once, and removed after some days."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def get(self, tenant_id: TenantId, session_id: SessionId) -> SessionView:
        """Return a session with its newest messages. Raises SessionUnknown, StoreUnavailable."""
        ids = {"session_id": session_id, "tenant_id": tenant_id, "limit": MESSAGES_SHOWN}
        async with self._database.connection("sessions.get") as conn:
            found = await conn.execute(SELECT_SESSION, ids)
            row = await found.fetchone()
            if row is None:
                raise SessionUnknown("no such session")
            rows = await conn.execute(SELECT_MESSAGES, ids)
            messages = [msgspec.convert(message, MessageView) async for message in rows]
        return _view(row, tuple(reversed(messages)))

    async def list(
        self, tenant_id: TenantId, *, limit: int, before: tuple[datetime, SessionId] | None = None
    ) -> list[SessionView]:
        """Return up to `limit` sessions without their messages, latest activity first, those before `before`."""
        given = {
            "tenant_id": tenant_id,
            "limit": limit,
            "before": None if before is None else before[0],
            "before_id": None if before is None else before[1],
        }
        async with self._database.connection("sessions.list") as conn:
            rows = await conn.execute(LIST_SESSIONS, given)
            return [_view(row, ()) async for row in rows]

    async def remove(self, tenant_id: TenantId, session_id: SessionId) -> None:
        """Remove a session, its runs and its checkpoints. Raises SessionUnknown, SessionBusy, StoreUnavailable."""
        ids = {"session_id": session_id, "tenant_id": tenant_id}
        async with self._database.transaction("sessions.remove") as conn:
            # Before the look: a run accepted in between would be removed with its session.
            await conn.execute(LOCK_SESSION, ids)
            active = await conn.execute(SELECT_ACTIVE_RUN, ids)
            if await active.fetchone() is not None:
                raise SessionBusy("a run of this session has not ended")
            removed = await conn.execute(DELETE_SESSION, ids)
            if removed.rowcount == 0:
                raise SessionUnknown("no such session")
            await _remove_threads(conn, [thread_of(tenant_id, session_id)])

    async def remove_stale(self, *, days: int, limit: int = 500) -> int:
        """Remove sessions that expired so many days ago, with all that belongs to them; return how many."""
        async with self._database.transaction("sessions.remove_stale") as conn:
            rows = await conn.execute(SELECT_STALE, {"limit": limit, "days": days})
            stale = [(TenantId(row["tenant_id"]), SessionId(row["id"])) async for row in rows]
            if stale:
                await conn.execute(
                    DELETE_STALE, {"session_ids": [s for _, s in stale], "tenant_ids": list({t for t, _ in stale})}
                )
                await _remove_threads(conn, [thread_of(tenant, session) for tenant, session in stale])
        return len(stale)

    async def count(self) -> None:
        """Set `active_sessions` to the number of sessions that have not expired."""
        async with self._database.connection("sessions.count") as conn:
            rows = await conn.execute(COUNT_ACTIVE)
            row = await rows.fetchone()
        self._metrics.active_sessions.set(0 if row is None else row["active"])

    async def history(self, tenant_id: TenantId, session_id: SessionId, *, before: RunId) -> History:
        """Return the messages before the question of a run, newest first to be kept, from a question on.

        What a summary stands for that was there when the run was accepted is not among them.
        """
        given = {
            "session_id": session_id,
            "tenant_id": tenant_id,
            "run_id": before,
            # One more than is used tells that there are older ones.
            "limit": MESSAGES_READ + 1,
            "characters": CHARACTERS_READ,
        }
        async with self._database.connection("sessions.turns") as conn:
            rows = [row async for row in await conn.execute(SELECT_TURNS, given)]
        turns = [Turn(row["role"], row["content"]) for row in reversed(rows)]
        first = rows[0] if rows else {}
        return history_of(turns, summary=first.get("summary") or "", summarised=first.get("summarised") or 0)


def begun(session_id: SessionId, context: dict[str, str], *, ttl_s: int, is_new: bool) -> Part:
    """Return what adds a session, or keeps one alive and merges `context` into its state; its id is never a caller's.

    It has no row when the session is unknown, or would remember more than CONTEXT_REMEMBERED names.
    """
    given = {"session_id": session_id, "ttl_s": ttl_s, "context": plain(context)}
    return Part(NEW_SESSION, given) if is_new else Part(KNOWN_SESSION, given | {"remembered": CONTEXT_REMEMBERED})


async def refuse(conn: Connection, tenant_id: TenantId, session_id: SessionId) -> NoReturn:
    """Raise why a session could not be begun: SessionUnknown, or BadInput."""
    found = await conn.execute(SELECT_SESSION, {"session_id": session_id, "tenant_id": tenant_id})
    if await found.fetchone() is None:
        raise SessionUnknown("no such session")
    raise BadInput(f"a session remembers at most {CONTEXT_REMEMBERED} names of context", field="context")


async def revive(conn: Connection, tenant_id: TenantId, session_id: SessionId, *, ttl_s: int) -> SessionFacts:
    """Keep the session of a run alive that goes on, also one that has expired. Raises SessionUnknown."""
    rows = await conn.execute(REVIVE_SESSION, {"session_id": session_id, "tenant_id": tenant_id, "ttl_s": ttl_s})
    return _facts(await rows.fetchone())


async def facts(conn: Connection, tenant_id: TenantId, session_id: SessionId) -> SessionFacts:
    """Return what routing remembers of a session. Raises SessionUnknown."""
    rows = await conn.execute(SELECT_FACTS, {"session_id": session_id, "tenant_id": tenant_id})
    return _facts(await rows.fetchone())


def _facts(row: dict[str, object] | None) -> SessionFacts:
    if row is None:
        raise SessionUnknown("no such session")
    return msgspec.convert({"session_id": row["id"], "tier": row["tier"], "node": row["node"]}, SessionFacts)


def _view(row: dict[str, object], messages: tuple[MessageView, ...]) -> SessionView:
    return msgspec.convert(
        {
            "session_id": row["id"],
            "created_at": row["created_at"],
            "last_activity": row["last_activity_at"],
            "expires_at": row["expires_at"],
            "messages": messages,
            "state": row["state"],
        },
        SessionView,
    )


async def _remove_threads(conn: Connection, threads: list[str]) -> None:
    for statement in DELETE_THREADS:
        await conn.execute(statement, {"threads": threads})
