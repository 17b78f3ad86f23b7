"""Which tools a tenant's runs may use: read once in an attempt."""

from typing import LiteralString

import structlog

from app.agents.values import Claim
from app.postgres import Connection, Database

log = structlog.get_logger(__name__)

SELECT_DENIED: LiteralString = "SELECT denied_tools FROM tenants WHERE id = %(tenant_id)s"
NOT_PERMITTED = "this tenant's runs may not use it"


class Permissions:
    """Tells why a tool may not be used, if so. Raises StoreUnavailable."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self._database = database
        self._claim = claim
        self._denied: frozenset[str] | None = None

    async def refusal(self, tool: str, conn: Connection | None = None) -> str | None:
        """Return why the tenant's runs may not use the tool of that name; None where they may.

        Without a connection it takes one, for the first question alone.
        """
        if self._denied is None:
            self._denied = await self._read(conn)
        if tool not in self._denied:
            return None
        log.warning("tool_not_permitted", tool=tool, agent_team=self._claim.team)
        return NOT_PERMITTED

    async def _read(self, conn: Connection | None) -> frozenset[str]:
        if conn is None:
            async with self._database.connection("tools.denied") as own:
                return await self._read(own)
        row = await (await conn.execute(SELECT_DENIED, {"tenant_id": self._claim.tenant_id})).fetchone()
        return frozenset() if row is None else frozenset(row["denied_tools"])
