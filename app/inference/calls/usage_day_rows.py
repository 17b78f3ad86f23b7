"""What is kept of old usage: a row a day for everything alike, in place of one a call."""

from typing import LiteralString

import structlog

from app.inference.routing import route_rows
from app.postgres import Database

log = structlog.stdlib.get_logger(__name__)

BATCH = 5000
"""Rows in one transaction."""
BATCHES = 40
"""So many transactions at most in one turn; the next one goes on."""

# A row of `usage` is deleted by the statement that adds it to its day: it is in one of the two tables, never in both.
ROLL_UP: LiteralString = """
    WITH old AS (
        SELECT id FROM usage WHERE ended_at < now() - make_interval(days => %(days)s)
        LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM usage USING old WHERE usage.id = old.id RETURNING usage.*
    ), kept AS (
        INSERT INTO usage_days AS day (day, tenant_id, key_id, purpose, kind, agent, tier, node, model, outcome, calls,
            input_tokens, output_tokens, thinking_tokens, wait_us, load_us, prefill_us, decode_us, gpu_us,
            cost_usd_micro)
        SELECT (ended_at AT TIME ZONE 'UTC')::date, tenant_id, key_id, purpose, kind, agent, tier, node, model, outcome,
            count(*), sum(input_tokens), sum(output_tokens), sum(thinking_tokens), sum(wait_us), sum(load_us),
            sum(prefill_us), sum(decode_us), sum(gpu_us), sum(cost_usd_micro)
        FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
        ON CONFLICT ON CONSTRAINT usage_days_of DO UPDATE SET
            calls = day.calls + excluded.calls, input_tokens = day.input_tokens + excluded.input_tokens,
            output_tokens = day.output_tokens + excluded.output_tokens,
            thinking_tokens = day.thinking_tokens + excluded.thinking_tokens, wait_us = day.wait_us + excluded.wait_us,
            load_us = day.load_us + excluded.load_us, prefill_us = day.prefill_us + excluded.prefill_us,
            decode_us = day.decode_us + excluded.decode_us, gpu_us = day.gpu_us + excluded.gpu_us,
            cost_usd_micro = day.cost_usd_micro + excluded.cost_usd_micro
        RETURNING 1
    )
    SELECT count(*) AS rows FROM gone
"""


class Upkeep:
    """Ends what is old: usage goes into its day, routes go."""

    def __init__(self, database: Database, *, usage_days: int, routes_days: int) -> None:
        self._database = database
        self._usage_days = usage_days
        self._routes_days = routes_days

    async def prune(self) -> None:
        """Roll up usage and remove routes that are older than they are kept. Raises StoreUnavailable."""
        usage = await self._roll_up()
        routes = await route_rows.prune(self._database, days=self._routes_days, batch=BATCH, batches=BATCHES)
        if usage or routes:
            log.info("rows.pruned", usage=usage, routes=routes)

    async def _roll_up(self) -> int:
        done = 0
        for _ in range(BATCHES):
            async with self._database.transaction("usage.roll_up") as conn:
                row = await (await conn.execute(ROLL_UP, {"days": self._usage_days, "batch": BATCH})).fetchone()
            rolled = 0 if row is None else int(row["rows"])
            done += rolled
            if rolled < BATCH:
                break
        return done
