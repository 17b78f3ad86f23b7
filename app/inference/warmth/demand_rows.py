"""What tenants asked of models lately, read from the rows of usage."""

from typing import LiteralString

from app.inference.fleet.catalogue import full_name
from app.inference.warmth.demand import WINDOW_S, Asked
from app.inference.words.tiers import Tier
from app.postgres import Database

# Those of all tenants; calls that the installation makes for itself ask for nothing.
SELECT_ASKED: LiteralString = """
    SELECT model, tier, count(*) AS calls, coalesce(sum(gpu_us), 0)::bigint AS gpu_us FROM usage
    WHERE ended_at > now() - make_interval(secs => %(window_s)s) AND tenant_id IS NOT NULL
    GROUP BY model, tier
"""


class DemandRows:
    """Reads what was asked. Raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> tuple[dict[str, Asked], dict[Tier, int]]:
        """Return what was asked of each model, by full name, and how many calls each tier had."""
        async with self._database.connection("usage.demand") as conn:
            rows = await (await conn.execute(SELECT_ASKED, {"window_s": WINDOW_S})).fetchall()
        models, tiers = dict[str, Asked](), dict[Tier, int]()
        for row in rows:
            key, before = full_name(str(row["model"])), models.get(full_name(str(row["model"])), Asked())
            models[key] = Asked(before.calls + int(row["calls"]), before.gpu_s + int(row["gpu_us"]) / 1_000_000)
            if row["tier"] is not None:
                tier = Tier(row["tier"])
                tiers[tier] = tiers.get(tier, 0) + int(row["calls"])
        return models, tiers
