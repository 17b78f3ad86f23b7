"""Which documents an edition was given: how far, and which it lacks."""

from typing import LiteralString
from uuid import UUID

import msgspec

from app.ids import DocumentId, TenantId
from app.postgres import Connection, Database
from app.retrieval.editions.edition import Edition

_SELECT_HOLDINGS: LiteralString = """
    SELECT e.alias, e.number, e.model, e.dense_size, e.state, coalesce(g.chunks_done, 0) AS chunks_done,
           g.given_at IS NOT NULL AS is_whole
    FROM editions e LEFT JOIN document_editions g
      ON g.document_id = %(document_id)s AND g.tenant_id = %(tenant_id)s AND g.number = e.number
    WHERE e.alias = %(alias)s AND e.state <> 'retired' AND e.dense_size IS NOT NULL
    ORDER BY e.state = 'serving' DESC
"""
_ADVANCE: LiteralString = """
    INSERT INTO document_editions (document_id, tenant_id, number, chunks_done, given_at)
    VALUES (%(document_id)s, %(tenant_id)s, %(number)s, %(chunks_done)s, CASE WHEN %(is_whole)s THEN now() END)
    ON CONFLICT (document_id, number) DO UPDATE
        SET chunks_done = excluded.chunks_done, given_at = excluded.given_at, error_code = NULL
"""
_FAIL: LiteralString = """
    INSERT INTO document_editions AS g (document_id, tenant_id, number, error_code)
    SELECT %(document_id)s, %(tenant_id)s, number, %(code)s FROM editions
    WHERE alias = %(alias)s AND state <> 'retired'
    ON CONFLICT (document_id, number) DO UPDATE SET error_code = excluded.error_code WHERE g.given_at IS NULL
"""
# An edition that begins to serve waits for whoever asks this, and whoever asks waits for it.
_IS_SERVED: LiteralString = """
    SELECT g.given_at IS NOT NULL AS is_served FROM editions e LEFT JOIN document_editions g
      ON g.document_id = %(document_id)s AND g.tenant_id = %(tenant_id)s AND g.number = e.number
    WHERE e.alias = %(alias)s AND e.state = 'serving' FOR SHARE OF e
"""
_FORGET: LiteralString = """
    DELETE FROM document_editions g USING editions e
    WHERE g.document_id = %(document_id)s AND g.tenant_id = %(tenant_id)s
      AND e.number = g.number AND e.alias = %(alias)s
"""
_FORGET_ALL: LiteralString = """
    DELETE FROM document_editions g USING editions e
    WHERE g.tenant_id IS NOT NULL AND e.number = g.number AND e.alias = %(alias)s
"""


class Holding(msgspec.Struct, frozen=True):
    """What an edition has of a document: points of so many of its chunks, in order, and whether it was seen whole."""

    edition: Edition
    chunks_done: int
    is_whole: bool


class Given:
    """What the editions of one alias were given. Every method raises StoreUnavailable."""

    def __init__(self, database: Database, alias: str) -> None:
        self._database = database
        self._alias = alias

    async def holdings(self, tenant_id: TenantId, document_id: DocumentId) -> list[Holding]:
        """Return what each edition that is written to has of a document, the one that serves first."""
        values = {"document_id": document_id, "tenant_id": tenant_id, "alias": self._alias}
        async with self._database.connection("editions.holdings") as conn:
            rows = await (await conn.execute(_SELECT_HOLDINGS, values)).fetchall()
        return [Holding(msgspec.convert(row, Edition), row["chunks_done"], row["is_whole"]) for row in rows]

    async def advance(
        self,
        conn: Connection,
        edition: Edition,
        tenant_id: TenantId,
        document_id: DocumentId,
        chunks_done: int,
        *,
        is_whole: bool = False,
    ) -> None:
        """Note how many chunks of a document have points in an edition; `is_whole` once it was seen to have all."""
        values = {"number": edition.number, "document_id": document_id, "tenant_id": tenant_id}
        await conn.execute(_ADVANCE, {**values, "chunks_done": chunks_done, "is_whole": is_whole})

    async def fail(self, conn: Connection, tenant_id: TenantId, document_id: UUID, code: str) -> None:
        """Note inside the caller's transaction that editions which lack a document cannot have it.

        Nobody tries again until that is forgotten.
        """
        values = {"document_id": document_id, "tenant_id": tenant_id, "alias": self._alias, "code": code}
        await conn.execute(_FAIL, values)

    async def forget(self, tenant_id: TenantId, document_id: UUID) -> None:
        """Forget what was given of a document: its points are to be written anew, or to go."""
        async with self._database.connection("editions.forget") as conn:
            await conn.execute(_FORGET, {"document_id": document_id, "tenant_id": tenant_id, "alias": self._alias})

    async def forget_all(self) -> None:
        """Forget what was given of every document of every tenant: all points are to be written anew."""
        async with self._database.connection("editions.forget") as conn:
            await conn.execute(_FORGET_ALL, {"alias": self._alias})

    async def is_served(self, conn: Connection, tenant_id: TenantId, document_id: DocumentId) -> bool:
        """Say whether the edition that serves has a document, and keep it serving until the transaction ends."""
        values = {"document_id": document_id, "tenant_id": tenant_id, "alias": self._alias}
        row = await (await conn.execute(_IS_SERVED, values)).fetchone()
        return row is not None and bool(row["is_served"])
