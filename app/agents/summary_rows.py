"""The rows of summaries: claimed by one worker, added as long as the claim is its own, and gone with their sessions."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID, uuid4

import msgspec

from app.agents.histories import MESSAGES_READ
from app.ids import SessionId, TenantId
from app.postgres import Database

CLAIM_S = 900.0
"""For so long a session is the worker's that began with it: longer than a worker's loop lets it take."""
REST_S = 60.0
"""How long a session is left alone that could not be summed up; twice as long after each further failure."""
LONGEST_REST_S = 3600.0
MOST_DOUBLINGS = 10

# A session that was begun with, else one whose newest run that was cut ended after its newest summary. Where two
# workers find the same, the second finds that it is not free.
CLAIM: LiteralString = """
    WITH found AS (
        (SELECT session_id, tenant_id FROM summary_claims WHERE free_at <= now() ORDER BY free_at LIMIT 1)
        UNION ALL
        (SELECT r.session_id, r.tenant_id FROM runs r
         WHERE r.state = 'done' AND 'history' = ANY(r.degraded) AND r.finished_at > now() - interval '1 hour'
           AND NOT EXISTS (
            SELECT 1 FROM session_summaries s
            WHERE s.session_id = r.session_id AND s.tenant_id = r.tenant_id AND s.created_at > r.finished_at
           )
           AND NOT EXISTS (
            SELECT 1 FROM summary_claims c WHERE c.session_id = r.session_id AND c.tenant_id = r.tenant_id
           )
         ORDER BY r.finished_at LIMIT 1)
        LIMIT 1
    )
    INSERT INTO summary_claims AS c (session_id, tenant_id, claim, free_at)
    SELECT session_id, tenant_id, %(claim)s, now() + %(claim_s)s * interval '1 second' FROM found
    ON CONFLICT (session_id) DO UPDATE SET claim = excluded.claim, free_at = excluded.free_at WHERE c.free_at <= now()
    RETURNING c.session_id, c.tenant_id, c.claim
"""
SELECT_NEWEST: LiteralString = """
    SELECT up_to, messages, text FROM session_summaries
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s ORDER BY created_at DESC LIMIT 1
"""
SAID: LiteralString = """
    SELECT m.id, m.role, m.content FROM messages m LEFT JOIN runs r ON r.id = m.run_id AND r.tenant_id = m.tenant_id
    WHERE m.session_id = %(session_id)s AND m.tenant_id = %(tenant_id)s AND m.id > %(up_to)s
      AND coalesce(r.state, 'done') NOT IN ('accepted', 'running', 'waiting')
"""
# What is said first is summed up first: none of it may be passed over.
SELECT_SINCE: LiteralString = SAID + " ORDER BY m.id LIMIT %(limit)s"
SELECT_LAST: LiteralString = (
    "SELECT id, role, content FROM (" + SAID + " ORDER BY m.id DESC LIMIT %(limit)s) AS newest ORDER BY id"  # noqa: S608 - of constants
)
# The lock stands between the acceptance of a run and a summary: a run knows which one was there before it.
ADD: LiteralString = """
    INSERT INTO session_summaries (tenant_id, session_id, up_to, messages, text, model, created_at)
    SELECT tenant_id, id, %(up_to)s, %(messages)s, %(text)s, %(model)s, clock_timestamp()
    FROM (SELECT id, tenant_id FROM sessions WHERE id = %(session_id)s AND tenant_id = %(tenant_id)s
          FOR NO KEY UPDATE) AS held
    WHERE EXISTS (
        SELECT 1 FROM summary_claims
        WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND claim = %(claim)s
    ) RETURNING id
"""
RENEW: LiteralString = """
    UPDATE summary_claims SET free_at = now() + %(claim_s)s * interval '1 second'
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND claim = %(claim)s
"""
DROP: LiteralString = """
    DELETE FROM summary_claims WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND claim = %(claim)s
"""
FAIL: LiteralString = """
    UPDATE summary_claims SET failures = failures + 1, free_at = now() + interval '1 second'
        * least(%(longest_s)s, %(rest_s)s * 2 ^ least(failures, %(doublings)s))
    WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s AND claim = %(claim)s
"""


class Said(msgspec.Struct, frozen=True):
    """A message of a session."""

    id: int
    role: str
    content: str


class Summary(msgspec.Struct, frozen=True):
    """What stands for a session's messages up to one of them; the text is empty where there was nothing to sum up."""

    up_to: int = 0
    messages: int = 0
    text: str = ""


class Held(msgspec.Struct, frozen=True):
    """A session that this process sums up."""

    session_id: SessionId
    tenant_id: TenantId
    claim: UUID

    @property
    def ids(self) -> dict[str, Any]:
        """The parameters of its statements."""
        return msgspec.structs.asdict(self)


class SummaryRows:
    """The rows of `session_summaries` and of `summary_claims`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self) -> Held | None:
        """Claim a session that is to be summed up; None when there is none now. Raises StoreUnavailable."""
        given = {"claim": uuid4(), "claim_s": CLAIM_S}
        async with self._database.connection("summaries.claim") as conn:
            row = await (await conn.execute(CLAIM, given)).fetchone()
        return None if row is None else Held(SessionId(row["session_id"]), TenantId(row["tenant_id"]), row["claim"])

    async def read(self, held: Held) -> tuple[Summary, Sequence[Said], Sequence[Said]]:
        """Return the newest summary, what was said first since then, and what was said last. Raises StoreUnavailable.

        Both have MESSAGES_READ messages at most, and so they may overlap or leave some out between them.
        """
        async with self._database.connection("summaries.read") as conn:
            row = await (await conn.execute(SELECT_NEWEST, held.ids)).fetchone()
            before = Summary() if row is None else msgspec.convert(row, Summary)
            given = held.ids | {"up_to": before.up_to, "limit": MESSAGES_READ}
            first = msgspec.convert(await (await conn.execute(SELECT_SINCE, given)).fetchall(), list[Said])
            last = msgspec.convert(await (await conn.execute(SELECT_LAST, given)).fetchall(), list[Said])
        return before, first, last

    async def add(self, held: Held, made: Summary, model: str, *, is_last: bool) -> bool:
        """Add a summary, the last one or one with more to come; whether the session was still this process's.

        Raises StoreUnavailable.
        """
        given = held.ids | msgspec.structs.asdict(made) | {"model": model, "claim_s": CLAIM_S}
        async with self._database.transaction("summaries.add") as conn:
            added = await (await conn.execute(ADD, given)).fetchone()
            await conn.execute(DROP if is_last else RENEW, given)
        return added is not None

    async def rest(self, held: Held) -> None:
        """Leave a session alone for a while that could not be summed up. Raises StoreUnavailable."""
        given = {"rest_s": REST_S, "longest_s": LONGEST_REST_S, "doublings": MOST_DOUBLINGS}
        async with self._database.connection("summaries.rest") as conn:
            await conn.execute(FAIL, held.ids | given)
