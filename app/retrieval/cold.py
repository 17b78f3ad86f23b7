"""Cold storage: documents that nobody has used for long leave the index, and come back when they are asked for."""

from enum import StrEnum
from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from app.errors import DocumentUnknown
from app.ids import ChunkId, DocumentId, JobId, TenantId
from app.jobs import rows as jobs
from app.postgres import Connection, Database
from app.retrieval.discard import Discard, lock_name
from app.retrieval.states import RESTORE, STATE, DocumentState

AT_ONCE = 100
"""Documents of one round: it is short, and the next one goes on."""

# What no job is about: a job of it writes points.
_UNTOUCHED: LiteralString = """
    NOT EXISTS (
        SELECT 1 FROM jobs j
        WHERE j.document_id = d.id AND j.tenant_id = d.tenant_id AND j.state IN ('accepted', 'running'))
"""
# One whose text is not kept has nothing to come back from but its original, read anew.
_OLD: LiteralString = f"""
    d.state = 'ready' AND d.cold_at IS NULL
    AND greatest(d.created_at, d.restored_at, CASE WHEN %(by_use)s THEN d.used_at END)
        < now() - make_interval(days => %(days)s)
    AND EXISTS (SELECT 1 FROM document_texts t WHERE t.document_id = d.id AND t.tenant_id = d.tenant_id)
    AND {_UNTOUCHED}
"""  # noqa: S608 - both parts are constants
_SELECT_OLD: LiteralString = f"""
    SELECT d.id, d.tenant_id, d.name FROM documents d WHERE {_OLD} ORDER BY d.created_at LIMIT %(limit)s
"""  # noqa: S608 - all parts are constants
_CHILL: LiteralString = f"""
    UPDATE documents d SET cold_at = now(), updated_at = now()
    WHERE d.id = %(document_id)s AND d.tenant_id = %(tenant_id)s AND {_OLD}
"""  # noqa: S608 - all parts are constants
_BEGUN: LiteralString = f"""
    d.state = 'ready' AND d.cold_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM chunks c WHERE c.document_id = d.id AND c.tenant_id = d.tenant_id)
    AND {_UNTOUCHED}
"""  # noqa: S608 - both parts are constants
_SELECT_BEGUN: LiteralString = f"""
    SELECT d.id, d.tenant_id, d.name FROM documents d WHERE {_BEGUN} LIMIT %(limit)s
"""  # noqa: S608 - all parts are constants
_PUT_AWAY: LiteralString = f"""
    WITH kept AS (
        UPDATE document_texts t SET cold_chunks = coalesce(t.cold_chunks, (
            SELECT jsonb_agg(jsonb_build_array(
                c.id, c.ordinal, c.heading, c.start_offset, c.end_offset, c.page, c.lead) ORDER BY c.ordinal)
            FROM chunks c WHERE c.document_id = t.document_id AND c.tenant_id = t.tenant_id))
        FROM documents d
        WHERE t.document_id = %(document_id)s AND t.tenant_id = %(tenant_id)s
          AND d.id = t.document_id AND d.tenant_id = t.tenant_id AND {_BEGUN}
        RETURNING t.document_id, t.tenant_id
    )
    DELETE FROM chunks c USING kept WHERE c.document_id = kept.document_id AND c.tenant_id = kept.tenant_id
"""  # noqa: S608 - all parts are constants
_SELECT_STATE: LiteralString = f"""
    SELECT name, {STATE} FROM documents
    WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s AND state <> 'deleted'
"""  # noqa: S608 - both parts are constants
_SELECT_JOB: LiteralString = """
    SELECT id, kind, state FROM jobs WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s
    ORDER BY created_at DESC LIMIT 1
"""
_NOTE: LiteralString = """
    UPDATE documents SET restored_at = now() WHERE id = %(document_id)s AND tenant_id = %(tenant_id)s
"""
_SELECT_KEPT: LiteralString = """
    SELECT t.text, t.cold_chunks FROM document_texts t JOIN documents d
      ON d.id = t.document_id AND d.tenant_id = t.tenant_id
    WHERE t.document_id = %(document_id)s AND t.tenant_id = %(tenant_id)s AND d.cold_at IS NOT NULL
      AND t.cold_chunks IS NOT NULL
    FOR UPDATE OF t
"""
_DELETE_CHUNKS: LiteralString = "DELETE FROM chunks WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s"
_COPY_CHUNKS: LiteralString = """
    COPY chunks (id, tenant_id, document_id, ordinal, heading, text, start_offset, end_offset, page, lead) FROM STDIN
"""
_FORGET: LiteralString = """
    UPDATE document_texts SET cold_chunks = NULL WHERE document_id = %(document_id)s AND tenant_id = %(tenant_id)s
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class AgeFrom(StrEnum):
    """From when on the age of a document counts."""

    USE = "use"
    """From its upload or restoring, or from the last question that it was found for."""
    UPLOAD = "upload"
    """From its upload or restoring, whatever was asked since."""


class Limit(msgspec.Struct, frozen=True):
    """When a document is old: after so many `days`, 0 for never, counted from what `age_from` says."""

    days: int
    age_from: AgeFrom = AgeFrom.USE


class Restored(msgspec.Struct, frozen=True):
    """The newest job of a document. Not `is_new` when it was there before: the document is on its way, or not cold."""

    document_id: DocumentId
    job_id: JobId
    is_new: bool


class _Document(msgspec.Struct, frozen=True):
    id: DocumentId
    tenant_id: TenantId
    name: str

    @property
    def key(self) -> dict[str, object]:
        return {"document_id": self.id, "tenant_id": self.tenant_id}


class _Edges(msgspec.Struct, frozen=True, array_like=True):
    """A chunk without its text."""

    id: ChunkId
    ordinal: int
    heading: str
    start: int
    end: int
    page: int | None
    lead: str


class ColdStorage:
    """Where documents go that are old. What stays of one is its text, the edges of its chunks and its original."""

    def __init__(self, database: Database, discard: Discard, limit: Limit) -> None:
        self._database = database
        self._discard = discard
        self._limit = limit

    async def run(self) -> int:
        """Put away one round of what is old; return how many documents became cold. Raises StoreUnavailable.

        It may be cut off anywhere: a document is cold first, then loses its points, then its chunks' rows, which are
        the sign that there may be points. What a round left begun, the next one ends.
        """
        for document in await self._select(_SELECT_BEGUN, {}):
            await self._put_away(document)
        if not self._limit.days:
            return 0
        chilled = 0
        for document in await self._select(_SELECT_OLD, self._age):
            async with self._database.transaction("documents.cold") as conn:
                await lock_name(conn, document.tenant_id, document.name)
                became = (await conn.execute(_CHILL, {**document.key, **self._age})).rowcount
            if became:
                await self._put_away(document)
                chilled += 1
        if chilled:
            log.info("documents.cold", documents=chilled)
        return chilled

    async def restore(self, tenant_id: TenantId, document_id: DocumentId) -> Restored:
        """Have a cold document brought back; until its job is done no question finds it. Asking again changes nothing.

        Raises DocumentUnknown, also when it is another tenant's or was removed.
        """
        key = {"document_id": document_id, "tenant_id": tenant_id}
        async with self._database.transaction("documents.cold") as conn:
            found = await (await conn.execute(_SELECT_STATE, key)).fetchone()
            if found is not None:
                await lock_name(conn, tenant_id, found["name"])
                # Its state may have changed while the lock was waited for.
                found = await (await conn.execute(_SELECT_STATE, key)).fetchone()
            if found is None:
                raise DocumentUnknown("there is no such document")
            return await restore(conn, tenant_id, document_id, DocumentState(found["state"]))

    async def unpack(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        """Give a cold document its chunks' rows again, cut from its text: the same ids and offsets as before."""
        key = {"document_id": document_id, "tenant_id": tenant_id}
        async with self._database.transaction("documents.cold") as conn:
            kept = await (await conn.execute(_SELECT_KEPT, key)).fetchone()
            if kept is None:
                return
            text: str = kept["text"]
            await conn.execute(_DELETE_CHUNKS, key)
            async with conn.cursor() as cursor, cursor.copy(_COPY_CHUNKS) as copy:
                for edges in msgspec.convert(kept["cold_chunks"], list[_Edges]):
                    place = (text[edges.start : edges.end], edges.start, edges.end, edges.page, edges.lead)
                    await copy.write_row((edges.id, tenant_id, document_id, edges.ordinal, edges.heading, *place))
            await conn.execute(_FORGET, key)

    @property
    def _age(self) -> dict[str, object]:
        return {"days": self._limit.days, "by_use": self._limit.age_from is AgeFrom.USE}

    async def _select(self, statement: LiteralString, values: dict[str, object]) -> list[_Document]:
        async with self._database.connection("documents.cold") as conn:
            rows = await (await conn.execute(statement, {**values, "limit": AT_ONCE})).fetchall()
        return msgspec.convert(rows, list[_Document])

    async def _put_away(self, document: _Document) -> None:
        await self._discard.document(document.tenant_id, document.id)
        async with self._database.transaction("documents.cold") as conn:
            await lock_name(conn, document.tenant_id, document.name)
            await conn.execute(_PUT_AWAY, document.key)


async def restore(conn: Connection, tenant_id: TenantId, document_id: DocumentId, state: DocumentState) -> Restored:
    """Restore a document that is in `state`, inside the caller's transaction, which holds the lock of its name."""
    key = {"document_id": document_id, "tenant_id": tenant_id}
    newest = await (await conn.execute(_SELECT_JOB, key)).fetchone()
    is_on_its_way = newest is not None and newest["kind"] == RESTORE.name and newest["state"] in {"accepted", "running"}
    if newest is not None and (state is not DocumentState.COLD or is_on_its_way):
        return Restored(document_id, JobId(UUID(str(newest["id"]))), is_new=False)
    # Else it would be old again as soon as it is back.
    await conn.execute(_NOTE, key)
    job_id = await jobs.insert(conn, RESTORE, tenant_id, document_id)
    return Restored(document_id, job_id, is_new=True)
