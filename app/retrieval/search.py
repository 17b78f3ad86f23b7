"""Finds the passages that may answer a question."""

from collections.abc import Awaitable, Callable, Sequence
from typing import LiteralString

import msgspec
import structlog

from app.errors import NodeFailed
from app.ids import ChunkId, DocumentId, TenantId
from app.postgres import Database
from app.retrieval import sparse
from app.retrieval.chunks import estimate_tokens
from app.retrieval.passages import Passage as Passage
from app.retrieval.pertinence import fold, pertinent
from app.retrieval.qdrant import QdrantPeers

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""Embeds texts: one vector a text, in order. May raise Unavailable."""

LIMIT = 50
CONTEXT_TOKENS = 4_000
"""What the passages of a question may come to together, as estimated: a prompt must fit a model's context."""
SPARE = 2
"""Points asked for beyond the limit, as a factor: some may belong to documents that were just removed or replaced, or
hold a text that another holds too."""

# What Qdrant says is only a proposal: a chunk counts if it is the tenant's and its document is live now.
_SELECT: LiteralString = """
    SELECT c.id, c.document_id, d.name AS document, c.heading, c.text, c.start_offset, c.end_offset,
           d.title, c.page, c.lead
    FROM chunks c JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
    WHERE c.id = ANY(%(ids)s) AND c.tenant_id = %(tenant_id)s AND d.state = 'ready'
"""
_COUNT_FOREIGN: LiteralString = """
    SELECT count(*) AS foreign_chunks FROM chunks WHERE id = ANY(%(ids)s) AND tenant_id <> %(tenant_id)s
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class _Row(msgspec.Struct, frozen=True):
    id: ChunkId
    document_id: DocumentId
    document: str
    heading: str
    text: str
    start_offset: int
    end_offset: int
    title: str
    page: int | None
    lead: str

    def scored(self, score: float) -> Passage:
        return Passage(
            self.id,
            self.document_id,
            self.document,
            self.heading,
            self.text,
            self.start_offset,
            self.end_offset,
            score,
            title=self.title,
            page=self.page,
            lead=self.lead,
        )


class Search:
    """Asks the index for the nearest chunks by meaning and by words, and PostgreSQL for what they say."""

    def __init__(self, database: Database, index: QdrantPeers) -> None:
        self._database = database
        self._index = index

    async def passages(self, tenant_id: TenantId, question: str, *, embed: Embed, limit: int) -> list[Passage]:
        """Return up to `limit` (at most 50) passages of the tenant's live documents, best first, at most 4,000 tokens.

        Each text comes once, and what is beside the point not at all (see `pertinence`). No connection is held while
        the question is embedded. Raises StoreUnavailable (Qdrant, PostgreSQL), and what `embed` raises.
        """
        wanted = max(1, min(limit, LIMIT))
        vectors = await embed([question])
        if len(vectors) != 1:
            raise NodeFailed(f"1 text gave {len(vectors)} vectors")
        found: list[Passage] = []
        for asked in sorted({min(LIMIT, wanted * SPARE), LIMIT}):
            points = await self._index.query(tenant_id, vectors[0], sparse.of_question(question), limit=asked)
            found = fold(await self._passages(tenant_id, {ChunkId(point.id): point.score for point in points}))
            if len(found) >= wanted or len(points) < asked:
                break
        return fit(pertinent(found, question)[:wanted], CONTEXT_TOKENS)

    async def _passages(self, tenant_id: TenantId, scores: dict[ChunkId, float]) -> list[Passage]:
        """Return what the points say that are the tenant's and live, in their order."""
        if not scores:
            return []
        found = {row.id: row.scored(scores[row.id]) for row in await self._rows(tenant_id, list(scores))}
        return [found[chunk_id] for chunk_id in scores if chunk_id in found]

    async def _rows(self, tenant_id: TenantId, ids: list[ChunkId]) -> list[_Row]:
        values = {"ids": ids, "tenant_id": tenant_id}
        async with self._database.connection("search.chunks") as conn:
            rows = msgspec.convert(await (await conn.execute(_SELECT, values)).fetchall(), list[_Row])
            if len(rows) < len(ids):
                counted = await (await conn.execute(_COUNT_FOREIGN, values)).fetchone()
                if counted is not None and counted["foreign_chunks"]:
                    # The index broke its promise; the row filter above kept it.
                    log.error("search.foreign_points", points=counted["foreign_chunks"])
        return rows


def fit(
    passages: Sequence[Passage], limit_tokens: int, count_tokens: Callable[[str], int] = estimate_tokens
) -> list[Passage]:
    """Return those passages, in their order, that fit together into `limit_tokens`.

    One that does not fit is left out and the next ones are still tried, so a long passage never hides a short one.
    """
    kept: list[Passage] = []
    left = limit_tokens
    for passage in passages:
        tokens = count_tokens(passage.heading) + count_tokens(passage.text)
        if tokens <= left:
            kept.append(passage)
            left -= tokens
    return kept
