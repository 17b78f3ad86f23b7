"""Jobs that their owners stop, and what they leave."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import JobUnknown, NodeFailed
from app.ids import TenantId
from app.jobs.refusals import JobNotCancellable
from app.jobs.rows import ClaimedJob
from app.jobs.states import JobState
from app.retrieval.parser import Parser
from app.retrieval.states import DocumentState, JobKind
from app.retrieval.vectors import BATCH
from tests.fakes.retrieval import Retrieval
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\n"
LONG = "\n".join(f"## Part {number}\n\nPart {number} weighs {number * 7} grams.\n" for number in range(3 * BATCH))
LATE = "UPDATE jobs SET updated_at = now() - interval '2 minutes' WHERE id = %s"


def cancelled_counted(retrieval: Retrieval) -> float | None:
    """How many jobs were counted as cancelled."""
    labels = {"kind": "ingest", "outcome": "cancelled"}
    return retrieval.metrics.registry.get_sample_value("switchyard_jobs_total", labels)


async def test_a_job_that_nobody_has_begun_ends_at_once(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    job = await retrieval.jobs.cancel(tenant, upload.job_id)
    assert (job.state, job.error_code, job.is_stopping) == (JobState.CANCELLED, "cancelled", False)
    assert job.finished_at is not None
    document = await retrieval.documents.get(tenant, upload.document_id)
    assert (document.state, document.error_code) == (DocumentState.FAILED, "cancelled")
    await retrieval.ingest().run(upload.job_id)
    assert retrieval.embedding.asked == []
    assert cancelled_counted(retrieval) == 1
    again = await retrieval.ingested(tenant, "kiln.md", KILN)
    assert again.is_new, "what was cancelled may be uploaded again"


async def test_an_ingestion_at_work_stops_after_its_batch_and_leaves_nothing(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    before = await retrieval.ingested(tenant, "long.md", KILN)
    retrieval.embedding.asked.clear()
    upload = await retrieval.add(tenant, "long.md", LONG + LONG)

    async def embed(_tenant: TenantId | None, _kind: JobKind, model: str, texts: Sequence[str]) -> list[list[float]]:
        if len(retrieval.embedding.asked) == 2 * BATCH:
            asked = await retrieval.jobs.cancel(tenant, upload.job_id)
            assert (asked.state, asked.is_stopping) == (JobState.RUNNING, True)
            # The third is asked for once the first is written; the second may be by now.
            assert asked.counts["chunks"] == 6 * BATCH
            assert asked.counts["chunks_done"] in {BATCH, 2 * BATCH}
        return (await retrieval.embedding(model, texts)).vectors

    await retrieval.ingest(embed=embed).run(upload.job_id)
    assert len(retrieval.embedding.asked) <= 4 * BATCH
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code, job.is_stopping) == (JobState.CANCELLED, "cancelled", False)
    assert job.progress < 1
    assert (await retrieval.documents.get(tenant, upload.document_id)).error_code == "cancelled"
    assert await retrieval.index.count(tenant, upload.document_id) == 0
    assert await retrieval.chunk_count(upload.document_id) == 0
    assert [passage.document_id for passage in await retrieval.ask(tenant, "How many plates?")] == [before.document_id]
    assert cancelled_counted(retrieval) == 1


SLEEPER = """
import os, sys, time
with open("{told}.new", "w") as file:
    file.write(str(os.getpid()))
os.rename("{told}.new", "{told}")
time.sleep(600)
"""


async def test_a_document_that_is_being_parsed_is_given_up_with_its_process(
    retrieval: Retrieval, tmp_path: Path
) -> None:
    told = tmp_path / "pid"
    (tmp_path / "sleeper.py").write_text(SLEEPER.format(told=told))
    parser = Parser(module="sleeper", root=tmp_path, wall_s=600.0)
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    async with asyncio.timeout(60.0), asyncio.TaskGroup() as group:
        group.create_task(retrieval.ingest(parser=parser).run(upload.job_id))
        while not told.exists():  # noqa: ASYNC110 - another process tells
            await asyncio.sleep(0.05)
        assert (await retrieval.jobs.cancel(tenant, upload.job_id)).is_stopping
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.CANCELLED
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


async def test_a_job_that_is_cancelled_after_its_last_batch_is_never_done(
    retrieval: Retrieval, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    advance = retrieval.jobs.advance

    async def cancelled_when_indexed(job: ClaimedJob, step: str, progress: float, *counts: Mapping[str, int]) -> None:
        await advance(job, step, progress, *counts)
        if step == DocumentState.INDEXED:
            await retrieval.jobs.cancel(tenant, job.id)

    monkeypatch.setattr(retrieval.jobs, "advance", cancelled_when_indexed)
    await retrieval.ingest().run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.step) == (JobState.CANCELLED, DocumentState.INDEXED)
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.FAILED
    assert await retrieval.ask(tenant, "How many plates does a kiln hold?") == []
    assert await retrieval.index.count(tenant) == 0


async def test_a_cancelled_job_that_meets_an_absent_node_does_not_wait_for_it(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)

    async def embed(_tenant: TenantId | None, _kind: JobKind, model: str, texts: Sequence[str]) -> list[list[float]]:
        del model, texts
        await retrieval.jobs.cancel(tenant, upload.job_id)
        raise NodeFailed("node a broke off")

    await retrieval.ingest(embed=embed).run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.CANCELLED, "cancelled")


async def test_a_cancelled_job_whose_worker_died_is_ended_by_the_next(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await retrieval.jobs.claim(upload.job_id)
    asked = await retrieval.jobs.cancel(tenant, upload.job_id)
    assert (asked.state, asked.is_stopping) == (JobState.RUNNING, True)
    await retrieval.execute("DELETE FROM procrastinate_jobs WHERE queueing_lock = %s", f"ingest:{upload.job_id}")
    await retrieval.execute(LATE, upload.job_id)
    assert (await retrieval.lost_jobs().requeue())[0] >= 1
    await retrieval.ingest().run(upload.job_id)
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.CANCELLED
    assert retrieval.embedding.asked == []


async def test_what_a_waiting_job_had_made_goes_when_it_is_cancelled(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "long.md", LONG)
    retrieval.embedding.raises, retrieval.embedding.fails_after = NodeFailed("node a broke off"), BATCH
    await retrieval.ingest().run(upload.job_id)
    retrieval.embedding.raises = None
    assert (await retrieval.jobs.cancel(tenant, upload.job_id)).state is JobState.CANCELLED
    assert await retrieval.ask(tenant, "What does part 3 weigh?") == []
    assert await retrieval.index.count(tenant) == BATCH
    assert (await retrieval.reconciler.run()).discarded >= 1
    assert (await retrieval.index.count(tenant), await retrieval.chunk_count(upload.document_id)) == (0, 0)


async def test_what_has_ended_or_is_the_installations_own_is_not_cancelled(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    with pytest.raises(JobNotCancellable):
        await retrieval.jobs.cancel(tenant, upload.job_id)
    with pytest.raises(JobUnknown):
        await retrieval.jobs.cancel(other, upload.job_id)
    await retrieval.editions.given.forget(tenant, upload.document_id)
    await retrieval.backfill.queue()
    (reindex,) = await retrieval.jobs.list(tenant, limit=5, states=[JobState.ACCEPTED])
    with pytest.raises(JobNotCancellable):
        await retrieval.jobs.cancel(tenant, reindex.id)
    waiting = await retrieval.add(other, "kiln.md", KILN)
    with pytest.raises(JobUnknown):
        await retrieval.jobs.cancel(tenant, waiting.job_id)
    assert (await retrieval.job(other, waiting.job_id)).state is JobState.ACCEPTED


async def test_jobs_are_listed_by_state_and_subject_and_to_their_tenant_only(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    done = await retrieval.ingested(tenant, "a.md", KILN)
    failed = await retrieval.ingested(tenant, "b.md", " \n")
    stopped = await retrieval.add(tenant, "c.md", KILN)
    await retrieval.jobs.cancel(tenant, stopped.job_id)
    await retrieval.add(other, "a.md", KILN)

    async def listed(tenant: TenantId, *states: JobState) -> list[object]:
        return [job.id for job in await retrieval.jobs.list(tenant, limit=5, states=states)]

    assert await listed(tenant) == [stopped.job_id, failed.job_id, done.job_id]
    assert await listed(tenant, JobState.FAILED) == [failed.job_id]
    assert await listed(tenant, JobState.CANCELLED) == [stopped.job_id]
    assert await listed(tenant, JobState.CANCELLED, JobState.DONE) == [stopped.job_id, done.job_id]
    of_one = await retrieval.jobs.list(tenant, limit=5, subject_id=done.document_id)
    assert [job.id for job in of_one] == [done.job_id]
    after = await retrieval.jobs.list(tenant, limit=1, after=stopped.job_id)
    assert [job.id for job in after] == [failed.job_id]
    assert await retrieval.jobs.list(other, limit=5, after=stopped.job_id) == []


async def test_who_follows_a_job_hears_what_its_rows_say(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "long.md", LONG)
    first = await retrieval.job(tenant, upload.job_id)
    following = retrieval.jobs.follow(first, seen=False)
    assert await anext(following) == first
    await retrieval.ingest().run(upload.job_id)
    told = [job async for job in following]
    assert told[-1] == await retrieval.job(tenant, upload.job_id)
    assert told[-1].state is JobState.DONE
    assert told[-1].counts == {"chunks": 3 * BATCH, "chunks_done": 3 * BATCH}
    assert told[-1].updated_at - first.updated_at > timedelta(0)
