"""The end of a run, whatever it is: one statement that only the run's owner can make."""

from typing import LiteralString

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from app.agents.values import Claim, RunResult, RunState
from app.postgres import Connection

# Taking the row's lock under the fence is what makes every end exclusive.
END_RUN: LiteralString = """
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


async def end(conn: Connection, claim: Claim, result: RunResult) -> AsyncCursor[DictRow]:
    """Write the final state inside the caller's transaction.

    The cursor holds one row; none means that the fence has moved on, and the caller must not commit. (It is looked
    at last, so that a pipeline needs one round trip.)
    """
    ended = await conn.execute(
        END_RUN,
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
