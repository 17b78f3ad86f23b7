"""Takes away what a document that is gone left behind: its points, its chunks, its original."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString

from app.blobs import Blobs
from app.errors import StoreUnavailable
from app.ids import DocumentId, TenantId
from app.postgres import Connection, Database
from app.retrieval.chunks import embedded_text
from app.retrieval.editions.editions import Editions
from app.retrieval.states import DocumentState

# A running job may still write points, so it keeps the chunks as a sign that there may be some, and cleans up itself.
_DELETE_CHUNKS: LiteralString = """
    DELETE FROM chunks c USING documents d
    WHERE c.document_id = %(document_id)s AND c.tenant_id = %(tenant_id)s AND d.id = c.document_id
      AND d.tenant_id = c.tenant_id AND d.state IN ('failed', 'superseded', 'deleted')
      AND NOT EXISTS (
          SELECT 1 FROM jobs j WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state = 'running')
"""
_SELECT_GONE: LiteralString = """
    SELECT sha256, state FROM documents
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s
      AND (state IN ('failed', 'superseded', 'deleted') OR cold_at IS NOT NULL)
"""
_SELECT_WANTED: LiteralString = """
    SELECT 1 AS wanted FROM documents
    WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s AND state <> 'deleted' LIMIT 1
"""
_DELETE_TEXT: LiteralString = """
    DELETE FROM document_texts t USING documents d
    WHERE t.document_id = %(document_id)s AND t.tenant_id = %(tenant_id)s AND d.id = t.document_id
      AND d.tenant_id = t.tenant_id AND d.state IN ('failed', 'superseded', 'deleted')
"""
_SELECT_TEXTS: LiteralString = """
    SELECT ordinal, heading, text, lead FROM chunks
    WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s AND ordinal >= %(ordinal)s
    ORDER BY ordinal LIMIT %(limit)s
"""
TURN_S = 5.0
FORGOTTEN_AT_ONCE = 500

Forget = Callable[[TenantId, str, Sequence[str]], Awaitable[None]]
"""Forgets what caches keep of texts of a tenant that a model embedded. Raises nothing for a cache that is away."""

_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))"


async def _forget_nothing(_tenant_id: TenantId, _model: str, _texts: Sequence[str]) -> None:
    """Forget what nobody keeps."""


class Discard:
    """Cleans up after documents that failed, were superseded or were removed. Repeating it changes nothing."""

    def __init__(
        self, database: Database, blobs: Blobs, editions: Editions, *, forget: Forget = _forget_nothing
    ) -> None:
        """`forget` is told what each model embedded of a document, before that goes."""
        self._forget = forget
        self._database = database
        self._blobs = blobs
        self._editions = editions
        # A removal that hangs holds a connection to PostgreSQL with the right to say what is wanted: one, not all.
        self._removing = asyncio.Lock()

    async def document(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        """Remove the points, then text and chunks, then the original if the document was removed and no other has it.

        The points go from every edition that is there now: a worker may have given it to one a moment ago. The chunks'
        rows outlive the points: while there are rows, there may be points. Of a cold document only the points are
        removed; one that is not gone is left alone. Raises StoreUnavailable; the reconciler comes back to what is left
        then.
        """
        key = {"tenant_id": tenant_id, "document_id": document_id}
        async with self._database.connection("document.discard") as conn:
            gone = await (await conn.execute(_SELECT_GONE, key)).fetchone()
        if gone is None:
            return
        kept = await self._editions.kept()
        await self._forget_texts(key, tenant_id, {one.edition.model for one in kept})
        # Else one that comes back would pass for one whose points are there.
        await self._editions.given.forget(tenant_id, document_id)
        for one in kept:
            await one.index.remove_document(tenant_id, document_id)
        async with self._database.connection("document.discard") as conn:
            await conn.execute(_DELETE_TEXT, key)
            await conn.execute(_DELETE_CHUNKS, key)
        if gone["state"] == DocumentState.DELETED:
            await self.blob(tenant_id, gone["sha256"])

    async def _forget_texts(self, key: Mapping[str, object], tenant_id: TenantId, models: Collection[str]) -> None:
        ordinal = 0
        while True:
            async with self._database.connection("document.discard") as conn:
                cursor = await conn.execute(_SELECT_TEXTS, {**key, "ordinal": ordinal, "limit": FORGOTTEN_AT_ONCE})
                rows = await cursor.fetchall()
            if not rows:
                return
            texts = [embedded_text(row["heading"], row["text"], row["lead"]) for row in rows]
            for model in models:
                await self._forget(tenant_id, model, texts)
            ordinal = rows[-1]["ordinal"] + 1

    async def blob(self, tenant_id: TenantId, sha256: bytes) -> bool:
        """Remove an original that no document of the tenant refers to any more; say whether it was removed.

        Raises StoreUnavailable, also when another removal of this process takes too long.
        """
        async with self._turn(), self._database.transaction("document.discard_blob") as conn:
            await lock_blob(conn, tenant_id, sha256)
            wanted = await conn.execute(_SELECT_WANTED, {"tenant_id": tenant_id, "sha256": sha256})
            if await wanted.fetchone() is not None:
                return False
            await self._blobs.remove(tenant_id, sha256)
        return True

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(TURN_S):
                await self._removing.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("the blob store does not answer", store="blobs") from error
        try:
            yield
        finally:
            self._removing.release()


async def lock_blob(conn: Connection, tenant_id: TenantId, sha256: bytes) -> None:
    """Hold the right to say whether a blob is wanted until the transaction ends, so that adding excludes removing."""
    await conn.execute(_LOCK, {"key": f"blob:{tenant_id}:{sha256.hex()}"})


async def lock_name(conn: Connection, tenant_id: TenantId, name: str) -> None:
    """Hold the right to say which version of a document is live until the transaction ends. Taken before a blob's."""
    await conn.execute(_LOCK, {"key": f"document:{tenant_id}:{name}"})
