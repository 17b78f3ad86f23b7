"""Which documents of a tenant are filings: read from their rows. The door of `finance` to PostgreSQL."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import msgspec

from app.agents.finance.filings import FILINGS_SET, Filing, read_filing
from app.ids import TenantId
from app.postgres import Database
from app.retrieval.passages import Passage

CHUNKS = 300
"""So many passages with rows of a filing are looked at."""
CHARACTERS = 200_000
"""All of these together: a result is kept with the run, and one that is too large would fail it."""
ABOVE = 15
"""So many passages of its page may stand between a row and the head of its table."""
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


# The chunks whose lines begin with one of the names, with a number or another cell behind it; those above them on their
# pages, which may have the columns, the span and the scale of their tables; and the pages that a statement is the title
# of, which come first where there are too many.
_SELECT_ROWS: LiteralString = """
    WITH own AS MATERIALIZED (
        SELECT c.id, c.ordinal, c.page, c.text ~* %(rows)s AS is_row, c.text ~* %(titles)s AS is_titled
        FROM chunks c JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
        WHERE c.tenant_id = %(tenant_id)s AND d.state = 'ready' AND d.cold_at IS NULL AND d.name = %(document)s
    ), chosen AS (
        SELECT o.id, o.ordinal, bool_or(o.is_titled) OVER (PARTITION BY o.page) AND o.page IS NOT NULL AS is_statement,
               EXISTS (
                   SELECT 1 FROM own m
                   WHERE m.is_row AND (m.ordinal IN (o.ordinal, o.ordinal + 1)
                       OR (m.page = o.page AND m.ordinal BETWEEN o.ordinal AND o.ordinal + %(above)s))
               ) AS has_row
        FROM own o
    )
    SELECT c.id AS chunk_id, c.document_id, d.name AS document, c.heading, c.text, c.start_offset, c.end_offset,
           0.0 AS score, d.title, c.page, c.lead, c.ordinal
    FROM chosen JOIN chunks c ON c.id = chosen.id AND c.tenant_id = %(tenant_id)s
         JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
    WHERE chosen.is_statement OR chosen.has_row
    ORDER BY chosen.is_statement DESC, chosen.ordinal LIMIT %(limit)s
"""


async def find_rows(
    database: Database, tenant_id: TenantId, document: str, names: Sequence[str], titles: Sequence[str] = ()
) -> tuple[Passage, ...]:
    """Return the passages of a filing that have rows of these names, or statements of these titles, in its order.

    Those that come to more than CHARACTERS are left out, the last ones, those of statements after others. Raises
    StoreUnavailable.
    """
    if not names:
        return ()
    told = "|".join(re.escape(name) for name in names)
    called = "|".join(titles) or "(?!)"
    values = {
        "tenant_id": tenant_id,
        "document": document,
        # Regular expressions of PostgreSQL: a line, its label, and a cell or a number; a short line.
        "rows": rf"(^|\n)(\| *)?[^|\n]{{0,40}}({told})[^|\n]{{0,80}}(\||[0-9$(])",
        "titles": rf"(^|\n)[^|\n]{{0,60}}({called})[^|\n.]{{0,40}}($|\n)",
        "above": ABOVE,
        "limit": CHUNKS,
    }
    async with database.connection("finance.rows") as conn:
        rows = await (await conn.execute(_SELECT_ROWS, values)).fetchall()
    found = msgspec.convert(rows, tuple[Passage, ...])
    return tuple(sorted(within(found, CHARACTERS), key=lambda one: one.start_offset))


def within(passages: Sequence[Passage], characters: int) -> Iterator[Passage]:
    """Yield the first passages, as many as have so many characters together."""
    for passage in passages:
        characters -= len(passage.text) + len(passage.lead) + len(passage.heading)
        if characters < 0:
            return
        yield passage


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
