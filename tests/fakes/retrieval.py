"""Retrieval over given stores, with an embedding that needs no model."""

import math
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import mmh3
from prometheus_client import CollectorRegistry

from app.blob_directory import DirectoryBlobs
from app.blobs import Blobs
from app.errors import ContextTooLong, NoNodeAvailable
from app.ids import DocumentId, JobId, TenantId
from app.jobs.lost import LostJobs
from app.jobs.rows import Job, Jobs
from app.jobs.workers import Work, Workers
from app.postgres import Database, Pool
from app.retrieval.cold import AgeFrom, ColdStorage, Limit
from app.retrieval.discard import Discard
from app.retrieval.documents import Documents, Upload
from app.retrieval.editions.backfill import Backfill
from app.retrieval.editions.editions import Editions, Seed
from app.retrieval.ingest import Ingest
from app.retrieval.parser import Parser
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.reconcile import Reconciler
from app.retrieval.restoring import Restoring
from app.retrieval.search import Passage, Search
from app.retrieval.states import DOCUMENT_JOBS, RESTORE, JobKind
from app.retrieval.uses import Uses
from app.retrieval.vectors import EmbedFor
from app.retrieval.versions import end_cancelled, end_given_up
from app.retrieval.words import terms
from app.telemetry.metrics import Metrics

DENSE_SIZE = 64
MODEL = "hashed"


def hashed(text: str, size: int = DENSE_SIZE) -> list[float]:
    """A bag of words as a unit vector: texts with words in common are near each other, always in the same way."""
    vector = [0.0] * size
    for term in terms(text) or [text]:
        vector[mmh3.hash(term, signed=False) % size] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


@dataclass(frozen=True)
class Hashed:
    """Vectors of an embedder that nothing was fitted to."""

    vectors: list[list[float]]
    digest: str = "hashed"


@dataclass
class FakeEmbedding:
    """Embeds by hashing, remembers what it was asked, and raises what it is told to."""

    asked: list[str] = field(default_factory=list[str])
    raises: BaseException | None = None
    fails_after: int = 1_000_000
    longest_chars: int = 1_000_000
    sizes: dict[str, int] = field(default_factory=lambda: {MODEL: DENSE_SIZE})
    """The models that there are, with the lengths of their vectors."""
    models: list[str] = field(default_factory=list[str])
    """By which each text was embedded."""

    async def for_job(
        self, tenant_id: TenantId | None, kind: JobKind, model: str, texts: Sequence[str]
    ) -> list[list[float]]:
        """Embed for a job, or for the platform itself."""
        assert kind is JobKind.REINDEX or tenant_id is not None
        return (await self(model, texts)).vectors

    async def __call__(self, model: str, texts: Sequence[str]) -> "Hashed":
        if model not in self.sizes:
            raise NoNodeAvailable(f"no node serves {model}")
        if self.raises is not None and len(self.asked) >= self.fails_after:
            raise self.raises
        if any(len(text) > self.longest_chars for text in texts):
            raise ContextTooLong("a text is too long")
        self.asked.extend(texts)
        self.models.extend([model] * len(texts))
        return Hashed([hashed(text, self.sizes[model]) for text in texts])


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """The body of an upload, as it arrives."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


class Frozen(Executor):
    """Threads whose file system hangs: what is given to them is done when it thaws."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - Executor's signature
        """Take a call."""
        del args, kwargs
        future: Future[Any] = Future()
        self.waiting.append((future, fn))
        return future


class Retrieval:
    """Everything of `app.retrieval` for one test: a tenant of its own and, by default, a collection of its own."""

    def __init__(self, pool: Pool, index: QdrantPeers, directory: Path, *, limit_bytes: int = 1_000_000) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.database = Database(pool, self.metrics)
        self.index = index
        self.editions = self.editions_of(index)
        self.blobs = DirectoryBlobs(directory)
        self.embedding = FakeEmbedding()
        self.jobs = Jobs(self.database, self.metrics, DOCUMENT_JOBS, on_cancelled=end_cancelled)
        self.documents = self.documents_with(index, limit_bytes=limit_bytes)
        self.uses = Uses(self.database)
        self.search = Search(self.database, self.editions, on_found=self.uses.note)
        self.backfill = Backfill(self.database, self.editions, self.metrics, embed=self.embedding.for_job)
        discard = self.discard_of(index)
        self.reconciler = Reconciler(self.database, self.blobs, self.editions, discard, self.backfill)

    def _editions_at(self, index: QdrantPeers) -> Editions:
        return self.editions if index is self.index else self.editions_of(index)

    def editions_of(self, index: QdrantPeers) -> Editions:
        """The editions behind an index's alias, as another process follows them."""
        return Editions(self.database, index, Seed(MODEL, DENSE_SIZE), self.metrics)

    def documents_with(
        self,
        index: QdrantPeers,
        *,
        blobs: Blobs | None = None,
        limit_bytes: int = 1_000_000,
        clean_s: float = 30.0,
    ) -> Documents:
        """The documents, cleaned up in another index or another blob store."""
        blobs = blobs or self.blobs
        return Documents(self.database, blobs, self.discard_of(index, blobs), limit_bytes=limit_bytes, clean_s=clean_s)

    def discard_of(self, index: QdrantPeers, blobs: Blobs | None = None) -> Discard:
        """What cleans up in an index and a blob store."""
        return Discard(self.database, blobs or self.blobs, self._editions_at(index))

    def lost_jobs(self) -> LostJobs:
        """What finds the jobs of workers that have been silent for a minute."""
        return LostJobs(self.database, self.metrics, DOCUMENT_JOBS, end_given_up, silent_s=60.0)

    def ingest(
        self, *, index: QdrantPeers | None = None, embed: EmbedFor | None = None, parser: Parser | None = None
    ) -> Workers:
        """The worker of ingestions with the fake embedding, or with another one."""
        index = index or self.index
        work = Ingest(
            self.database,
            self.jobs,
            self.blobs,
            self._editions_at(index),
            self.discard_of(index),
            parser=parser or Parser(wall_s=20.0),
            embed=embed or self.embedding.for_job,
        )
        works: dict[str, Work] = {kind.name: work for kind in DOCUMENT_JOBS}
        return Workers(self.jobs, works | {RESTORE.name: Restoring(self.cold(index=index), work)})

    def cold(
        self, *, days: int = 730, age_from: AgeFrom = AgeFrom.USE, index: QdrantPeers | None = None
    ) -> ColdStorage:
        """Cold storage for what is older than so many days."""
        return ColdStorage(self.database, self.discard_of(index or self.index), Limit(days, age_from))

    async def tenant(self) -> TenantId:
        """A new tenant."""
        tenant_id = TenantId(uuid4())
        async with self.database.connection("test") as conn:
            await conn.execute("INSERT INTO tenants (id, name) VALUES (%s, %s)", (tenant_id, str(tenant_id)))
        return tenant_id

    async def add(self, tenant_id: TenantId, name: str, text: str, *, request_id: str | None = None) -> Upload:
        """Upload a text."""
        return await self.documents.add(tenant_id, name, "", pieces(text.encode()), request_id=request_id)

    async def ingested(self, tenant_id: TenantId, name: str, text: str) -> Upload:
        """Upload a text and run its job."""
        upload = await self.add(tenant_id, name, text)
        await self.ingest().run(upload.job_id)
        return upload

    async def job(self, tenant_id: TenantId, job_id: JobId) -> Job:
        """The job as its tenant sees it."""
        return await self.jobs.get(tenant_id, job_id)

    async def ask(self, tenant_id: TenantId, question: str, limit: int = 5) -> list[Passage]:
        """The passages for a question."""
        looked = await self.search.find(tenant_id, question, embed=self.embedding, limit=limit)
        return list(looked.passages)

    async def chunk_count(self, document_id: DocumentId) -> int:
        """Rows of chunks of a document."""
        async with self.database.connection("test") as conn:
            cursor = await conn.execute("SELECT count(*) AS n FROM chunks WHERE document_id = %s", (document_id,))
            row = await cursor.fetchone()
        assert row is not None
        return int(row["n"])

    async def execute(self, statement: str, *values: object) -> list[dict[str, object]]:
        """Rows of any statement, to look behind the doors or to play a crash."""
        async with self.database.connection("test") as conn:
            cursor = await conn.execute(statement.encode(), values)
            return [] if cursor.description is None else list(await cursor.fetchall())
