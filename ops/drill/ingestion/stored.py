"""What stands in every store of documents that were read in, and what of it is not as it must be."""

import asyncio
import math
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import mul
from pathlib import Path
from typing import Any, LiteralString, cast

import httpx
from psycopg.rows import DictRow

from app.ids import DocumentId
from app.retrieval.chunks import embedded_text
from app.retrieval.parser import Parser
from app.retrieval.said import Parsed
from app.retrieval.versions import chunk_id
from ops.drill.application import EMBED
from ops.drill.calls import Calls
from ops.drill.ingestion.corpus import Source
from ops.drill.rows import Conn

SAME = 1e-3
"""A stored vector is scaled to length one, in single precision."""
SCROLLED = 200
EMBEDDED_AT_ONCE = 64
LIMIT_S = 30.0

SELECT_DOCUMENTS: LiteralString = """
    SELECT id, tenant_id, version, state, error_code, xmin::text FROM documents WHERE name = %s
"""
SELECT_JOBS: LiteralString = """
    SELECT id, kind, state, step, progress, attempt, error_code, finished_at IS NOT NULL AS has_ended, xmin::text
    FROM jobs WHERE subject_id = %s
"""
SELECT_CHUNKS: LiteralString = """
    SELECT id, ordinal, heading, text, lead, start_offset, end_offset, page, xmin::text FROM chunks
    WHERE document_id = %s ORDER BY ordinal
"""
SELECT_TEXT: LiteralString = "SELECT text FROM document_texts WHERE document_id = %s"
SELECT_ERRANDS: LiteralString = """
    SELECT status::text FROM procrastinate_jobs WHERE queueing_lock = 'ingest:' || %s AND status = 'todo'
"""
SELECT_USAGE: LiteralString = """
    SELECT outcome, count(*) AS calls FROM usage WHERE kind = 'embed' AND agent = 'ingest' GROUP BY outcome
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the stores are."""

    conn: Conn
    qdrant_url: str
    collection: str
    node_url: str
    blobs: Path


@dataclass(frozen=True, slots=True)
class Stored:
    """All rows of one document."""

    source: Source
    documents: Sequence[DictRow]
    jobs: Sequence[DictRow]
    chunks: Sequence[DictRow]
    text: str | None
    errands: int

    @property
    def texts(self) -> list[str]:
        """What is embedded for its chunks."""
        return [embedded_text(chunk["heading"], chunk["text"], chunk["lead"]) for chunk in self.chunks]


def stored(places: Places, source: Source) -> Stored:
    """Return the rows of a document."""
    documents = places.conn.execute(SELECT_DOCUMENTS, (source.name,)).fetchall()
    if not documents:
        return Stored(source, (), (), (), None, 0)
    document_id = documents[0]["id"]
    jobs = places.conn.execute(SELECT_JOBS, (document_id,)).fetchall()
    chunks = places.conn.execute(SELECT_CHUNKS, (document_id,)).fetchall()
    text = places.conn.execute(SELECT_TEXT, (document_id,)).fetchone()
    errands = sum(len(places.conn.execute(SELECT_ERRANDS, (str(job["id"]),)).fetchall()) for job in jobs)
    return Stored(source, documents, jobs, chunks, None if text is None else text["text"], errands)


def usage(places: Places) -> Mapping[str, int]:
    """Return how many calls for ingestion have a row, by their outcome; the database is the drill's own."""
    return {row["outcome"]: row["calls"] for row in places.conn.execute(SELECT_USAGE)}


def differences(places: Places, calls: Calls, source: Source) -> Iterator[str]:
    """Yield what is not as it must be of a document that was read in."""
    found = stored(places, source)
    wrong = list(_of_rows(found))
    yield from (f"{source.name}: {what}" for what in wrong)
    if wrong:
        return
    parsed = asyncio.run(_read(source))
    document = found.documents[0]
    for what in (*_of_chunks(found, parsed), *_of_points(places, found), *_of_blob(places, found)):
        yield f"{source.name}: {what}"
    yield from (f"{source.name}: {what}" for what in _of_search(calls, source, str(document["id"])))


def _of_rows(found: Stored) -> Iterator[str]:
    documents = [(row["version"], row["state"], row["error_code"]) for row in found.documents]
    if documents != [(1, "ready", None)]:
        yield f"versions are {documents}"
        return
    jobs = [
        (job["kind"], job["state"], job["step"], job["progress"], job["error_code"], job["has_ended"])
        for job in found.jobs
    ]
    if jobs != [("ingest", "done", "ready", 1.0, None, True)]:
        yield f"jobs are {jobs}"
    if found.errands:
        yield f"{found.errands} errands are left"


async def _read(source: Source) -> Parsed:
    with tempfile.TemporaryFile() as file:
        file.write(source.content)
        file.seek(0)
        return await Parser(wall_s=LIMIT_S).parse(file, source.media_type)


def _of_chunks(found: Stored, parsed: Parsed) -> Iterator[str]:
    document_id = DocumentId(found.documents[0]["id"])
    wanted = [
        (chunk_id(document_id, ordinal), ordinal, chunk.heading, chunk.text, chunk.lead, chunk.start, chunk.end)
        for ordinal, chunk in enumerate(parsed.chunks)
    ]
    have = [
        tuple(row[name] for name in ("id", "ordinal", "heading", "text", "lead", "start_offset", "end_offset"))
        for row in found.chunks
    ]
    if have != wanted:
        yield f"{len(have)} chunks are stored, and not the {len(wanted)} that the file has"
    if found.text != parsed.text:
        yield "its text is not the file's"


def _of_points(places: Places, found: Stored) -> Iterator[str]:
    document = found.documents[0]
    points = {point["id"]: point for point in _points(places, "document_id", str(document["id"]))}
    wanted = {str(chunk["id"]): chunk for chunk in found.chunks}
    if points.keys() != wanted.keys():
        yield f"{len(points)} points for {len(wanted)} chunks, {len(points.keys() - wanted.keys())} of them strangers"
        return
    payloads = [
        (point["payload"]["tenant_id"], point["payload"]["document_id"], point["payload"]["ordinal"])
        for _, point in sorted(points.items(), key=lambda one: one[1]["payload"]["ordinal"])
    ]
    if payloads != [(str(document["tenant_id"]), str(document["id"]), number) for number in range(len(wanted))]:
        yield "the payloads are not the chunks'"
    for chunk, vector in zip(found.chunks, _vectors(places, found.texts), strict=True):
        have = points[str(chunk["id"])]["vector"]["dense"]
        if not _is_same(have, vector):
            yield f"the vector of chunk {chunk['ordinal']} is another text's"


def _points(places: Places, field: str, value: str) -> list[dict[str, Any]]:
    body: dict[str, Any] = {
        "filter": {"must": [{"key": field, "match": {"value": value}}]},
        "limit": SCROLLED,
        "with_payload": True,
        "with_vector": ["dense"],
    }
    found = list[dict[str, Any]]()
    while True:
        page = _post(f"{places.qdrant_url}/collections/{places.collection}/points/scroll", body)["result"]
        found += page["points"]
        if page["next_page_offset"] is None:
            return found
        body["offset"] = page["next_page_offset"]


def _vectors(places: Places, texts: Sequence[str]) -> list[list[float]]:
    vectors = list[list[float]]()
    for start in range(0, len(texts), EMBEDDED_AT_ONCE):
        part = texts[start : start + EMBEDDED_AT_ONCE]
        vectors += _post(f"{places.node_url}/api/embed", {"model": EMBED, "input": part})["embeddings"]
    return vectors


def _is_same(one: Sequence[float], other: Sequence[float]) -> bool:
    lengths = math.hypot(*one) * math.hypot(*other)
    return lengths > 0 and sum(map(mul, one, other)) / lengths > 1 - SAME


def _of_blob(places: Places, found: Stored) -> Iterator[str]:
    digest = sha256(found.source.content).hexdigest()
    kept = list(places.blobs.rglob(f"{digest}*"))
    if [path.name for path in kept] != [digest]:
        yield f"its original is kept {len(kept)} times"
    elif kept[0].read_bytes() != found.source.content:
        yield "its original is another file"


def _of_search(calls: Calls, source: Source, document_id: str) -> Iterator[str]:
    reply = calls.get(f"/api/v1/search?{httpx.QueryParams({'question': source.question})}")
    holding = [one["document_id"] for one in reply["passages"] if source.fact in " ".join(one["text"].split())]
    if holding != [document_id]:
        yield f"{source.question!r} finds its answer in {Counter(holding)}"


def strangers(places: Places, tenant_id: str, sources: Sequence[Source]) -> Iterator[str]:
    """Yield what the stores hold of a tenant beside these documents."""
    chunks = sum(len(stored(places, source).chunks) for source in sources)
    points = len(_points(places, "tenant_id", tenant_id))
    if points != chunks:
        yield f"the tenant has {points} points for {chunks} chunks"
    left = [path.name for path in places.blobs.rglob("staging/*")]
    if left:
        yield f"uploads are left over: {left}"


def _post(url: str, body: Mapping[str, object]) -> dict[str, Any]:
    with httpx.Client(timeout=LIMIT_S, trust_env=False) as client:
        return cast("dict[str, Any]", client.post(url, json=body).raise_for_status().json())
