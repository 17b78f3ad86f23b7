"""The stored routes: why a call went where it went."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from app.errors import RouteUnknown
from app.ids import RouteId, RunId, TenantId
from app.inference.words.route import Route
from app.postgres import Database
from app.statement import Part, plain

ADD_ROUTES: LiteralString = """routed AS (
    INSERT INTO routes
        (id, tenant_id, run_id, tier, tier_reason, need, reason, model, digest, node, candidates, asking, created_at)
    SELECT id, tenant_id, run_id, tier, tier_reason, need, reason, model, digest, node, candidates, asking, now()
    FROM held, jsonb_populate_recordset(NULL::routes, %(routes)s::jsonb)
    ON CONFLICT (id) DO NOTHING
)"""
SELECT_ROUTE: LiteralString = """
    SELECT id, tier, tier_reason, need, reason, model, digest, node, candidates, asking
    FROM routes WHERE id = %(id)s AND tenant_id = %(tenant_id)s
"""

PRUNE_ROUTES: LiteralString = """
    DELETE FROM routes WHERE id IN (
        SELECT id FROM routes WHERE created_at < now() - make_interval(days => %(days)s)
        LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""


def adding(routes: Sequence[tuple[TenantId, RunId | None, Route]]) -> list[Part]:
    """Return what inserts routes, each with its tenant and run; one that is there already stays."""
    if not routes:
        return []
    rows = [
        msgspec.structs.asdict(route) | {"tenant_id": tenant_id, "run_id": run_id}
        for tenant_id, run_id, route in routes
    ]
    return [Part(ADD_ROUTES, {"routes": plain(rows)})]


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
