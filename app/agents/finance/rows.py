"""Which documents of a tenant are filings: read from their rows. The door of `finance` to PostgreSQL."""

import re
from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec

from app.agents.finance.filings import FILINGS_SET, Filing, read_filing
from app.ids import TenantId
from app.postgres import Database
from app.retrieval.passages import Passage

CHUNKS = 250
"""So many passages with rows of a filing are looked at."""
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


# The chunks whose lines begin with one of the names, with a number or another cell behind it; and those before them,
# which may have the columns, the span and the scale of their tables.
_SELECT_ROWS: LiteralString = """
    SELECT c.id AS chunk_id, c.document_id, d.name AS document, c.heading, c.text, c.start_offset, c.end_offset,
           0.0 AS score, d.title, c.page, c.lead, c.ordinal
    FROM chunks c JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
    WHERE c.tenant_id = %(tenant_id)s AND d.state = 'ready' AND d.cold_at IS NULL AND d.name = %(document)s
      AND EXISTS (
          SELECT 1 FROM chunks m
          WHERE m.document_id = c.document_id AND m.tenant_id = c.tenant_id AND m.ordinal IN (c.ordinal, c.ordinal + 1)
            AND m.text ~* %(pattern)s)
    ORDER BY c.ordinal LIMIT %(limit)s
"""


async def find_rows(
    database: Database, tenant_id: TenantId, document: str, names: Sequence[str]
) -> tuple[Passage, ...]:
    """Return the passages of a filing that have rows of these names, in its order. Raises StoreUnavailable."""
    told = "|".join(re.escape(name) for name in names)
    # Of a regular expression of PostgreSQL: a line, its label, and a cell or a number.
    pattern = rf"(^|\n)(\| *)?[^|\n]{{0,40}}({told})[^|\n]{{0,80}}(\||[0-9$(])"
    values = {"tenant_id": tenant_id, "document": document, "pattern": pattern, "limit": CHUNKS}
    async with database.connection("finance.rows") as conn:
        rows = await (await conn.execute(_SELECT_ROWS, values)).fetchall()
    return msgspec.convert(rows, tuple[Passage, ...])


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
