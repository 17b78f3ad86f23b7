"""Documents of a tenant: add, get, list, remove."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import LiteralString
from uuid import uuid4

import msgspec
import structlog

from app.blobs import Blobs, Staged
from app.cancel import cancel
from app.errors import DocumentUnknown, Unavailable
from app.ids import DocumentId, JobId, TenantId
from app.jobs import rows as jobs
from app.postgres import Connection, Database
from app.retrieval.arriving import checked_text, take_head
from app.retrieval.discard import Discard, lock_blob, lock_name
from app.retrieval.media import TEXTS, MediaType, charset_of, media_type_of
from app.retrieval.names import clean_name
from app.retrieval.states import INGEST, DocumentState

LIST_LIMIT = 200
CLEAN_S = 2.0
CLEANED_AT_ONCE = 16
"""Removals that still wait for a store; further ones leave all of it to the reconciler."""

_COLUMNS: LiteralString = """
    id, name, title, media_type, size_bytes, encode(sha256, 'hex') AS sha256, version, state, error_code,
    created_at, updated_at
"""
_SELECT: LiteralString = f"""
    SELECT {_COLUMNS} FROM documents
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state <> 'deleted'
"""  # noqa: S608 - both parts are constants
_SELECT_PAGE: LiteralString = f"""
    SELECT {_COLUMNS} FROM documents
    WHERE tenant_id = %(tenant_id)s AND state NOT IN ('superseded', 'deleted')
      AND (%(after)s::uuid IS NULL OR (created_at, id) < (
          SELECT created_at, id FROM documents WHERE id = %(after)s AND tenant_id = %(tenant_id)s))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608 - both parts are constants
_SELECT_TEXT: LiteralString = """
    SELECT t.document_id, substr(t.text, %(start)s + 1, %(chars)s) AS text, length(t.text) AS length,
           t.encoding, t.pages, t.unread_pages
    FROM document_texts t JOIN documents d ON d.id = t.document_id AND d.tenant_id = t.tenant_id
    WHERE t.document_id = %(document_id)s AND t.tenant_id = %(tenant_id)s AND d.state <> 'deleted'
"""
# A version that failed does not count: the same content may be tried again.
_SELECT_SAME: LiteralString = """
    SELECT d.id AS document_id, d.version, d.sha256 = %(sha256)s AS is_same, j.id AS job_id
    FROM documents d LEFT JOIN LATERAL (
        SELECT id FROM jobs WHERE document_id = d.id AND tenant_id = d.tenant_id ORDER BY created_at DESC LIMIT 1
    ) j ON true
    WHERE d.tenant_id = %(tenant_id)s AND d.name = %(name)s
      AND d.state IN ('received', 'parsed', 'chunked', 'indexed', 'ready')
    ORDER BY d.version DESC LIMIT 1
"""
_INSERT: LiteralString = """
    INSERT INTO documents (id, tenant_id, name, media_type, charset, size_bytes, sha256, version, state)
    SELECT %(document_id)s, %(tenant_id)s, %(name)s, %(media_type)s, %(charset)s, %(size_bytes)s, %(sha256)s,
           coalesce(max(version), 0) + 1, 'received'
    FROM documents WHERE tenant_id = %(tenant_id)s AND name = %(name)s
    RETURNING version
"""
_DELETE: LiteralString = """
    UPDATE documents SET state = 'deleted', updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND state <> 'deleted'
    RETURNING id
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Document(msgspec.Struct, frozen=True):
    """A version of a document. `sha256` is that of the original, in hex; `title` is what it calls itself, or ""."""

    id: DocumentId
    name: str
    title: str
    media_type: MediaType
    size_bytes: int
    sha256: str
    version: int
    state: DocumentState
    error_code: str | None
    created_at: datetime
    updated_at: datetime


class DocumentText(msgspec.Struct, frozen=True):
    """Characters `start` to `end` of the `length` that were read of a document, decoded from `encoding`.

    `pages` is where each of its pages begins, empty where it has none; `unread_pages` numbers those (from 1) that are
    pictures without text.
    """

    document_id: DocumentId
    text: str
    start: int
    end: int
    length: int
    encoding: str
    pages: tuple[int, ...]
    unread_pages: tuple[int, ...]


class Upload(msgspec.Struct, frozen=True):
    """What became of an upload. Not `is_new` when the newest version of that name already had this content."""

    document_id: DocumentId
    job_id: JobId
    version: int
    is_new: bool


class Documents:
    """The documents of every tenant; each method sees one tenant's only.

    Every method raises StoreUnavailable when PostgreSQL or the blob store does not answer.
    """

    def __init__(
        self, database: Database, blobs: Blobs, discard: Discard, *, limit_bytes: int, clean_s: float = CLEAN_S
    ) -> None:
        """`limit_bytes` is the largest upload; `clean_s` is how long a removal waits for what it leaves behind."""
        self._database = database
        self._blobs = blobs
        self._discard = discard
        self._limit_bytes = limit_bytes
        self._clean_s = clean_s
        self._cleaning: set[asyncio.Task[bool]] = set()

    async def add(
        self,
        tenant_id: TenantId,
        name: str,
        media_type: str,
        body: AsyncIterator[bytes],
        *,
        request_id: str | None = None,
    ) -> Upload:
        """Keep `body` as the next version of the document `name` and have it ingested; the old one serves meanwhile.

        The original is on disk before a row says so; the rows and the worker's errand commit together. `media_type` is
        what the client says, "" if nothing; `request_id` goes with the job, into the worker's log.
        Raises BadInput (name, charset, empty file, bytes that are no text), MediaTypeUnknown, BodyTooLarge; nothing is
        kept then.
        """
        clean = clean_name(name)
        charset = charset_of(media_type)
        head, whole = await take_head(body)
        kind = media_type_of(clean, media_type, head)
        async with aclosing(whole), aclosing(checked_text(whole, head, charset)) as text:
            taken = text if kind in TEXTS else whole
            staged = await self._blobs.put(tenant_id, taken, limit_bytes=self._limit_bytes)
        try:
            async with self._database.transaction("document.add") as conn:
                upload = await self._record(conn, clean, (kind, charset), staged, request_id)
        finally:
            await self._blobs.drop(staged)
        log.info("document.added", document_id=str(upload.document_id), version=upload.version, is_new=upload.is_new)
        return upload

    async def get(self, tenant_id: TenantId, document_id: DocumentId) -> Document:
        """Return a version of a document. Raises DocumentUnknown, also when it is another tenant's or was removed."""
        async with self._database.connection("document.get") as conn:
            cursor = await conn.execute(_SELECT, {"tenant_id": tenant_id, "document_id": document_id})
            row = await cursor.fetchone()
        if row is None:
            raise DocumentUnknown("there is no such document")
        return msgspec.convert(row, Document)

    async def text(self, tenant_id: TenantId, document_id: DocumentId, *, start: int, end: int) -> DocumentText:
        """Return what was read of a document, from character `start` to `end` at most.

        Raises DocumentUnknown, also when it was not read (yet).
        """
        values = {"tenant_id": tenant_id, "document_id": document_id, "start": start, "chars": max(0, end - start)}
        async with self._database.connection("document.text") as conn:
            row = await (await conn.execute(_SELECT_TEXT, values)).fetchone()
        if row is None:
            raise DocumentUnknown("there is no text of such a document")
        return msgspec.convert({**row, "start": start, "end": start + len(row["text"])}, DocumentText)

    async def list(self, tenant_id: TenantId, *, limit: int, after: DocumentId | None = None) -> list[Document]:
        """Return up to `limit` (at most 200) documents, newest first, `after` the last one of the page before.

        A document whose new version is on its way appears with both; superseded and removed versions do not.
        """
        values = {"tenant_id": tenant_id, "after": after, "limit": max(1, min(limit, LIST_LIMIT))}
        async with self._database.connection("document.list") as conn:
            rows = await (await conn.execute(_SELECT_PAGE, values)).fetchall()
        return msgspec.convert(rows, list[Document])

    async def remove(self, tenant_id: TenantId, document_id: DocumentId) -> bool:
        """Remove the document with all its versions: no question finds it from now on.

        Returns whether its points and its original are gone too. Where a store does not let them go in time, the
        reconciler takes them away later. Raises DocumentUnknown.
        """
        document = await self.get(tenant_id, document_id)
        async with self._database.transaction("document.remove") as conn:
            await lock_name(conn, tenant_id, document.name)
            cursor = await conn.execute(_DELETE, {"tenant_id": tenant_id, "name": document.name})
            removed = [DocumentId(row["id"]) for row in await cursor.fetchall()]
        if len(self._cleaning) >= CLEANED_AT_ONCE:
            return False
        # Never broken off in the middle of a file's removal, so it outlives the request; its owner is this object.
        cleaning = asyncio.create_task(self._clean(tenant_id, removed), name="clean up after a removal")
        self._cleaning.add(cleaning)
        cleaning.add_done_callback(self._forget)
        done, _ = await asyncio.wait({cleaning}, timeout=self._clean_s)
        return bool(done) and cleaning.result()

    async def close(self) -> None:
        """Stop what still cleans up; the reconciler of a worker goes on."""
        await cancel(self._cleaning)

    def _forget(self, cleaning: asyncio.Task[bool]) -> None:
        self._cleaning.discard(cleaning)
        if not cleaning.cancelled() and (error := cleaning.exception()) is not None:
            log.error("document.not_cleaned", exc_info=error)

    async def _clean(self, tenant_id: TenantId, removed: Sequence[DocumentId]) -> bool:
        try:
            for version in removed:
                await self._discard.document(tenant_id, version)
        except Unavailable as error:
            log.warning("document.left_behind", documents=len(removed), code=error.code, detail=error.detail)
            return False
        return True

    async def _record(
        self,
        conn: Connection,
        name: str,
        read_as: tuple[MediaType, str | None],
        staged: Staged,
        request_id: str | None,
    ) -> Upload:
        tenant_id = staged.tenant_id
        await lock_name(conn, tenant_id, name)
        await lock_blob(conn, tenant_id, staged.sha256)
        await self._blobs.keep(staged)
        values = {"tenant_id": tenant_id, "name": name, "sha256": staged.sha256}
        newest = await (await conn.execute(_SELECT_SAME, values)).fetchone()
        if newest is not None and newest["is_same"] and newest["job_id"] is not None:
            return Upload(newest["document_id"], newest["job_id"], newest["version"], is_new=False)
        document_id = DocumentId(uuid4())
        added: dict[str, object] = {
            **values,
            "document_id": document_id,
            "media_type": read_as[0],
            "charset": read_as[1],
        }
        added["size_bytes"] = staged.size_bytes
        row = await (await conn.execute(_INSERT, added)).fetchone()
        version = 1 if row is None else int(row["version"])
        job_id = await jobs.insert(conn, INGEST, tenant_id, document_id, request_id=request_id)
        return Upload(document_id, job_id, version, is_new=True)
