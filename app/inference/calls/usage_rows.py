"""The usage rows: one for every call, also for those that failed, were cancelled, or lost their process."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from app.inference.routing import route_rows
from app.inference.words.records import Usage
from app.postgres import Connection

# A call has one id, so it has one row, however often its usage arrives: that of a process that was only thought dead
# replaces `lost`, and nothing else is ever replaced.
INSERT_USAGE: LiteralString = """
    INSERT INTO usage AS old (id, tenant_id, key_id, session_id, run_id, purpose, route_id, kind, agent, tier, node,
        model, digest, input_tokens, output_tokens, wait_us, load_us, prefill_us, decode_us, first_token_us, gpu_us,
        cost_usd_micro, outcome, started_at, ended_at, thinking_tokens, finish_reason)
    VALUES (%(id)s, %(tenant_id)s, %(key_id)s, %(session_id)s, %(run_id)s, %(purpose)s, %(route_id)s, %(kind)s,
        %(agent)s, %(tier)s, %(node)s, %(model)s, %(digest)s, %(input_tokens)s, %(output_tokens)s, %(wait_us)s,
        %(load_us)s, %(prefill_us)s, %(decode_us)s, %(first_token_us)s, %(gpu_us)s, %(cost_usd_micro)s, %(outcome)s,
        %(started_at)s, %(ended_at)s, %(thinking_tokens)s, %(finish_reason)s)
    ON CONFLICT (id) DO UPDATE SET route_id = excluded.route_id, input_tokens = excluded.input_tokens,
        output_tokens = excluded.output_tokens, load_us = excluded.load_us, prefill_us = excluded.prefill_us,
        decode_us = excluded.decode_us, first_token_us = excluded.first_token_us, gpu_us = excluded.gpu_us,
        cost_usd_micro = excluded.cost_usd_micro, outcome = excluded.outcome, ended_at = excluded.ended_at,
        thinking_tokens = excluded.thinking_tokens, finish_reason = excluded.finish_reason
    WHERE old.outcome = 'lost' AND old.tenant_id IS NOT DISTINCT FROM excluded.tenant_id
"""


async def write(conn: Connection, usages: Sequence[Usage]) -> None:
    """Insert usage and routes inside the caller's transaction; each call gets one row, however often it is written."""
    for usage in usages:
        account, route = usage.account, usage.route
        if route is not None and account.tenant_id is not None:
            await route_rows.add(conn, account.tenant_id, account.run_id, [route])
        values: dict[str, object] = msgspec.structs.asdict(usage)
        values |= msgspec.structs.asdict(account)
        values |= {
            "purpose": account.purpose.value,
            "route_id": None if route is None else route.id,
            "kind": usage.kind.value,
            "tier": usage.tier.value if usage.tier is not None else None,
            "first_token_us": usage.first_token_us or None,
            "outcome": usage.outcome.value,
        }
        await conn.execute(INSERT_USAGE, values)
