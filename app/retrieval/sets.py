"""The documents of a tenant's set: whether there are any, and all that they say, in one order."""

from typing import LiteralString

import msgspec

from app.ids import TenantId
from app.postgres import Database
from app.retrieval.passages import Passage

_HAS_SET: LiteralString = """
    SELECT EXISTS (
        SELECT 1 FROM documents d
        WHERE d.tenant_id = %(tenant_id)s AND d.set_name = %(set_name)s AND d.state = 'ready' AND d.cold_at IS NULL
    ) AS there
"""
# In an order that adding a document changes least, and asking not at all.
_READ_SET: LiteralString = """
    SELECT c.id AS chunk_id, c.document_id, d.name AS document, c.heading, c.text, c.start_offset, c.end_offset,
           d.title, c.page, c.lead, c.ordinal, d.set_name, 1.0::float8 AS score
    FROM chunks c JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
    WHERE d.tenant_id = %(tenant_id)s AND d.set_name = %(set_name)s AND d.state = 'ready' AND d.cold_at IS NULL
    ORDER BY d.created_at, d.id, c.ordinal LIMIT %(limit)s
"""


async def has_set(database: Database, tenant_id: TenantId, set_name: str) -> bool:
    """Whether a tenant has documents in a set that a question could find. Raises StoreUnavailable."""
    given = {"tenant_id": tenant_id, "set_name": set_name}
    async with database.connection("sets.find") as conn:
        row = await (await conn.execute(_HAS_SET, given)).fetchone()
    return row is not None and row["there"]


async def read_set(database: Database, tenant_id: TenantId, set_name: str, *, limit: int) -> tuple[Passage, ...]:
    """Return the first `limit` chunks of a set, document after document, the oldest first. Raises StoreUnavailable."""
    given = {"tenant_id": tenant_id, "set_name": set_name, "limit": limit}
    async with database.connection("sets.read") as conn:
        rows = await (await conn.execute(_READ_SET, given)).fetchall()
    return msgspec.convert(rows, tuple[Passage, ...])
