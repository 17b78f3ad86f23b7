"""A worker that comes back to a job which another has begun or ended meanwhile writes nothing more."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import BinaryIO

import pytest
from structlog.testing import capture_logs

from app.errors import NodeFailed
from app.ids import TenantId
from app.jobs.rows import ClaimedJob
from app.jobs.states import JobState
from app.retrieval.documents import Upload
from app.retrieval.media import MediaType
from app.retrieval.parser import Parser
from app.retrieval.points import Point, SparseVector
from app.retrieval.said import Parsed
from app.retrieval.states import DocumentState, JobKind
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from app.retrieval.vectors import BATCH
from app.retrieval.versions import chunk_id
from tests.fakes.retrieval import DENSE_SIZE, Retrieval, hashed
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

Meanwhile = Callable[[], Awaitable[object]]
CHUNKS = BATCH + 5
LONG = "\n".join(f"## Part {number}\n\nPart {number} weighs {number * 7} grams.\n" for number in range(CHUNKS))
WRONG = [1.0] + [0.0] * (DENSE_SIZE - 1)
STORED = "SELECT xmin::text, state, embed_model, updated_at FROM documents WHERE id = %s"
CHUNKS_STORED = "SELECT min(xmin::text) AS first, count(*) AS chunks FROM chunks WHERE document_id = %s"


class LateParser(Parser):
    """Reads a document, and is away before it says what it read, or that it took too long."""

    def __init__(self, meanwhile: Meanwhile, *, fails: bool = False) -> None:
        super().__init__(wall_s=20.0)
        self._meanwhile = meanwhile
        self._fails = fails

    async def parse(self, source: BinaryIO, media_type: MediaType, charset: str | None = None) -> Parsed:
        """Return the document when it is late."""
        parsed = await super().parse(source, media_type, charset)
        await self._meanwhile()
        if self._fails:
            raise DocumentUnreadable(Unreadable.TIMEOUT)
        return parsed


class Late:
    """One upload, which another worker reads in while this one is away, and how it stood then."""

    def __init__(self, retrieval: Retrieval, tenant: TenantId, upload: Upload) -> None:
        self.retrieval, self.tenant, self.upload = retrieval, tenant, upload
        self.other: asyncio.Task[list[object]] | None = None

    async def another(self) -> None:
        """Have another worker do the job, once; it goes on when the one that is away gives up."""
        self.other = self.other or asyncio.create_task(self.work())
        await asyncio.shield(self.other)

    async def work(self) -> list[object]:
        """Do the job; return how it stood then."""
        await self.retrieval.ingest().run(self.upload.job_id)
        return await self.stands()

    async def stands(self) -> list[object]:
        """The rows of the document, told apart from equal ones that were written again, and of its job."""
        job = await self.retrieval.job(self.tenant, self.upload.job_id)
        return [
            *await self.retrieval.execute(STORED, self.upload.document_id),
            *await self.retrieval.execute(CHUNKS_STORED, self.upload.document_id),
            job,
        ]

    async def check(self) -> None:
        """Everything is as the other one left it, and each chunk has its own vector."""
        assert self.other is not None
        assert await self.other == await self.stands()
        assert (await self.retrieval.job(self.tenant, self.upload.job_id)).state is JobState.DONE
        assert await self.retrieval.index.count(self.tenant, self.upload.document_id) == CHUNKS
        for ordinal in (3, BATCH + 3):
            asked = hashed(f"## Part {ordinal}\n\nPart {ordinal} weighs {ordinal * 7} grams.")
            found = await self.retrieval.index.query(self.tenant, asked, SparseVector((), ()), limit=3)
            assert chunk_id(self.upload.document_id, ordinal) in {point.id for point in found}


@pytest.fixture
async def late(retrieval: Retrieval) -> Late:
    """A text of two batches that waits for its workers."""
    tenant = await retrieval.tenant()
    return Late(retrieval, tenant, await retrieval.add(tenant, "long.md", LONG))


async def test_one_that_was_away_while_it_read_does_not_store_its_text_again(retrieval: Retrieval, late: Late) -> None:
    await retrieval.ingest(parser=LateParser(late.another)).run(late.upload.job_id)
    await late.check()


@pytest.mark.parametrize("batch", [0, 1])
async def test_one_that_was_away_while_it_embedded_writes_no_points(
    retrieval: Retrieval, late: Late, batch: int
) -> None:
    asked: list[int] = []

    async def embed(tenant_id: TenantId | None, kind: JobKind, model: str, texts: Sequence[str]) -> list[list[float]]:
        asked.append(len(texts))
        if len(asked) <= batch:
            return await retrieval.embedding.for_job(tenant_id, kind, model, texts)
        await late.another()
        return [WRONG for _ in texts]

    await retrieval.ingest(embed=embed).run(late.upload.job_id)
    assert sum(asked) == CHUNKS
    await late.check()


async def test_one_that_was_away_before_the_end_does_not_end_the_job_again(
    retrieval: Retrieval, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = (await retrieval.editions.serving()).index
    count = index.count
    counted: list[int] = []

    async def count_late(*given: object) -> int:
        counted.append(await count(*given))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        if counted[-1] == CHUNKS:
            monkeypatch.undo()
            await late.another()
        return counted[-1]

    monkeypatch.setattr(index, "count", count_late)
    await retrieval.ingest().run(late.upload.job_id)
    await late.check()


async def test_one_that_was_away_before_it_stored_its_text_does_not_begin_anew(
    retrieval: Retrieval, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = retrieval.jobs.advance

    async def advance_late(job: ClaimedJob, step: str, progress: float, *counts: Mapping[str, int]) -> None:
        monkeypatch.undo()
        await advance(job, step, progress, *counts)
        await late.another()

    monkeypatch.setattr(retrieval.jobs, "advance", advance_late)
    await retrieval.ingest().run(late.upload.job_id)
    await late.check()


@pytest.mark.parametrize("fails", [False, True])
async def test_one_that_goes_on_or_fails_when_another_has_the_job_changes_neither_job_nor_document(
    retrieval: Retrieval, late: Late, *, fails: bool
) -> None:
    async def claimed() -> None:
        assert await retrieval.jobs.claim(late.upload.job_id) is not None

    with capture_logs() as lines:
        await retrieval.ingest(parser=LateParser(claimed, fails=fails)).run(late.upload.job_id)
    assert [(line["event"], line["attempt"]) for line in lines] == [("job.lost", 1)]
    job = await retrieval.job(late.tenant, late.upload.job_id)
    assert (job.state, job.attempt, job.step, job.error_code) == (JobState.RUNNING, 2, DocumentState.RECEIVED, None)
    document = await retrieval.documents.get(late.tenant, late.upload.document_id)
    assert document.state is DocumentState.RECEIVED


async def test_what_one_wrote_of_a_document_that_was_removed_meanwhile_is_taken_away(
    retrieval: Retrieval, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = (await retrieval.editions.serving()).index
    upsert = index.upsert

    async def upsert_late(points: Sequence[Point]) -> None:
        monkeypatch.undo()
        await late.another()
        await retrieval.documents.remove(late.tenant, late.upload.document_id)
        assert await retrieval.index.count(late.tenant) == 0
        await upsert(points)
        assert await retrieval.index.count(late.tenant) == BATCH

    monkeypatch.setattr(index, "upsert", upsert_late)
    await retrieval.ingest().run(late.upload.job_id)
    assert await retrieval.index.count(late.tenant) == 0


async def test_the_batch_that_is_embedded_ahead_is_given_up_with_its_job(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "long.md", LONG)
    is_ahead, given_up = asyncio.Event(), list[int]()
    asked = list[int]()

    async def embed(_tenant: TenantId | None, _kind: JobKind, _model: str, texts: Sequence[str]) -> list[list[float]]:
        asked.append(len(texts))
        if len(asked) == 1:
            await is_ahead.wait()
            raise NodeFailed("node a broke off")
        is_ahead.set()
        try:
            return await asyncio.Future()
        finally:
            given_up.append(len(texts))

    async with asyncio.timeout(30.0):
        await retrieval.ingest(embed=embed).run(upload.job_id)
    assert given_up == [CHUNKS - BATCH]
    assert (await retrieval.job(tenant, upload.job_id)).error_code == "node_failed"
