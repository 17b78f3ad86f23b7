"""The stored routes: why a call went where it went."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from app.errors import RouteUnknown
from app.ids import RouteId, RunId, TenantId
from app.inference.words.route import Candidate, Route
from app.postgres import Connection, Database

INSERT_ROUTE: LiteralString = """
    INSERT INTO routes
        (id, tenant_id, run_id, tier, tier_reason, need, reason, model, digest, node, candidates, asking,
         created_at)
    VALUES (%(id)s, %(tenant_id)s, %(run_id)s, %(tier)s, %(tier_reason)s, %(need)s, %(reason)s, %(model)s, %(digest)s,
            %(node)s, %(candidates)s, %(asking)s, now())
    ON CONFLICT (id) DO NOTHING
"""
SELECT_ROUTE: LiteralString = """
    SELECT id, tier, tier_reason, need, reason, model, digest, node, candidates, asking
    FROM routes WHERE id = %(id)s AND tenant_id = %(tenant_id)s
"""

PRUNE_ROUTES: LiteralString = """
    DELETE FROM routes WHERE id IN (
        SELECT id FROM routes WHERE created_at < now() - make_interval(days => %(days)s)
        LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


async def add(conn: Connection, tenant_id: TenantId, run_id: RunId | None, routes: Sequence[Route]) -> None:
    """Insert routes inside the caller's transaction; one that is there already stays."""
    for route in routes:
        candidates: list[Candidate] = msgspec.to_builtins(route.candidates)
        await conn.execute(
            INSERT_ROUTE,
            {
                "id": route.id,
                "tenant_id": tenant_id,
                "run_id": run_id,
                "tier": route.tier.value,
                "tier_reason": route.tier_reason.value,
                "need": route.need,
                "reason": route.reason.value,
                "model": route.model,
                "digest": route.digest,
                "node": route.node,
                "candidates": Jsonb(candidates),
                "asking": Jsonb(msgspec.to_builtins(route.asking)),
            },
        )


async def prune(database: Database, *, days: int, batch: int, batches: int) -> int:
    """Remove routes that are older, `batch` in a transaction; return how many went. Raises StoreUnavailable."""
    removed = 0
    for _ in range(batches):
        async with database.transaction("routes.prune") as conn:
            gone = (await conn.execute(PRUNE_ROUTES, {"days": days, "batch": batch})).rowcount
        removed += gone
        if gone < batch:
            break
    return removed


class RouteRows:
    """Reads routes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant_id: TenantId, route_id: RouteId) -> Route:
        """Return a route of the tenant. Raises RouteUnknown, StoreUnavailable."""
        async with self._database.connection("route_get") as conn:
            row = await (await conn.execute(SELECT_ROUTE, {"id": route_id, "tenant_id": tenant_id})).fetchone()
        if row is None:
            raise RouteUnknown("no such route", route_id=str(route_id))
        return msgspec.convert(row, Route, strict=False)
