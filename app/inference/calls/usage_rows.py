"""The usage rows: one for every call, also for those that failed, were cancelled, or lost their process."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import msgspec

from app.inference.routing import route_rows
from app.inference.words.records import Outcome, Usage
from app.postgres import Connection
from app.statement import ALWAYS, Part, execute, plain

# A call has one id, so it has one row, however often its usage arrives: that of a process that was only thought dead
# replaces `lost`, and nothing else is ever replaced.
ADD_USAGE: LiteralString = """counted AS (
    INSERT INTO usage AS old (id, tenant_id, key_id, session_id, run_id, purpose, route_id, kind, agent, tier, node,
        model, digest, input_tokens, output_tokens, wait_us, load_us, prefill_us, decode_us, first_token_us, gpu_us,
        cost_usd_micro, outcome, started_at, ended_at, thinking_tokens, finish_reason)
    SELECT id, tenant_id, key_id, session_id, run_id, purpose, route_id, kind, agent, tier, node,
        model, digest, input_tokens, output_tokens, wait_us, load_us, prefill_us, decode_us,
        nullif(first_token_us, 0), gpu_us,
        cost_usd_micro, outcome, started_at, ended_at, thinking_tokens, finish_reason
    FROM held, jsonb_populate_recordset(NULL::usage, %(usages)s::jsonb)
    ON CONFLICT (id) DO UPDATE SET route_id = excluded.route_id, input_tokens = excluded.input_tokens,
        output_tokens = excluded.output_tokens, load_us = excluded.load_us, prefill_us = excluded.prefill_us,
        decode_us = excluded.decode_us, first_token_us = excluded.first_token_us, gpu_us = excluded.gpu_us,
        cost_usd_micro = excluded.cost_usd_micro, outcome = excluded.outcome, ended_at = excluded.ended_at,
        thinking_tokens = excluded.thinking_tokens, finish_reason = excluded.finish_reason
    WHERE old.outcome = 'lost' AND old.tenant_id IS NOT DISTINCT FROM excluded.tenant_id
)"""


def adding(usages: Sequence[Usage]) -> list[Part]:
    """Return what inserts usage and routes, if the statement's `held` has a row."""
    if not usages:
        return []
    kept = _once_each(usages)
    routes = [
        (usage.account.tenant_id, usage.account.run_id, usage.route)
        for usage in kept
        if usage.route is not None and usage.account.tenant_id is not None
    ]
    rows = plain([_row(usage) for usage in kept])
    return [*route_rows.adding(routes), Part(ADD_USAGE, {"usages": rows})]


async def write(conn: Connection, usages: Sequence[Usage]) -> None:
    """Insert usage and routes; each call gets one row, however often it is written."""
    if usages:
        await execute(conn, [ALWAYS, *adding(usages)])


def _once_each(usages: Sequence[Usage]) -> list[Usage]:
    """Return what stands of each call, as if one were written after the other: a statement meets no row twice."""
    kept: dict[UUID, Usage] = {}
    for usage in usages:
        before = kept.get(usage.id)
        if before is None or (before.outcome is Outcome.LOST and before.account.tenant_id == usage.account.tenant_id):
            kept[usage.id] = usage
    return list(kept.values())


def _row(usage: Usage) -> dict[str, object]:
    values: dict[str, object] = msgspec.structs.asdict(usage) | msgspec.structs.asdict(usage.account)
    del values["account"]
    values["route_id"] = None if usage.route is None else usage.route.id
    del values["route"]
    return values
