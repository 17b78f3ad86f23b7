"""Which documents of a tenant are filings: read from their rows. The door of `finance` to PostgreSQL."""

from typing import Any, LiteralString

from app.agents.finance.filings import FILINGS_SET, Filing, read_filing
from app.ids import TenantId
from app.postgres import Database

FILINGS = 500
"""So many filings of a tenant are looked at, the newest."""

# Names such as AMCOR_2023_10K.pdf, tags such as form:10-K, or the set.
_SELECT: LiteralString = """
    SELECT name, set_name, title, metadata FROM documents
    WHERE tenant_id = %(tenant_id)s AND state = 'ready' AND cold_at IS NULL
      AND (set_name = %(set_name)s OR name ~* '20[0-9]{2}([_ -]?Q[1-4])?[_ -](10-?K|10-?Q|8-?K|EARNINGS)'
           OR metadata -> 'tags' @? '$[*] ? (@ like_regex "^(form|period):" flag "i")')
    ORDER BY created_at DESC, id LIMIT %(limit)s
"""


async def list_filings(database: Database, tenant_id: TenantId) -> tuple[Filing, ...]:
    """Return the tenant's filings that questions find, by name. Raises StoreUnavailable."""
    values = {"tenant_id": tenant_id, "set_name": FILINGS_SET, "limit": FILINGS}
    async with database.connection("finance.filings") as conn:
        rows = await (await conn.execute(_SELECT, values)).fetchall()
    found = (_filing(row) for row in rows)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.document))


def _filing(row: dict[str, Any]) -> Filing | None:
    said = row["metadata"]
    return read_filing(
        row["name"],
        ticker=said.get("ticker"),
        tags=said.get("tags", ()),
        set_name=row["set_name"],
        title=row["title"] or "",
    )
