"""Documents of a tenant: add, say something of, read in again, hand out, remove."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import LiteralString
from uuid import uuid4

import msgspec
import structlog

from app.blobs import Blobs, Staged
from app.cancel import cancel
from app.errors import DocumentUnknown, StoreUnavailable, Unavailable
from app.ids import DocumentId, JobId, TenantId
from app.jobs import rows as jobs
from app.postgres import Connection, Database
from app.retrieval.arriving import checked_text, take_head
from app.retrieval.cold import restore
from app.retrieval.discard import Discard, lock_blob, lock_name
from app.retrieval.document_rows import Document, DocumentRows
from app.retrieval.media import TEXTS, MediaType, charset_of, media_type_of
from app.retrieval.metadata import NOTHING, Said
from app.retrieval.names import clean_name
from app.retrieval.states import INGEST, ON_THE_WAY, DocumentState

CLEAN_S = 2.0
CLEANED_AT_ONCE = 16
"""Removals that still wait for a store; further ones leave all of it to the reconciler."""

# A version that failed does not count: the same content may be tried again.
_SELECT_SAME: LiteralString = """
    SELECT d.id AS document_id, d.version, d.sha256 = %(sha256)s AS is_same, j.id AS job_id, d.cold_at
    FROM documents d LEFT JOIN LATERAL (
        SELECT id FROM jobs WHERE document_id = d.id AND tenant_id = d.tenant_id ORDER BY created_at DESC LIMIT 1
    ) j ON true
    WHERE d.tenant_id = %(tenant_id)s AND d.name = %(name)s
      AND d.state IN ('received', 'parsed', 'chunked', 'indexed', 'ready')
    ORDER BY d.version DESC LIMIT 1
"""
_SELECT_NEWEST: LiteralString = """
    SELECT d.id AS document_id, d.version, d.state, d.media_type, d.charset, d.size_bytes, d.sha256, (
        SELECT j.id FROM jobs j WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id
        ORDER BY j.created_at DESC LIMIT 1) AS job_id
    FROM documents d WHERE d.tenant_id = %(tenant_id)s AND d.name = %(name)s AND d.state <> 'deleted'
    ORDER BY d.version DESC LIMIT 1
"""
# Of the newest version that was there before: one that is just added says nothing yet.
_SELECT_SAID: LiteralString = """
    SELECT metadata, set_name FROM documents
    WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND state <> 'deleted'
    ORDER BY metadata = '{}' AND set_name IS NULL, version DESC LIMIT 1
"""
_SAY: LiteralString = """
    UPDATE documents SET metadata = %(metadata)s::jsonb, set_name = %(set_name)s, updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND state <> 'deleted'
      AND (metadata, set_name) IS DISTINCT FROM (%(metadata)s::jsonb, %(set_name)s::text)
"""
_INSERT: LiteralString = """
    INSERT INTO documents (id, tenant_id, name, media_type, charset, size_bytes, sha256, version, state)
    SELECT %(document_id)s, %(tenant_id)s, %(name)s, %(media_type)s, %(charset)s, %(size_bytes)s, %(sha256)s,
           coalesce(max(version), 0) + 1, 'received'
    FROM documents WHERE tenant_id = %(tenant_id)s AND name = %(name)s
    RETURNING version
"""
_DELETE: LiteralString = """
    UPDATE documents SET state = 'deleted', title = '', metadata = '{}', set_name = NULL, updated_at = now()
    WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND state <> 'deleted'
    RETURNING id
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Upload(msgspec.Struct, frozen=True):
    """What became of an upload.

    Not `is_new` when the newest version of that name already had this content; if it was cold, the job restores it.
    """

    document_id: DocumentId
    job_id: JobId
    version: int
    is_new: bool


class Original(msgspec.Struct, frozen=True):
    """A document and the bytes that were uploaded, all or `part` of them; `pieces` must be closed."""

    document: Document
    pieces: AsyncGenerator[bytes]
    part: range | None = None


class Documents(DocumentRows):
    """The documents of every tenant; each method sees one tenant's only.

    Every method raises StoreUnavailable when PostgreSQL or the blob store does not answer.
    """

    def __init__(
        self, database: Database, blobs: Blobs, discard: Discard, *, limit_bytes: int, clean_s: float = CLEAN_S
    ) -> None:
        """`limit_bytes` is the largest upload; `clean_s` is how long a removal waits for what it leaves behind."""
        super().__init__(database)
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
        said: Callable[[], Said] = lambda: NOTHING,
    ) -> Upload:
        """Keep `body` as the next version of the document `name` and have it ingested; the old one serves meanwhile.

        The original is on disk before a row says so; the rows and the worker's errand commit together. `media_type` is
        what the client says, "" if nothing; `request_id` goes with the job, into the worker's log; `said` is asked
        once the body has ended, what its owner says of the document.
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
            told = said()
            async with self._database.transaction("document.add") as conn:
                upload = await self._record(conn, clean, (kind, charset), staged, request_id)
                await _say(conn, tenant_id, clean, told)
        finally:
            await self._blobs.drop(staged)
        log.info("document.added", document_id=str(upload.document_id), version=upload.version, is_new=upload.is_new)
        return upload

    async def change(self, tenant_id: TenantId, document_id: DocumentId, said: Said) -> Document:
        """Say something of a document, of all its versions; return this one. Raises DocumentUnknown, BadInput."""
        document = await self.get(tenant_id, document_id)
        async with self._database.transaction("document.change") as conn:
            await lock_name(conn, tenant_id, document.name)
            await _say(conn, tenant_id, document.name, said)
        return await self.get(tenant_id, document_id)

    async def reprocess(self, tenant_id: TenantId, document_id: DocumentId, *, request_id: str | None = None) -> Upload:
        """Read the newest original of a document again, as its next version; what is live serves meanwhile.

        Where a version is on its way already, that one is told. Raises DocumentUnknown.
        """
        document = await self.get(tenant_id, document_id)
        async with self._database.transaction("document.reprocess") as conn:
            await lock_name(conn, tenant_id, document.name)
            named = {"tenant_id": tenant_id, "name": document.name}
            newest = await (await conn.execute(_SELECT_NEWEST, named)).fetchone()
            if newest is None:
                raise DocumentUnknown("there is no such document")
            await lock_blob(conn, tenant_id, newest["sha256"])
            if newest["state"] in ON_THE_WAY and newest["job_id"] is not None:
                return Upload(newest["document_id"], newest["job_id"], newest["version"], is_new=False)
            read_as = {name: newest[name] for name in ("media_type", "charset", "size_bytes", "sha256")}
            upload = await _insert(conn, {**named, **read_as}, tenant_id, request_id)
            await _say(conn, tenant_id, document.name, NOTHING)
        log.info("document.reprocessed", document_id=str(upload.document_id), version=upload.version)
        return upload

    async def original(
        self,
        tenant_id: TenantId,
        document_id: DocumentId,
        *,
        part_of: Callable[[Document], range | None] = lambda _: None,
    ) -> Original:
        """Return the bytes that were uploaded, or the part that `part_of` chooses, as they come from the blob store.

        Raises DocumentUnknown, and what `part_of` raises.
        """
        document = await self.get(tenant_id, document_id)
        part = part_of(document)
        pieces = self._blobs.read(tenant_id, bytes.fromhex(document.sha256), part)
        try:
            first = await anext(pieces, b"")
        except FileNotFoundError as error:
            raise StoreUnavailable("the original is not in the blob store", store="blobs") from error
        return Original(document, _joined(first, pieces), part)

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
            job_id = newest["job_id"]
            if newest["cold_at"] is not None:
                job_id = (await restore(conn, tenant_id, newest["document_id"], DocumentState.COLD)).job_id
            return Upload(newest["document_id"], job_id, newest["version"], is_new=False)
        added = {**values, "media_type": read_as[0], "charset": read_as[1], "size_bytes": staged.size_bytes}
        return await _insert(conn, added, tenant_id, request_id)


async def _insert(conn: Connection, added: Mapping[str, object], tenant_id: TenantId, request_id: str | None) -> Upload:
    document_id = DocumentId(uuid4())
    row = await (await conn.execute(_INSERT, {**added, "document_id": document_id})).fetchone()
    version = 1 if row is None else int(row["version"])
    job_id = await jobs.insert(conn, INGEST, tenant_id, document_id, request_id=request_id)
    return Upload(document_id, job_id, version, is_new=True)


async def _say(conn: Connection, tenant_id: TenantId, name: str, said: Said) -> None:
    """Have all versions of a document carry what was said of the one before, and what is said now."""
    named = {"tenant_id": tenant_id, "name": name}
    before = await (await conn.execute(_SELECT_SAID, named)).fetchone()
    if before is None:
        return
    after = msgspec.json.encode(said.merged(before["metadata"])).decode()
    await conn.execute(_SAY, {**named, "metadata": after, "set_name": said.moved(before["set_name"])})


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
