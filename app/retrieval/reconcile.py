"""Finds what a crash or a lost store left different between PostgreSQL, Qdrant and the blobs, and has it put right."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.blobs import Blobs
from app.errors import StoreUnavailable
from app.ids import DocumentId, TenantId
from app.postgres import Database
from app.retrieval.discard import Discard
from app.retrieval.editions.backfill import Backfill
from app.retrieval.editions.editions import Editions, Open

AT_ONCE = 100
"""Rows looked at in one round of each kind: a round is short, and the next one goes on."""
PAGES_AT_ONCE = 50
"""Of documents that all have to be embedded anew."""
ORPHAN_S = 3600.0

_SELECT_LEFT: LiteralString = """
    SELECT d.id AS document_id, d.tenant_id FROM documents d
    WHERE d.state IN ('failed', 'superseded', 'deleted') AND (
        EXISTS (SELECT 1 FROM chunks c WHERE c.document_id = d.id AND c.tenant_id = d.tenant_id)
        OR EXISTS (SELECT 1 FROM document_texts t WHERE t.document_id = d.id AND t.tenant_id = d.tenant_id)
    ) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state = 'running')
    LIMIT %(limit)s
"""
_SELECT_READY: LiteralString = """
    SELECT d.id AS document_id, d.tenant_id,
           (SELECT count(*) FROM chunks c WHERE c.document_id = d.id AND c.tenant_id = d.tenant_id) AS chunks,
           ARRAY(SELECT g.number FROM document_editions g
                 WHERE g.document_id = d.id AND g.tenant_id = d.tenant_id AND g.given_at IS NOT NULL) AS given
    FROM documents d
    WHERE d.state = 'ready' AND d.cold_at IS NULL AND d.id > %(after)s AND NOT EXISTS (
        SELECT 1 FROM jobs j
        WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state IN ('accepted', 'running'))
    ORDER BY d.id LIMIT %(limit)s
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reconciled(msgspec.Struct, frozen=True):
    """What one round found and put right or had queued."""

    discarded: int = 0
    reindexed: int = 0
    blobs_removed: int = 0


class _Ready(msgspec.Struct, frozen=True):
    document_id: DocumentId
    tenant_id: TenantId
    chunks: int
    given: tuple[int, ...]


class Reconciler:
    """Each `run` is one bounded round; ready documents and originals are gone through over many rounds, then again."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        editions: Editions,
        discard: Discard,
        backfill: Backfill,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._editions = editions
        self._backfill = backfill
        self._discard = discard
        self._after = UUID(int=0)
        self._first_byte = 0

    async def run(self) -> Reconciled:
        """Look at one part of everything. Raises StoreUnavailable; what was put right before stays so."""
        blobs_removed = await self._orphans()
        found = Reconciled(
            blobs_removed=blobs_removed,
            discarded=await self._left_behind(),
            reindexed=await self._differing(),
        )
        if found != Reconciled():
            log.info("reconcile.done", **msgspec.structs.asdict(found))
        return found

    async def _left_behind(self) -> int:
        async with self._database.connection("reconcile.left") as conn:
            rows = await (await conn.execute(_SELECT_LEFT, {"limit": AT_ONCE})).fetchall()
        for row in rows:
            await self._discard.document(row["tenant_id"], row["document_id"])
        return len(rows)

    async def _differing(self) -> int:
        """Forget what was given of documents whose points are missing, and queue what editions lack; return how many.

        Where a whole page is so, the index is another one: then the next page follows at once.
        """
        lost = 0
        kept = await self._editions.kept()
        for _ in range(PAGES_AT_ONCE):
            ready = await self._ready()
            differing = [document for document in ready if await _differs(document, kept)]
            for document in differing:
                await self._editions.given.forget(document.tenant_id, document.document_id)
            lost += len(differing)
            self._after = ready[-1].document_id if len(ready) == AT_ONCE else UUID(int=0)
            if len(differing) < AT_ONCE:
                break
        if lost:
            log.warning("reconcile.reindexing", documents=lost, why="points are missing")
        return await self._backfill.queue()

    async def _ready(self) -> list[_Ready]:
        async with self._database.connection("reconcile.ready") as conn:
            cursor = await conn.execute(_SELECT_READY, {"after": self._after, "limit": AT_ONCE})
            return msgspec.convert(await cursor.fetchall(), list[_Ready])

    async def _orphans(self) -> int:
        """Remove originals that no document has: the process died between writing one and its rows."""
        removed = await self._blobs.remove_staged(older_than_s=ORPHAN_S)
        self._first_byte = (self._first_byte + 1) % 256
        for tenant_id, sha256 in await self._blobs.list_old(self._first_byte, older_than_s=ORPHAN_S):
            try:
                removed += await self._discard.blob(tenant_id, sha256)
            except StoreUnavailable as error:
                if error.facts.get("store") != "blobs":
                    raise
        return removed


async def _differs(document: _Ready, kept: Sequence[Open]) -> bool:
    """Whether an edition that was given a document has another number of points of it."""
    for one in kept:
        if one.edition.number in document.given:
            counted = await one.index.count(document.tenant_id, document.document_id)
            if counted != document.chunks:
                return True
    return False
