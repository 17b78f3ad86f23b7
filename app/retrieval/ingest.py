"""Takes a document from its original to points, step by step, and can begin again after any of them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from app.blobs import Blobs
from app.errors import ContextTooLong, NodeFailed, StoreUnavailable, SwitchyardError, Unavailable
from app.ids import DocumentId, TenantId
from app.jobs.rows import ClaimedJob, Jobs
from app.postgres import Database
from app.retrieval import sparse
from app.retrieval.chunks import embedded_text
from app.retrieval.discard import Discard
from app.retrieval.parser import Parser
from app.retrieval.points import Point
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.states import GONE, DocumentState, JobKind, code_of
from app.retrieval.unreadable import WORDS, DocumentUnreadable, Unreadable
from app.retrieval.versions import DocumentGone, Version, Versions, go_live, set_state

EmbedFor = Callable[[ClaimedJob, Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""Embeds texts for a job, on its tenant's account: one vector a text, in order.

May raise Unavailable, ContextTooLong or Refused.
"""

BATCH = 32
"""Chunks embedded in one call: about two seconds of a small model on two cores, so others are not kept waiting."""
LEAST_CHARS = 40
"""A text is never cut below this to fit the model."""
CHUNKED_AT = 0.1
INDEXED_AT = 0.99
"""Of the progress; what lies between is embedding."""

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
        index: QdrantPeers,
        discard: Discard,
        *,
        parser: Parser,
        embed: EmbedFor,
        embed_model: str,
    ) -> None:
        """`embed_model` names the model that `embed` asks: another one than before embeds a document anew."""
        self._database = database
        self._jobs = jobs
        self._blobs = blobs
        self._index = index
        self._parser = parser
        self._embed = embed
        self._embed_model = embed_model
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

    async def _complete(self, job: ClaimedJob) -> None:
        version = await self._version(job)
        if version.state in {DocumentState.RECEIVED, DocumentState.PARSED}:
            await self._chunk(job, version)
        if version.state is not DocumentState.INDEXED:
            await self._point(job, version)
        await self._finish(job, version)

    async def _version(self, job: ClaimedJob) -> Version:
        version = await self._versions.find(job.tenant_id, document_of(job))
        if version is None or version.state in GONE:
            raise DocumentGone
        return version

    async def _chunk(self, job: ClaimedJob, version: Version) -> None:
        try:
            async with self._blobs.open(version.tenant_id, version.sha256) as source:
                parsed = await self._parser.parse(source, version.media_type, version.charset)
        except FileNotFoundError as error:
            raise StoreUnavailable("the original is not in the blob store", store="blobs") from error
        if not parsed.chunks:
            raise DocumentUnreadable(Unreadable.NO_TEXT)
        await self._jobs.advance(job, DocumentState.PARSED, CHUNKED_AT / 2)
        await self._versions.replace_text(version, parsed)
        await self._jobs.advance(job, DocumentState.CHUNKED, CHUNKED_AT)

    async def _point(self, job: ClaimedJob, version: Version) -> None:
        """Give every chunk its point, from where an earlier attempt stopped, and have Qdrant count them."""
        total = await self._versions.count_chunks(version)
        start = await self._start(job, version)
        for _ in range(2):
            await self._embed_from(job, version, start, total)
            if await self._index.count(version.tenant_id, version.id) == total:
                if version.state is not DocumentState.READY:
                    await self._versions.set_indexed(version)
                await self._jobs.advance(job, DocumentState.INDEXED, INDEXED_AT)
                return
            # Points were lost, or there are some of another time: only a fresh start is sure.
            await self._index.remove_document(version.tenant_id, version.id)
            start = 0
        raise StoreUnavailable("Qdrant does not keep the points that it takes", store="qdrant")

    async def _start(self, job: ClaimedJob, version: Version) -> int:
        """Return the first ordinal to embed. Batches are written in order, so the points there are, are the first."""
        if version.embed_model != self._embed_model:
            if version.state is not DocumentState.READY:
                await self._index.remove_document(version.tenant_id, version.id)
            await self._versions.set_model(version, self._embed_model)
            return 0
        if job.kind == JobKind.REINDEX:
            return 0
        return await self._index.count(version.tenant_id, version.id) // BATCH * BATCH

    async def _embed_from(self, job: ClaimedJob, version: Version, start: int, total: int) -> None:
        for ordinal in range(start, total, BATCH):
            await self._version(job)
            rows = await self._versions.list_chunks(version, ordinal=ordinal, limit=BATCH)
            texts = [embedded_text(row.heading, row.text, row.lead) for row in rows]
            vectors = await self._vectors(job, texts)
            await self._index.upsert(
                [
                    Point(row.id, version.tenant_id, version.id, row.ordinal, list(vector), sparse.of_chunk(text))
                    for row, text, vector in zip(rows, texts, vectors, strict=True)
                ]
            )
            share = min(1.0, (ordinal + BATCH) / total)
            await self._jobs.advance(job, DocumentState.CHUNKED, CHUNKED_AT + (INDEXED_AT - CHUNKED_AT) * share)

    async def _vectors(self, job: ClaimedJob, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        try:
            vectors = await self._embed(job, texts)
        except ContextTooLong:
            # Rare: more tokens than were estimated. The front of a text stands for it in the dense search; its sparse
            # vector still has all of its words.
            if len(texts) > 1:
                return [(await self._vectors(job, [text]))[0] for text in texts]
            if len(texts[0]) <= LEAST_CHARS:
                raise
            return await self._vectors(job, [texts[0][: len(texts[0]) // 2]])
        if len(vectors) != len(texts):
            raise NodeFailed(f"{len(texts)} texts gave {len(vectors)} vectors")
        return vectors

    async def _finish(self, job: ClaimedJob, version: Version) -> None:
        async with self._database.transaction("ingest.finish") as conn:
            state, unwanted = await go_live(conn, version)
            await self._jobs.close(conn, job, state)
        log.info("ingest.done", state=state.value)
        for document_id in unwanted:
            await self._clean(version.tenant_id, document_id)

    async def _end(self, job: ClaimedJob, code: str, detail: str) -> None:
        version = await self._versions.find(job.tenant_id, document_of(job))
        async with self._database.transaction("ingest.fail") as conn:
            await self._jobs.close(conn, job, DocumentState.FAILED, code=code, detail=detail)
            # A document that cannot be indexed again keeps serving with what it has.
            if version is not None and version.state not in {*GONE, DocumentState.READY}:
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
