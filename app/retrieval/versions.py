"""The rows of one version of a document and of its chunks, as ingestion reads and changes them."""

from typing import LiteralString
from uuid import UUID, uuid5

import msgspec

from app.ids import ChunkId, DocumentId, TenantId
from app.postgres import Connection, Database
from app.retrieval.discard import lock_name
from app.retrieval.media import MediaType
from app.retrieval.said import Parsed
from app.retrieval.states import STATE, DocumentState

_SELECT: LiteralString = f"""
    SELECT id, tenant_id, name, media_type, charset, sha256, version, {STATE}, embed_model, error_code,
           metadata ->> 'ticker' AS ticker
    FROM documents WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s
"""  # noqa: S608 - both parts are constants
_SET_STATE: LiteralString = """
    UPDATE documents SET state = %(state)s, cold_at = NULL, error_code = %(code)s, updated_at = now()
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state NOT IN ('failed', 'superseded', 'deleted')
"""
_END: LiteralString = """
    UPDATE documents SET state = 'failed', error_code = %(code)s, updated_at = now()
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state IN ('received', 'parsed', 'chunked', 'indexed')
"""
_SET_MODEL: LiteralString = """
    UPDATE documents SET embed_model = %(model)s WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s
"""
_SET_TITLE: LiteralString = """
    UPDATE documents SET title = %(title)s WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s
"""
_PUT_TEXT: LiteralString = """
    INSERT INTO document_texts (document_id, tenant_id, text, encoding, pages, unread_pages)
    VALUES (%(document_id)s, %(tenant_id)s, %(text)s, %(encoding)s, %(pages)s, %(unread_pages)s)
    ON CONFLICT (document_id) DO UPDATE SET text = excluded.text, encoding = excluded.encoding, pages = excluded.pages,
        unread_pages = excluded.unread_pages
"""
_LOCK_READY: LiteralString = """
    SELECT 1 AS ready FROM documents
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state = 'ready' AND cold_at IS NULL FOR UPDATE
"""
_DELETE_CHUNKS: LiteralString = "DELETE FROM chunks WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s"
# Points of the chunks before are no points of these.
_FORGET_GIVEN: LiteralString = """
    DELETE FROM document_editions WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s
"""
_COPY_CHUNKS: LiteralString = """
    COPY chunks (id, tenant_id, document_id, ordinal, heading, text, start_offset, end_offset, page, lead)
    FROM STDIN
"""
_COUNT_CHUNKS: LiteralString = """
    SELECT count(*) AS total FROM chunks WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s
"""
_SELECT_BATCH: LiteralString = """
    SELECT id, ordinal, heading, text, lead FROM chunks
    WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s AND ordinal >= %(ordinal)s
    ORDER BY ordinal LIMIT %(limit)s
"""
_SELECT_NEWER: LiteralString = """
    SELECT 1 AS newer FROM documents
    WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND version > %(version)s AND state = 'ready' LIMIT 1
"""
_SUPERSEDE: LiteralString = """
    UPDATE documents SET state = 'superseded', updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND version < %(version)s
      AND state NOT IN ('superseded', 'deleted')
    RETURNING id
"""


class DocumentGone(Exception):
    """The document was removed or superseded, or had failed: nothing more is to be done for it."""


class Version(msgspec.Struct, frozen=True):
    """One version of a document."""

    id: DocumentId
    tenant_id: TenantId
    name: str
    media_type: MediaType
    charset: str | None
    sha256: bytes
    version: int
    state: DocumentState
    embed_model: str | None
    error_code: str | None
    ticker: str | None = None

    @property
    def key(self) -> dict[str, object]:
        """The parameters that find its rows."""
        return {"document_id": self.id, "tenant_id": self.tenant_id}


class StoredChunk(msgspec.Struct, frozen=True):
    """A chunk as it is embedded; its id is its point's."""

    id: ChunkId
    ordinal: int
    heading: str
    text: str
    lead: str


class Versions:
    """Reads and writes outside a larger transaction. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: TenantId, document_id: DocumentId) -> Version | None:
        """Return the version, whatever its state."""
        async with self._database.connection("ingest.document") as conn:
            cursor = await conn.execute(_SELECT, {"document_id": document_id, "tenant_id": tenant_id})
            row = await cursor.fetchone()
        return None if row is None else msgspec.convert(row, Version)

    async def exchange_text(self, version: Version, parsed: Parsed) -> bool:
        """Store text and chunks in place of those of a document that stays ready; not, and False, if it is not."""
        async with self._database.transaction("documents.reread") as conn:
            if (await conn.execute(_LOCK_READY, version.key)).rowcount == 0:
                return False
            await _replace(conn, version, parsed)
        return True

    async def add_text(self, version: Version, parsed: Parsed) -> bool:
        """Store the text of a ready document beside its chunks, which stand in it; not, and False, if it is not."""
        async with self._database.transaction("documents.reread") as conn:
            if (await conn.execute(_LOCK_READY, version.key)).rowcount == 0:
                return False
            await _put_text(conn, version, parsed)
        return True

    async def count_chunks(self, version: Version) -> int:
        """Return how many chunks are stored; their ordinals are 0 to this, exclusive."""
        async with self._database.connection("ingest.count") as conn:
            row = await (await conn.execute(_COUNT_CHUNKS, version.key)).fetchone()
        return 0 if row is None else int(row["total"])

    async def list_chunks(self, version: Version, *, ordinal: int, limit: int) -> list[StoredChunk]:
        """Return up to `limit` chunks in order, from `ordinal` on."""
        async with self._database.connection("ingest.batch") as conn:
            cursor = await conn.execute(_SELECT_BATCH, {**version.key, "ordinal": ordinal, "limit": limit})
            return msgspec.convert(await cursor.fetchall(), list[StoredChunk])

    async def set_model(self, version: Version, model: str) -> None:
        """Note which model embeds it."""
        async with self._database.connection("ingest.model") as conn:
            await conn.execute(_SET_MODEL, {**version.key, "model": model})


async def replace_text(conn: Connection, version: Version, parsed: Parsed) -> None:
    """Store text and chunks in place of those there were, and the state `chunked`. Raises DocumentGone.

    Inside the caller's transaction.
    """
    await set_state(conn, version, DocumentState.CHUNKED)
    await _replace(conn, version, parsed)


async def _put_text(conn: Connection, version: Version, parsed: Parsed) -> None:
    read = {"text": parsed.text, "encoding": parsed.encoding, "title": parsed.title}
    pages = {"pages": list(parsed.pages), "unread_pages": list(parsed.unread)}
    await conn.execute(_SET_TITLE, {**version.key, **read})
    await conn.execute(_PUT_TEXT, {**version.key, **read, **pages})


async def _replace(conn: Connection, version: Version, parsed: Parsed) -> None:
    await _put_text(conn, version, parsed)
    await conn.execute(_DELETE_CHUNKS, version.key)
    await conn.execute(_FORGET_GIVEN, version.key)
    async with conn.cursor() as cursor, cursor.copy(_COPY_CHUNKS) as copy:
        for ordinal, chunk in enumerate(parsed.chunks):
            ids = (chunk_id(version.id, ordinal), version.tenant_id, version.id)
            place = (chunk.start, chunk.end, chunk.page, chunk.lead)
            await copy.write_row((*ids, ordinal, chunk.heading, chunk.text, *place))


def chunk_id(document_id: DocumentId, ordinal: int) -> ChunkId:
    """Return the id of a chunk and of its point: the same whenever the document is ingested again (UUID version 5)."""
    return ChunkId(uuid5(document_id, str(ordinal)))


async def set_state(conn: Connection, version: Version, state: DocumentState, code: str | None = None) -> None:
    """Change the state inside the caller's transaction. Raises DocumentGone when it already had a final one."""
    cursor = await conn.execute(_SET_STATE, {**version.key, "state": state, "code": code})
    if cursor.rowcount == 0:
        raise DocumentGone


async def end_cancelled(conn: Connection, tenant_id: TenantId, document_id: UUID) -> None:
    """Note inside the caller's transaction that a version will not be read in, because its owner does not want it."""
    await conn.execute(_END, {"tenant_id": tenant_id, "document_id": document_id, "code": "cancelled"})


async def end_given_up(conn: Connection, tenant_id: TenantId, document_id: UUID) -> None:
    """Note inside the caller's transaction that reading a version in has ended its workers too often."""
    await conn.execute(_END, {"tenant_id": tenant_id, "document_id": document_id, "code": "internal"})


async def go_live(conn: Connection, version: Version) -> tuple[DocumentState, list[DocumentId]]:
    """Make this version the live one inside the caller's transaction; return its state and the versions to discard.

    Older ones are superseded with it. When a newer one was faster, this one is superseded itself. Raises DocumentGone.
    """
    values = {"tenant_id": version.tenant_id, "name": version.name, "version": version.version}
    await lock_name(conn, version.tenant_id, version.name)
    newer = await (await conn.execute(_SELECT_NEWER, values)).fetchone()
    state = DocumentState.READY if newer is None else DocumentState.SUPERSEDED
    await set_state(conn, version, state)
    older = [DocumentId(row["id"]) for row in await (await conn.execute(_SUPERSEDE, values)).fetchall()]
    return state, older if newer is None else [*older, version.id]
