"""A run as its row shows it."""

from collections.abc import Mapping
from typing import Any, LiteralString

import msgspec

from app.agents.life import RunState
from app.agents.values import Interrupt, RunResult
from app.degradation import Degradation
from app.ids import RunId, SessionId, TenantId
from app.postgres import Connection

SELECT_RUN: LiteralString = """
    SELECT id, session_id, team, state, result, attempt, error_code, error_detail, degraded, interrupts FROM runs
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s
"""


async def find(conn: Connection, tenant_id: TenantId, run_id: RunId) -> RunResult | None:
    """Return a run of this tenant, if there is one."""
    row = await (await conn.execute(SELECT_RUN, {"run_id": run_id, "tenant_id": tenant_id})).fetchone()
    return None if row is None else result_of(row)


def result_of(row: Mapping[str, Any]) -> RunResult:
    """Return what a row of `runs` shows."""
    if row["result"] is not None:
        # What is open still is the row's word: a result is written once, each answer closes one request.
        open_still = msgspec.convert(row["interrupts"], tuple[Interrupt, ...])
        return msgspec.structs.replace(msgspec.convert(row["result"], RunResult), interrupts=open_still)
    return RunResult(
        run_id=RunId(row["id"]),
        session_id=SessionId(row["session_id"]),
        state=RunState(row["state"]),
        team=row["team"],
        attempt=row["attempt"],
        degraded=tuple(map(Degradation, row["degraded"])),
        error_code=row["error_code"],
        error_detail=row["error_detail"],
    )
