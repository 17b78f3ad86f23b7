"""What is known of documents: one with its versions, a page of them, what was read of one, the sets."""

from datetime import datetime
from typing import LiteralString

import msgspec

from app.errors import DocumentUnknown
from app.ids import DocumentId, JobId, TenantId
from app.postgres import Database
from app.retrieval.filters import CONDITION, EVERYTHING, DocumentFilter
from app.retrieval.media import MediaType
from app.retrieval.metadata import Value
from app.retrieval.states import STATE, DocumentState

LIST_LIMIT = 200
VERSIONS_SHOWN = 100

_COLUMNS: LiteralString = f"""
    id, name, title, media_type, size_bytes, encode(sha256, 'hex') AS sha256, version, {STATE}, error_code,
    created_at, updated_at, set_name AS "set", metadata
"""
_SELECT: LiteralString = f"""
    SELECT {_COLUMNS} FROM documents
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state <> 'deleted'
"""  # noqa: S608 - both parts are constants
_SELECT_PAGE: LiteralString = f"""
    SELECT {_COLUMNS} FROM documents d
    WHERE tenant_id = %(tenant_id)s AND state NOT IN ('superseded', 'deleted') AND {CONDITION}
      AND (%(after)s::uuid IS NULL OR (created_at, id) < (
          SELECT created_at, id FROM documents WHERE id = %(after)s AND tenant_id = %(tenant_id)s))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608 - all parts are constants
_SELECT_TEXT: LiteralString = """
    SELECT t.document_id, substr(t.text, %(start)s + 1, %(chars)s) AS text, length(t.text) AS length,
           t.encoding, t.pages, t.unread_pages
    FROM document_texts t JOIN documents d ON d.id = t.document_id AND d.tenant_id = t.tenant_id
    WHERE t.document_id = %(document_id)s AND t.tenant_id = %(tenant_id)s AND d.state <> 'deleted'
"""
_SELECT_DETAIL: LiteralString = f"""
    SELECT {_COLUMNS}, (
               SELECT j.id FROM jobs j WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id
               ORDER BY j.created_at DESC LIMIT 1) AS job_id,
           (SELECT count(*) FROM chunks c WHERE c.document_id = d.id AND c.tenant_id = d.tenant_id) AS chunks,
           t.pages, coalesce(t.unread_pages, '{{}}') AS unread_pages
    FROM documents d LEFT JOIN LATERAL (
        SELECT nullif(cardinality(x.pages), 0) AS pages, x.unread_pages FROM document_texts x
        WHERE x.document_id = d.id AND x.tenant_id = d.tenant_id) t ON true
    WHERE d.id = %(document_id)s AND d.tenant_id = %(tenant_id)s AND d.state <> 'deleted'
"""  # noqa: S608 - both parts are constants
_SELECT_VERSIONS: LiteralString = f"""
    SELECT id, version, {STATE}, error_code, media_type, size_bytes, encode(sha256, 'hex') AS sha256, created_at
    FROM documents WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND state <> 'deleted'
    ORDER BY version DESC LIMIT %(limit)s
"""  # noqa: S608 - both parts are constants
# A document whose new version is on its way is one document.
_SELECT_SETS: LiteralString = """
    SELECT set_name AS name, count(DISTINCT name) AS documents,
           count(*) FILTER (WHERE state = 'ready' AND cold_at IS NULL) AS ready, max(updated_at) AS updated_at
    FROM documents
    WHERE tenant_id = %(tenant_id)s AND set_name IS NOT NULL AND state NOT IN ('superseded', 'deleted')
      AND (%(after)s::text IS NULL OR set_name > %(after)s)
    GROUP BY set_name ORDER BY set_name LIMIT %(limit)s
"""


class Document(msgspec.Struct, frozen=True):
    """A version of a document. `sha256` is that of the original, in hex; `title` is what it calls itself, or "".

    `set` and `metadata` are what its owner says of the document, the same for all its versions.
    """

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
    set_name: str | None = msgspec.field(name="set", default=None)
    metadata: dict[str, Value] = {}


class DocumentVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version under a document's name."""

    id: DocumentId
    version: int
    state: DocumentState
    error_code: str | None
    media_type: MediaType
    size_bytes: int
    sha256: str
    created_at: datetime


class DocumentDetail(Document, frozen=True, kw_only=True):
    """A version of a document, with what was made of it and the newest hundred versions of the same name.

    `job_id` is of its newest job; `pages` is None where it has no pages or was not read yet; `unread_pages` numbers
    those (from 1) that are pictures without text.
    """

    job_id: JobId | None
    chunks: int
    pages: int | None
    unread_pages: tuple[int, ...]
    versions: tuple[DocumentVersion, ...] = ()


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


class DocumentSet(msgspec.Struct, frozen=True):
    """A set: how many documents stand in it, how many of them questions find, and when one was last changed."""

    name: str
    documents: int
    ready: int
    updated_at: datetime


class DocumentRows:
    """Reads the documents of every tenant; each method sees one tenant's only.

    Every method raises StoreUnavailable when PostgreSQL does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant_id: TenantId, document_id: DocumentId) -> Document:
        """Return a version of a document. Raises DocumentUnknown, also when it is another tenant's or was removed."""
        async with self._database.connection("document.get") as conn:
            cursor = await conn.execute(_SELECT, {"tenant_id": tenant_id, "document_id": document_id})
            row = await cursor.fetchone()
        if row is None:
            raise DocumentUnknown("there is no such document")
        return msgspec.convert(row, Document)

    async def detail(self, tenant_id: TenantId, document_id: DocumentId) -> DocumentDetail:
        """Return a version of a document, and what else there is of the same name. Raises DocumentUnknown."""
        async with self._database.connection("document.detail") as conn:
            cursor = await conn.execute(_SELECT_DETAIL, {"tenant_id": tenant_id, "document_id": document_id})
            row = await cursor.fetchone()
            if row is None:
                raise DocumentUnknown("there is no such document")
            named = {"tenant_id": tenant_id, "name": row["name"], "limit": VERSIONS_SHOWN}
            versions = await (await conn.execute(_SELECT_VERSIONS, named)).fetchall()
        return msgspec.convert({**row, "versions": versions}, DocumentDetail)

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

    async def list(
        self,
        tenant_id: TenantId,
        *,
        limit: int,
        after: DocumentId | None = None,
        asked: DocumentFilter = EVERYTHING,
    ) -> list[Document]:
        """Return up to `limit` (at most 200) documents, newest first, `after` the last one of the page before.

        A document whose new version is on its way appears with both; superseded and removed versions do not.
        """
        values = {"tenant_id": tenant_id, "after": after, "limit": max(1, min(limit, LIST_LIMIT)), **asked.values}
        async with self._database.connection("document.list") as conn:
            rows = await (await conn.execute(_SELECT_PAGE, values)).fetchall()
        return msgspec.convert(rows, list[Document])

    async def sets(self, tenant_id: TenantId, *, limit: int, after: str | None = None) -> "list[DocumentSet]":
        """Return up to `limit` (at most 200) sets by their names, `after` the last one of the page before."""
        values = {"tenant_id": tenant_id, "after": after, "limit": max(1, min(limit, LIST_LIMIT))}
        async with self._database.connection("document.sets") as conn:
            rows = await (await conn.execute(_SELECT_SETS, values)).fetchall()
        return msgspec.convert(rows, list[DocumentSet])
