"""Takes a document from its original to points, step by step, and can begin again after any of them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import structlog

from app.blobs import Blobs
from app.cancel import cancel
from app.errors import StoreUnavailable, SwitchyardError, Unavailable
from app.ids import DocumentId, TenantId
from app.jobs.rows import ClaimedJob, Jobs
from app.jobs.stopping import while_kept
from app.postgres import Database
from app.retrieval import sparse
from app.retrieval.discard import Discard
from app.retrieval.editions.edition import EditionState
from app.retrieval.editions.editions import Editions, Open
from app.retrieval.parser import Parser
from app.retrieval.points import Point
from app.retrieval.states import GONE, WHOLE, DocumentState, JobKind, code_of
from app.retrieval.unreadable import WORDS, DocumentUnreadable, Unreadable
from app.retrieval.vectors import BATCH, EmbedFor, sized, text_of, vectors_of
from app.retrieval.versions import DocumentGone, StoredChunk, Version, Versions, go_live, replace_text, set_state

CHUNKED_AT = 0.1
INDEXED_AT = 0.99
"""Of the progress; what lies between is embedding."""
AHEAD = 2
"""Batches of one document that are embedded at a time: while one is made ready or written, a node has the other."""

SERVING = EditionState.SERVING

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Ingest:
    """Does ingestion jobs. Any step may be cut off at any moment and done again: ids are derived, writes replace.

    received → (parse and chunk in a throw-away process) → parsed → chunked → (embed, upsert) → indexed → ready.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        blobs: Blobs,
        editions: Editions,
        discard: Discard,
        *,
        parser: Parser,
        embed: EmbedFor,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._blobs = blobs
        self._editions = editions
        self._parser = parser
        self._embed = embed
        self._versions = Versions(database)
        self._discard = discard

    async def do(self, job: ClaimedJob) -> None:
        """Do what is left of a job and close it. Raises Refused, Unavailable."""
        try:
            await self._complete(job)
        except DocumentGone:
            await self._leave(job)
        except DocumentUnreadable as error:
            await self._end(job, error.why, WORDS[error.why])

    async def fail(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """End a job that cannot be done, and its document unless that is ready."""
        await self._end(job, why.code, why.detail)

    async def clean(self, job: ClaimedJob) -> None:
        """Take away what an ingestion left that nobody goes on with."""
        await self._clean(job.tenant_id, document_of(job))

    async def _complete(self, job: ClaimedJob) -> None:
        version = await self._version(job)
        if version.state in {DocumentState.RECEIVED, DocumentState.PARSED}:
            await self._chunk(job, version)
        await self._give(job, version)
        # Another edition may serve since it was looked.
        while not await self._finish(job, version):
            await self._give(job, version)

    async def _version(self, job: ClaimedJob) -> Version:
        version = await self._versions.find(job.tenant_id, document_of(job))
        if version is None or version.state in GONE:
            raise DocumentGone
        if version.state is DocumentState.COLD and job.kind != JobKind.RESTORE:
            raise DocumentGone
        return version

    async def _chunk(self, job: ClaimedJob, version: Version) -> None:
        try:
            async with self._blobs.open(version.tenant_id, version.sha256) as source:
                parsing = self._parser.parse(source, version.media_type, version.charset)
                parsed = await while_kept(parsing, partial(self._keep, job))
        except FileNotFoundError as error:
            raise StoreUnavailable("the original is not in the blob store", store="blobs") from error
        if not parsed.chunks:
            raise DocumentUnreadable(Unreadable.NO_TEXT)
        counts = {"pages": len(parsed.pages) or None, "chunks": len(parsed.chunks), "chunks_done": 0}
        await self._jobs.advance(job, DocumentState.PARSED, CHUNKED_AT / 2, counts)
        async with self._database.transaction("ingest.chunks") as conn:
            await self._jobs.hold(conn, job)
            await replace_text(conn, version, parsed)
        await self._jobs.advance(job, DocumentState.CHUNKED, CHUNKED_AT)

    async def _give(self, job: ClaimedJob, version: Version) -> None:
        """Give the document to the edition that serves, so that it is found; a reindexing, to each that lacks it."""
        holdings = await self._editions.given.holdings(version.tenant_id, version.id)
        if not holdings:
            raise StoreUnavailable("there is no index yet", store="qdrant")
        for holding in holdings:
            is_due = not holding.is_whole if job.kind == JobKind.REINDEX else holding.edition.state is SERVING
            if is_due and holding.edition.state is SERVING and holding.edition.model != version.embed_model:
                await self._keep(job)
                await self._versions.set_model(version, holding.edition.model)
            if is_due:
                await self._point(job, version, self._editions.open(holding.edition), holding.chunks_done)

    async def _point(self, job: ClaimedJob, version: Version, into: Open, done: int) -> None:
        """Give every chunk its point, from where an earlier attempt stopped, and have Qdrant count them."""
        total = await self._versions.count_chunks(version)
        for _ in range(2):
            await self._embed_from(job, version, into, done, total)
            if await into.index.count(version.tenant_id, version.id) == total:
                await self._note(job, version, into, total, is_whole=True)
                if version.state not in WHOLE:
                    await self._set_indexed(job, version)
                await self._jobs.advance(job, DocumentState.INDEXED, INDEXED_AT)
                return
            # Points were lost, or there are some of another time: only a fresh start is sure.
            await self._note(job, version, into, 0)
            await into.index.remove_document(version.tenant_id, version.id)
            done = 0
        raise StoreUnavailable("Qdrant does not keep the points that it takes", store="qdrant")

    async def _keep(self, job: ClaimedJob) -> None:
        """Go on only with a job that is this worker's still: Qdrant would not tell a late write from a present one."""
        async with self._database.connection("ingest.keep") as conn:
            await self._jobs.hold(conn, job)

    async def _set_indexed(self, job: ClaimedJob, version: Version) -> None:
        async with self._database.transaction("ingest.indexed") as conn:
            await self._jobs.hold(conn, job)
            await set_state(conn, version, DocumentState.INDEXED)

    async def _note(self, job: ClaimedJob, version: Version, into: Open, done: int, *, is_whole: bool = False) -> None:
        async with self._database.transaction("ingest.given") as conn:
            await self._jobs.hold(conn, job)
            given = self._editions.given
            await given.advance(conn, into.edition, version.tenant_id, version.id, done, is_whole=is_whole)

    async def _embed_from(self, job: ClaimedJob, version: Version, into: Open, done: int, total: int) -> None:
        """Embed the next batch while one is written; they are written in order, so `done` says where to go on."""
        asked, embedding = done, deque[asyncio.Task[list[Point]]]()
        try:
            while done < total:
                while asked < total and len(embedding) < AHEAD:
                    rows = sized(await self._versions.list_chunks(version, ordinal=asked, limit=BATCH))
                    if not rows:
                        raise DocumentGone
                    await self._version(job)
                    embedding.append(asyncio.create_task(self._points(job, version, into, rows)))
                    asked += len(rows)
                points = await embedding[0]
                embedding.popleft()
                await self._keep(job)
                await into.index.upsert(points)
                done += len(points)
                await self._note(job, version, into, done)
                counts = {"chunks": total, "chunks_done": done}
                progress = CHUNKED_AT + (INDEXED_AT - CHUNKED_AT) * done / total
                await self._jobs.advance(job, DocumentState.CHUNKED, progress, counts)
        finally:
            await cancel(embedding)
            # Whatever became of those that were ahead: it does not matter any more.
            await asyncio.gather(*embedding, return_exceptions=True)

    async def _points(self, job: ClaimedJob, version: Version, into: Open, rows: Sequence[StoredChunk]) -> list[Point]:
        texts = [text_of(row) for row in rows]
        embed = partial(self._embed, job.tenant_id, JobKind(job.kind), into.edition.model)
        vectors = await vectors_of(embed, texts)
        return [
            Point(
                row.id, version.tenant_id, version.id, row.ordinal, list(vector), sparse.of_chunk(text), version.ticker
            )
            for row, text, vector in zip(rows, texts, vectors, strict=True)
        ]

    async def _finish(self, job: ClaimedJob, version: Version) -> bool:
        """Make the document live, unless the edition that serves lacks it; return whether it was made so."""
        async with self._database.transaction("ingest.finish") as conn:
            await self._jobs.hold(conn, job)
            if not await self._editions.given.is_served(conn, version.tenant_id, version.id):
                return False
            state, unwanted = await go_live(conn, version)
            await self._jobs.close(conn, job, state)
        log.info("ingest.done", state=state.value)
        for document_id in unwanted:
            await self._clean(version.tenant_id, document_id)
        return True

    async def _end(self, job: ClaimedJob, code: str, detail: str) -> None:
        version = await self._versions.find(job.tenant_id, document_of(job))
        async with self._database.transaction("ingest.fail") as conn:
            await self._jobs.close(conn, job, DocumentState.FAILED, code=code, detail=detail)
            if version is not None and job.kind == JobKind.REINDEX:
                await self._editions.given.fail(conn, version.tenant_id, version.id, code)
            # A document that cannot be indexed again keeps serving with what it has; a cold one stays cold.
            if version is not None and version.state not in {*GONE, *WHOLE}:
                with suppress(DocumentGone):
                    await set_state(conn, version, DocumentState.FAILED, code)
        log.warning("ingest.failed", code=code)
        await self._clean(job.tenant_id, document_of(job))

    async def _leave(self, job: ClaimedJob) -> None:
        version = await self._versions.find(job.tenant_id, document_of(job))
        state = DocumentState.DELETED if version is None else version.state
        async with self._database.transaction("ingest.leave") as conn:
            await self._jobs.close(conn, job, state, code=code_of(state), detail=f"the document is {state.value}")
        await self._clean(job.tenant_id, document_of(job))

    async def _clean(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        try:
            await self._discard.document(tenant_id, document_id)
        except Unavailable as error:
            log.warning("document.left_behind", document_id=str(document_id), code=error.code, detail=error.detail)


def document_of(job: ClaimedJob) -> DocumentId:
    """Return the document that the job is about."""
    return DocumentId(job.subject_id)
