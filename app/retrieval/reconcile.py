"""Finds what a crash or a lost store left different between PostgreSQL, Qdrant and the blobs, and has it put right."""

from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.blobs import Blobs
from app.errors import StoreUnavailable
from app.ids import DocumentId, TenantId
from app.jobs import rows as jobs
from app.jobs.lost import LostJobs
from app.postgres import Connection, Database
from app.retrieval.discard import Discard
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.states import DOCUMENT_JOBS, REINDEX
from app.telemetry.metrics import Metrics

AT_ONCE = 100
"""Rows looked at in one round of each kind: a round is short, and the next one goes on."""
PAGES_AT_ONCE = 50
"""Of documents that all have to be embedded anew: queueing one takes a millisecond."""
ORPHAN_S = 3600.0

_SELECT_LEFT: LiteralString = """
    SELECT DISTINCT d.id AS document_id, d.tenant_id
    FROM documents d JOIN chunks c ON c.document_id = d.id AND c.tenant_id = d.tenant_id
    WHERE d.state IN ('failed', 'superseded', 'deleted') AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state = 'running')
    LIMIT %(limit)s
"""
_SELECT_READY: LiteralString = """
    SELECT d.id AS document_id, d.tenant_id, d.embed_model,
           (SELECT count(*) FROM chunks c WHERE c.document_id = d.id AND c.tenant_id = d.tenant_id) AS chunks
    FROM documents d
    WHERE d.state = 'ready' AND d.id > %(after)s AND NOT EXISTS (
        SELECT 1 FROM jobs j
        WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state IN ('accepted', 'running'))
    ORDER BY d.id LIMIT %(limit)s
"""
_FAIL_DOCUMENT: LiteralString = """
    UPDATE documents SET state = 'failed', error_code = 'internal', updated_at = now()
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state IN ('received', 'parsed', 'chunked', 'indexed')
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reconciled(msgspec.Struct, frozen=True):
    """What one round found and put right or had queued."""

    discarded: int = 0
    reindexed: int = 0
    queued_again: int = 0
    given_up: int = 0
    blobs_removed: int = 0


class _Ready(msgspec.Struct, frozen=True):
    document_id: DocumentId
    tenant_id: TenantId
    embed_model: str | None
    chunks: int


class Reconciler:
    """Each `run` is one bounded round; ready documents and originals are gone through over many rounds, then again."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        index: QdrantPeers,
        discard: Discard,
        metrics: Metrics,
        *,
        embed_model: str,
    ) -> None:
        """`embed_model` embeds questions now: vectors of another model mean nothing beside theirs."""
        self._database = database
        self._blobs = blobs
        self._index = index
        self._embed_model = embed_model
        self._discard = discard
        self._lost = LostJobs(database, metrics, DOCUMENT_JOBS, _give_up)
        self._after = UUID(int=0)
        self._first_byte = 0

    async def run(self) -> Reconciled:
        """Look at one part of everything. Raises StoreUnavailable; what was put right before stays so.

        Jobs first, for they need PostgreSQL only.
        """
        queued_again, given_up = await self._lost.requeue()
        blobs_removed = await self._orphans()
        found = Reconciled(
            queued_again=queued_again,
            given_up=given_up,
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
        """Queue ready documents whose points are missing or of another model; return how many.

        Where a whole page is so, the index is another one or the model has changed: then the next page follows at once.
        """
        reindexed = 0
        for _ in range(PAGES_AT_ONCE):
            ready = await _ready(self._database, self._after)
            differing = [document for document in ready if await self._differs(document)]
            for document in differing:
                await _queue(self._database, document)
            reindexed += len(differing)
            self._after = ready[-1].document_id if len(ready) == AT_ONCE else UUID(int=0)
            if len(differing) < AT_ONCE:
                break
        if reindexed:
            log.warning("reconcile.reindexing", documents=reindexed, why="points are missing or of another model")
        return reindexed

    async def _differs(self, document: _Ready) -> bool:
        if document.embed_model != self._embed_model:
            return True
        return await self._index.count(document.tenant_id, document.document_id) != document.chunks

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


async def reindex_all(database: Database) -> int:
    """Queue every ready document to be embedded anew; return how many. Raises StoreUnavailable.

    One with a job under way is left out: that job writes its points.
    """
    queued, after = 0, UUID(int=0)
    while ready := await _ready(database, after):
        for document in ready:
            await _queue(database, document)
        queued, after = queued + len(ready), ready[-1].document_id
    return queued


async def _ready(database: Database, after: UUID) -> list[_Ready]:
    async with database.connection("reconcile.ready") as conn:
        cursor = await conn.execute(_SELECT_READY, {"after": after, "limit": AT_ONCE})
        return msgspec.convert(await cursor.fetchall(), list[_Ready])


async def _queue(database: Database, document: _Ready) -> None:
    async with database.transaction("reconcile.reindex") as conn:
        await jobs.insert(conn, REINDEX, document.tenant_id, document.document_id)


async def _give_up(conn: Connection, tenant_id: TenantId, document_id: UUID) -> None:
    await conn.execute(_FAIL_DOCUMENT, {"tenant_id": tenant_id, "document_id": document_id})
