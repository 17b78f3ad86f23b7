"""When documents were last of use: noted in memory as they are found, written now and then."""

from collections.abc import Iterable
from typing import LiteralString

from app.ids import DocumentId, TenantId
from app.postgres import Database

HELD = 10_000
"""Documents noted between two writings; further ones are noted when they are found again."""

# A day is fine enough for what goes by months, so most uses change no row. A row that is locked is in use anyway.
_WRITE: LiteralString = """
    WITH used AS (
        SELECT d.id, d.tenant_id
        FROM documents d JOIN unnest(%(tenants)s::uuid[], %(documents)s::uuid[]) AS noted (tenant_id, document_id)
          ON d.id = noted.document_id AND d.tenant_id = noted.tenant_id
        WHERE d.used_at IS NULL OR d.used_at < now() - interval '1 day'
        ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE documents d SET used_at = now() FROM used WHERE d.id = used.id AND d.tenant_id = used.tenant_id
"""


class Uses:
    """The documents that this process found passages of since it last wrote so. A process that dies loses a minute."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: set[tuple[TenantId, DocumentId]] = set()

    def note(self, tenant_id: TenantId, documents: Iterable[DocumentId]) -> None:
        """Note that a question of the tenant found these."""
        if len(self._noted) < HELD:
            self._noted.update((tenant_id, document_id) for document_id in documents)

    async def write(self) -> None:
        """Write what was noted. Raises StoreUnavailable; it is kept then."""
        noted = sorted(self._noted)
        if not noted:
            return
        values = {"tenants": [tenant for tenant, _ in noted], "documents": [document for _, document in noted]}
        async with self._database.connection("documents.used") as conn:
            await conn.execute(_WRITE, values)
        self._noted.difference_update(noted)
