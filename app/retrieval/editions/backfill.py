"""Brings documents into the editions that lack them: prepared, queued, compared once whole."""

from typing import LiteralString

import msgspec
import structlog

from app.errors import Refused, Unavailable
from app.ids import DocumentId, TenantId
from app.jobs import rows as jobs
from app.postgres import Database
from app.retrieval.editions.edition import Edition, EditionState, Progress
from app.retrieval.editions.editions import Editions
from app.retrieval.editions.recall import compare
from app.retrieval.states import REINDEX, JobKind
from app.retrieval.vectors import EmbedFor
from app.telemetry.metrics import Metrics

AT_ONCE = 100
"""Documents queued in one transaction: queueing one takes a millisecond."""
WAITING = 500
"""Jobs that wait or run at most: the rest stays where it is noted anyway."""

_TAKE_TURN: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtextextended('backfill:' || %(alias)s, 0)) AS is_mine"
_SELECT_LACKING: LiteralString = """
    SELECT d.id AS document_id, d.tenant_id FROM documents d
    WHERE d.state = 'ready' AND d.cold_at IS NULL
      AND EXISTS (
        SELECT 1 FROM editions e
        WHERE e.alias = %(alias)s AND e.state <> 'retired' AND e.dense_size IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM document_editions g
            WHERE g.document_id = d.id AND g.tenant_id = d.tenant_id AND g.number = e.number
              AND (g.given_at IS NOT NULL OR g.error_code IS NOT NULL)))
      AND NOT EXISTS (
        SELECT 1 FROM jobs j
        WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state IN ('accepted', 'running'))
    LIMIT greatest(0, least(%(limit)s, %(waiting)s - (
        SELECT count(*) FROM jobs WHERE kind = %(kind)s AND state IN ('accepted', 'running'))))
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class _Lacking(msgspec.Struct, frozen=True):
    document_id: DocumentId
    tenant_id: TenantId


class Backfill:
    """Each `run` is a bounded round; rows say what is left, so that any worker goes on where another one died."""

    def __init__(self, database: Database, editions: Editions, metrics: Metrics, *, embed: EmbedFor) -> None:
        self._database = database
        self._editions = editions
        self._metrics = metrics
        self._embed = embed

    async def run(self) -> None:
        """Do what is due for the editions. Raises Unavailable; the next round goes on."""
        editions = await self._editions.rows.list()
        for one in editions:
            if one.state is EditionState.BUILDING and one.dense_size is None:
                await self._prepare(one)
        await self.queue()
        for one in editions:
            if one.state is EditionState.BUILDING and one.recall is None:
                await self._compare(editions[0], one)

    async def count(self) -> None:
        """Set the gauges of how far the editions are. Raises StoreUnavailable."""
        editions = {one.state: one for one in await self._editions.rows.list()}
        for state in EditionState:
            edition = editions.get(state)
            found = Progress(0, 0, 0) if edition is None else await self._editions.rows.progress(edition)
            for name, documents in (("given", found.given), ("lacking", found.lacking), ("failed", found.failed)):
                self._metrics.edition_documents.labels(state.value, name).set(documents)

    async def queue(self) -> int:
        """Queue documents that an edition lacks, as background work; return how many. Raises StoreUnavailable."""
        queued = 0
        while added := await self._queue_some():
            queued += added
        if queued:
            log.info("backfill.queued", documents=queued)
        return queued

    async def _queue_some(self) -> int:
        alias = {"alias": self._editions.alias}
        values = {**alias, "limit": AT_ONCE, "waiting": WAITING, "kind": REINDEX.name}
        async with self._database.transaction("backfill.queue") as conn:
            turn = await (await conn.execute(_TAKE_TURN, alias)).fetchone()
            if turn is None or not turn["is_mine"]:
                return 0
            rows = await (await conn.execute(_SELECT_LACKING, values)).fetchall()
            for document in msgspec.convert(rows, list[_Lacking]):
                await jobs.insert(conn, REINDEX, document.tenant_id, document.document_id)
        return len(rows)

    async def _prepare(self, edition: Edition) -> None:
        """Ask the model how long its vectors are, and make the collection for them."""
        try:
            vectors = await self._embed(None, JobKind.REINDEX, edition.model, ["size"])
        except (Refused, Unavailable) as error:
            problem = error.detail or error.code
            if problem != edition.problem:
                await self._editions.rows.trouble(edition, problem)
                log.warning("edition.not_prepared", number=edition.number, model=edition.model, problem=problem)
            return
        prepared = msgspec.structs.replace(edition, dense_size=len(vectors[0]))
        await self._editions.open(prepared).index.ensure_collection()
        await self._editions.rows.prepare(edition, len(vectors[0]))
        log.info("edition.prepared", number=edition.number, model=edition.model, dense_size=len(vectors[0]))

    async def _compare(self, serving: Edition, edition: Edition) -> None:
        """Ask an edition that has every document what the one that serves is asked, and note what each found."""
        progress = await self._editions.rows.progress(edition)
        if edition.dense_size is None or progress.lacking > progress.failed:
            return
        recall = await compare(self._database, self._editions.open(serving), self._editions.open(edition), self._embed)
        await self._editions.rows.compared(edition, recall)
        log.info("edition.compared", number=edition.number, is_worse=recall.is_worse, **msgspec.structs.asdict(recall))
