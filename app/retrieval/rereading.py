"""Reads documents again that a version read which kept no text, so that citations of them can be checked."""

from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.blobs import Blobs
from app.ids import DocumentId, TenantId
from app.jobs import rows as jobs
from app.postgres import Database
from app.retrieval.parser import Parser
from app.retrieval.said import Parsed
from app.retrieval.states import REINDEX
from app.retrieval.unreadable import DocumentUnreadable
from app.retrieval.versions import Versions

AT_ONCE = 4
"""Documents of one round: reading one may take as long as a whole ingestion's first step."""

_SELECT_TEXTLESS: LiteralString = """
    SELECT d.id AS document_id, d.tenant_id FROM documents d
    WHERE d.state = 'ready' AND d.id > %(after)s
      AND NOT EXISTS (
        SELECT 1 FROM document_texts t WHERE t.document_id = d.id AND t.tenant_id = d.tenant_id)
      AND NOT EXISTS (
        SELECT 1 FROM jobs j
        WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state IN ('accepted', 'running'))
    ORDER BY d.id LIMIT %(limit)s
"""
_SELECT_CHUNKS: LiteralString = """
    SELECT text, start_offset, end_offset FROM chunks
    WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s ORDER BY ordinal
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reread(msgspec.Struct, frozen=True):
    """What one round did: texts stored beside chunks that stand in them, documents to be indexed anew, unreadable."""

    kept: int = 0
    reindexed: int = 0
    unreadable: int = 0


class _Stored(msgspec.Struct, frozen=True):
    text: str
    start_offset: int
    end_offset: int


class Rereading:
    """Each `run` is one bounded round over the documents without text; a document that has one is never asked for."""

    def __init__(self, database: Database, blobs: Blobs, parser: Parser) -> None:
        self._database = database
        self._blobs = blobs
        self._parser = parser
        self._versions = Versions(database)
        self._after = UUID(int=0)

    async def run(self) -> Reread:
        """Read the originals of one round again. Raises StoreUnavailable; what was done before stays so.

        Where every chunk stands in the text at its offsets, only the text is stored. Otherwise text and chunks are
        replaced at once and the points follow, while the document stays ready. One that cannot be read any more keeps
        its chunks, and comes again when all others had their turn.
        """
        values = {"after": self._after, "limit": AT_ONCE}
        async with self._database.connection("documents.reread") as conn:
            rows = await (await conn.execute(_SELECT_TEXTLESS, values)).fetchall()
        done = Reread()
        for row in rows:
            self._after = row["document_id"]
            done = _add(done, await self._read(row["tenant_id"], DocumentId(row["document_id"])))
        if len(rows) < AT_ONCE:
            self._after = UUID(int=0)
        if done != Reread():
            log.info("documents.reread", **msgspec.structs.asdict(done))
        return done

    async def _read(self, tenant_id: TenantId, document_id: DocumentId) -> Reread:
        version = await self._versions.find(tenant_id, document_id)
        if version is None:
            return Reread()
        try:
            async with self._blobs.open(tenant_id, version.sha256) as source:
                parsed = await self._parser.parse(source, version.media_type, version.charset)
        except (DocumentUnreadable, FileNotFoundError) as error:
            log.warning("document.not_reread", document_id=str(document_id), why=type(error).__name__)
            return Reread(unreadable=1)
        async with self._database.connection("documents.reread") as conn:
            rows = await (await conn.execute(_SELECT_CHUNKS, version.key)).fetchall()
        if fits(parsed, msgspec.convert(rows, list[_Stored])):
            return Reread(kept=int(await self._versions.add_text(version, parsed)))
        if not parsed.chunks or not await self._versions.exchange_text(version, parsed):
            return Reread(unreadable=int(not parsed.chunks))
        async with self._database.transaction("documents.reread") as conn:
            await jobs.insert(conn, REINDEX, tenant_id, document_id)
        return Reread(reindexed=1)


def fits(parsed: Parsed, chunks: list[_Stored]) -> bool:
    """Whether each chunk stands in the text at its offsets."""
    return all(parsed.text[chunk.start_offset : chunk.end_offset] == chunk.text for chunk in chunks)


def _add(one: Reread, other: Reread) -> Reread:
    return Reread(one.kept + other.kept, one.reindexed + other.reindexed, one.unreadable + other.unreadable)
