"""What a new session begins with that was said elsewhere."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from app.agents.values import Turn
from app.ids import RunId, SessionId, TenantId
from app.postgres import Connection

INSERT_EARLIER: LiteralString = """
    INSERT INTO messages (tenant_id, session_id, run_id, role, content)
    VALUES (%(tenant_id)s, %(session_id)s, %(run_id)s, %(role)s, %(content)s)
"""
NO_RUN = RunId(UUID(int=0))
"""The run of messages that no run of this platform brought."""


async def add(conn: Connection, tenant_id: TenantId, session_id: SessionId, turns: Sequence[Turn]) -> None:
    """Insert the messages of a new session, oldest first, inside the caller's transaction."""
    ids = {"tenant_id": tenant_id, "session_id": session_id, "run_id": NO_RUN}
    for turn in turns:
        await conn.execute(INSERT_EARLIER, ids | {"role": turn.role, "content": turn.content})
