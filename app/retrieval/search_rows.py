"""What PostgreSQL says of the points that a search proposes: which documents are looked into, and what chunks say."""

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.errors import BadInput, DocumentUnknown
from app.ids import ChunkId, DocumentId, TenantId
from app.postgres import Database
from app.retrieval.filters import CONDITION
from app.retrieval.scope import Scope

DOCUMENTS = 2_000
"""So many documents go to the index as a filter; one name is 40 bytes of each of its requests."""

COLD_TOLD = 20

# What Qdrant says is only a proposal: a chunk counts if it is the tenant's and its document is live now.
_SELECT: LiteralString = """
    SELECT c.id, c.document_id, c.ordinal, d.name AS document, c.heading, c.text, c.start_offset, c.end_offset,
           d.title, c.page, c.lead, d.set_name
    FROM chunks c JOIN documents d ON d.id = c.document_id AND d.tenant_id = c.tenant_id
    WHERE c.id = ANY(%(ids)s) AND c.tenant_id = %(tenant_id)s AND d.state = 'ready' AND d.cold_at IS NULL
"""
_COUNT_FOREIGN: LiteralString = """
    SELECT count(*) AS foreign_chunks FROM chunks WHERE id = ANY(%(ids)s) AND tenant_id <> %(tenant_id)s
"""
_SELECT_SCOPE: LiteralString = f"""
    SELECT d.id, d.name, d.cold_at IS NOT NULL AS is_cold FROM documents d
    WHERE d.tenant_id = %(tenant_id)s AND d.state = 'ready'
      AND (cardinality(%(named)s::text[]) = 0 OR d.name = ANY(%(named)s) OR d.id::text = ANY(%(named)s))
      AND (cardinality(%(media_types)s::text[]) = 0 OR d.media_type = ANY(%(media_types)s))
      AND {CONDITION}
    ORDER BY is_cold, d.id LIMIT %(limit)s
"""  # noqa: S608 - both parts are constants
_COUNT_NAMED: LiteralString = """
    SELECT count(DISTINCT given) AS known FROM unnest(%(named)s::text[]) AS given
    JOIN documents d ON d.tenant_id = %(tenant_id)s AND d.state = 'ready' AND (d.name = given OR d.id::text = given)
"""
_SELECT_SPANS: LiteralString = """
    SELECT asked.number, substr(t.text, asked.start + 1, asked.stop - asked.start) AS text
    FROM unnest(%(numbers)s::int[], %(ids)s::uuid[], %(starts)s::int[], %(stops)s::int[])
         AS asked (number, document_id, start, stop)
    JOIN document_texts t ON t.document_id = asked.document_id AND t.tenant_id = %(tenant_id)s
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class ChunkRow(msgspec.Struct, frozen=True):
    """A chunk of a live document."""

    id: ChunkId
    document_id: DocumentId
    ordinal: int
    document: str
    heading: str
    text: str
    start_offset: int
    end_offset: int
    title: str
    page: int | None
    lead: str
    set_name: str | None = None


class ColdDocument(msgspec.Struct, frozen=True):
    """A document that no question finds until it is restored."""

    id: DocumentId
    name: str


class Scoped(msgspec.Struct, frozen=True):
    """The documents in a scope: those that are looked into, and some of those that are in cold storage."""

    live: tuple[DocumentId, ...]
    cold: tuple[ColdDocument, ...] = ()


class Span(msgspec.Struct, frozen=True):
    """Characters `start` to `end` of a document's text."""

    document_id: DocumentId
    start: int
    end: int


class SearchRows:
    """Reads for one search. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def documents(self, tenant_id: TenantId, scope: Scope) -> Scoped:
        """Return the tenant's documents in the scope, at most 20 of the cold ones.

        Raises DocumentUnknown for a document that is named and not there, BadInput for more than 2,000 live ones.
        """
        asked = {"named": list(scope.documents), "media_types": list(scope.media_types)}
        values = {"tenant_id": tenant_id, "limit": DOCUMENTS + COLD_TOLD, **asked, **scope.among.values}
        async with self._database.connection("search.documents") as conn:
            if scope.documents:
                named = await (await conn.execute(_COUNT_NAMED, values)).fetchone()
                if named is None or named["known"] < len(set(scope.documents)):
                    raise DocumentUnknown("there is no such document among those that are named")
            rows = await (await conn.execute(_SELECT_SCOPE, values)).fetchall()
        live = tuple(DocumentId(row["id"]) for row in rows if not row["is_cold"])
        if len(live) > DOCUMENTS:
            raise BadInput(f"the filters leave more than {DOCUMENTS:,} documents", field="filters", limit=DOCUMENTS)
        cold = [ColdDocument(DocumentId(row["id"]), row["name"]) for row in rows if row["is_cold"]]
        return Scoped(live, tuple(cold[:COLD_TOLD]))

    async def chunks(self, tenant_id: TenantId, ids: Sequence[UUID]) -> dict[UUID, ChunkRow]:
        """Return which of the chunks are the tenant's and of a live document."""
        values = {"ids": list(ids), "tenant_id": tenant_id}
        async with self._database.connection("search.chunks") as conn:
            rows = msgspec.convert(await (await conn.execute(_SELECT, values)).fetchall(), list[ChunkRow])
            if len(rows) < len(ids):
                counted = await (await conn.execute(_COUNT_FOREIGN, values)).fetchone()
                if counted is not None and counted["foreign_chunks"]:
                    # The index broke its promise; the row filter above kept it.
                    log.error("search.foreign_points", points=counted["foreign_chunks"])
        return {row.id: row for row in rows}

    async def texts(self, tenant_id: TenantId, spans: Mapping[int, Span]) -> Mapping[int, str]:
        """Return what stands at each span, by its number; one of a document without stored text is left out."""
        if not spans:
            return {}
        values = {
            "tenant_id": tenant_id,
            "numbers": list(spans),
            "ids": [span.document_id for span in spans.values()],
            "starts": [span.start for span in spans.values()],
            "stops": [span.end for span in spans.values()],
        }
        async with self._database.connection("search.spans") as conn:
            rows = await (await conn.execute(_SELECT_SPANS, values)).fetchall()
        return {row["number"]: row["text"] for row in rows}
