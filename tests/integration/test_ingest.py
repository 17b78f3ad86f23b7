"""Documents become passages, whatever breaks on the way."""

from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import procrastinate
import pytest

from app.errors import JobUnknown, NodeFailed
from app.ids import JobId, TenantId
from app.jobs.states import JobState
from app.postgres import make_pool
from app.retrieval.points import SparseVector
from app.retrieval.states import INGEST, DocumentState, JobKind
from app.retrieval.vectors import BATCH
from app.retrieval.versions import chunk_id
from tests.fakes.retrieval import Retrieval, hashed
from tests.integration.retrieval_fixtures import open_index
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

HANDBOOK = """# Kiln

## Limits

A kiln holds 48 plates and fires at 1,240 degrees.

## Prices

One firing costs 19 euros.
"""


SELECT_CHUNKS = "SELECT ordinal, heading, text FROM chunks WHERE document_id = %s ORDER BY ordinal"


class Killed(BaseException):
    """The process ends here: nothing catches it."""


def long_text(chunks: int) -> str:
    """A text of that many sections, each one chunk."""
    return "\n".join(f"## Part {number}\n\nPart {number} weighs {number * 7} grams.\n" for number in range(chunks))


@pytest.mark.requirement(
    "UPL-04.parsed", "UPL-04.chunks", "UPL-04.vectors", "UPL-07.rows", "UPL-07.vectors", "UPL-48.pipeline"
)
async def test_a_document_becomes_chunks_and_as_many_points(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", HANDBOOK)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.step, job.progress) == (JobState.DONE, DocumentState.READY, 1.0)
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.READY
    limits, prices = "A kiln holds 48 plates and fires at 1,240 degrees.", "One firing costs 19 euros."
    assert await retrieval.execute(SELECT_CHUNKS, upload.document_id) == [
        {"ordinal": 0, "heading": "Kiln > Limits", "text": f"# Kiln\n\n## Limits\n\n{limits}"},
        {"ordinal": 1, "heading": "Kiln > Prices", "text": f"## Prices\n\n{prices}"},
    ]
    assert await retrieval.index.count(tenant, upload.document_id) == 2
    for ordinal, said in enumerate((limits, prices)):
        nearest, _ = await retrieval.index.query(tenant, hashed(said), SparseVector((), ()), limit=2)
        assert nearest.id == chunk_id(upload.document_id, ordinal)


@pytest.mark.requirement("FAM-05.record", "FAM-05.durable")
async def test_the_errand_is_committed_with_the_rows(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", HANDBOOK)
    errands = await retrieval.execute(
        "SELECT queue_name, task_name, status::text, args FROM procrastinate_jobs WHERE queueing_lock = %s",
        f"ingest:{upload.job_id}",
    )
    assert errands == [
        {"queue_name": "ingest", "task_name": "ingest", "status": "todo", "args": {"job_id": str(upload.job_id)}}
    ]


async def test_running_a_finished_job_again_changes_nothing(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", HANDBOOK)
    asked = len(retrieval.embedding.asked)
    await retrieval.ingest().run(upload.job_id)
    assert len(retrieval.embedding.asked) == asked
    assert (await retrieval.job(tenant, upload.job_id)).attempt == 1


@pytest.mark.requirement("UPL-11.state")
async def test_an_absent_node_makes_the_job_wait_and_says_so(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "long.md", long_text(2 * BATCH))
    retrieval.embedding.raises, retrieval.embedding.fails_after = NodeFailed("node a broke off"), BATCH
    await retrieval.ingest().run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.step, job.error_code) == (JobState.ACCEPTED, DocumentState.CHUNKED, "node_failed")
    assert job.error_detail == "node a broke off"
    assert 0.1 < job.progress < 0.9

    retrieval.embedding.raises = None
    await retrieval.ingest().run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code, job.attempt) == (JobState.DONE, None, 2)
    assert len(retrieval.embedding.asked) == 2 * BATCH, "what was embedded before the break is not embedded again"


@pytest.mark.requirement("UPL-11.progress")
async def test_the_progress_of_a_job_grows_with_what_is_embedded(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "long.md", long_text(4 * BATCH))
    told: list[float] = [(await retrieval.job(tenant, upload.job_id)).progress]

    async def embed(_tenant: TenantId | None, _kind: JobKind, model: str, texts: Sequence[str]) -> list[list[float]]:
        told.append((await retrieval.job(tenant, upload.job_id)).progress)
        return (await retrieval.embedding(model, texts)).vectors

    await retrieval.ingest(embed=embed).run(upload.job_id)
    told.append((await retrieval.job(tenant, upload.job_id)).progress)
    assert told == pytest.approx([0.0, 0.1, 0.1, 0.3225, 0.545, 1.0]), "two batches are embedded at a time"


async def test_a_job_that_goes_on_no_longer_tells_what_it_waited_for(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "long.md", long_text(4 * BATCH))
    retrieval.embedding.raises, retrieval.embedding.fails_after = NodeFailed("node a broke off"), BATCH
    await retrieval.ingest().run(upload.job_id)
    retrieval.embedding.raises = None
    told: list[tuple[str | None, str | None]] = []

    async def embed(_tenant: TenantId | None, _kind: JobKind, model: str, texts: Sequence[str]) -> list[list[float]]:
        told_of = await retrieval.job(tenant, upload.job_id)
        told.append((told_of.error_code, told_of.error_detail))
        return (await retrieval.embedding(model, texts)).vectors

    await retrieval.ingest(embed=embed).run(upload.job_id)
    # Two batches are asked for before the first of them is written.
    assert told == [("node_failed", "node a broke off")] * 2 + [(None, None)]


async def test_an_absent_index_makes_the_job_wait_with_an_errand_in_the_future(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", HANDBOOK)
    await retrieval.execute("DELETE FROM procrastinate_jobs WHERE queueing_lock = %s", f"ingest:{upload.job_id}")
    nowhere = await open_index(("http://127.0.0.1:9",))
    await retrieval.ingest(index=nowhere).run(upload.job_id)
    await nowhere.close()
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.ACCEPTED, "store_unavailable")
    errands = await retrieval.execute(
        "SELECT scheduled_at > now() AS later FROM procrastinate_jobs WHERE queueing_lock = %s",
        f"ingest:{upload.job_id}",
    )
    assert errands == [{"later": True}]
    await retrieval.ingest().run(upload.job_id)
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE


@pytest.mark.parametrize("state", ["received", "parsed", "chunked", "indexed"])
async def test_a_job_cut_off_after_any_step_ends_with_as_many_points_as_chunks(
    retrieval: Retrieval, state: str
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "long.md", long_text(BATCH + 5))
    if state == "chunked":
        await retrieval.index.remove_document(tenant, upload.document_id)
    await retrieval.execute("UPDATE documents SET state = %s WHERE id = %s", state, upload.document_id)
    await retrieval.execute("UPDATE jobs SET state = 'running' WHERE id = %s", upload.job_id)
    await retrieval.ingest().run(upload.job_id)
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE
    assert await retrieval.chunk_count(upload.document_id) == BATCH + 5
    assert await retrieval.index.count(tenant, upload.document_id) == BATCH + 5


@pytest.mark.requirement("UPL-11.why", "UPL-32.processing-success")
async def test_a_document_without_text_fails_once_and_for_all(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "blank.txt", " \n\n ")
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code, job.attempt, job.progress) == (JobState.FAILED, "no_text", 1, 0.0)
    assert (await retrieval.documents.get(tenant, upload.document_id)).error_code == "no_text"
    again = await retrieval.ingested(tenant, "blank.txt", " \n\n ")
    assert again.version == 2, "a content that failed may be tried again"
    await retrieval.ingested(tenant, "kiln.md", HANDBOOK)
    ended = retrieval.metrics.registry.get_sample_value
    assert ended("switchyard_jobs_total", {"kind": "ingest", "outcome": "failed"}) == 2
    assert ended("switchyard_jobs_total", {"kind": "ingest", "outcome": "done"}) == 1


async def test_a_text_that_is_too_long_for_the_model_is_embedded_in_parts_and_no_word_is_left_out(
    retrieval: Retrieval,
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", HANDBOOK)
    retrieval.embedding.longest_chars = 60
    await retrieval.ingest().run(upload.job_id)
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE
    assert all(len(text) <= 60 for text in retrieval.embedding.asked)
    read = " ".join(" ".join(retrieval.embedding.asked).split())
    assert "fires at 1,240 degrees." in read
    assert read.endswith("One firing costs 19 euros.")
    found = await retrieval.ask(tenant, "plates in a kiln at 1240 degrees")
    assert found[0].text.endswith("1,240 degrees."), "the words that did not fit are still found by themselves"


async def test_a_text_that_no_cut_makes_fit_ends_the_job_with_the_models_code(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    retrieval.embedding.longest_chars = 10
    upload = await retrieval.ingested(tenant, "kiln.md", HANDBOOK)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code, job.progress) == (JobState.FAILED, "context_too_long", 0.1)
    assert await retrieval.chunk_count(upload.document_id) == 0


async def test_an_ingestion_killed_in_any_batch_ends_complete(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    batches = 4
    for killed_in in range(batches):
        upload = await retrieval.add(tenant, f"long-{killed_in}.md", long_text(batches * BATCH - 3))
        asked = len(retrieval.embedding.asked)
        retrieval.embedding.raises, retrieval.embedding.fails_after = Killed(), asked + killed_in * BATCH
        with pytest.raises(Killed):
            await retrieval.ingest().run(upload.job_id)
        retrieval.embedding.raises = None
        await retrieval.ingest().run(upload.job_id)
        assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE
        assert await retrieval.index.count(tenant, upload.document_id) == batches * BATCH - 3
        assert len(retrieval.embedding.asked) - asked == batches * BATCH - 3, "no chunk was embedded twice"


async def test_a_missing_original_makes_the_job_wait(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", HANDBOOK)
    document = await retrieval.documents.get(tenant, upload.document_id)
    await retrieval.blobs.remove(tenant, bytes.fromhex(document.sha256))
    await retrieval.ingest().run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_detail) == (JobState.ACCEPTED, "the original is not in the blob store")


async def test_a_job_ends_with_what_it_waited_for_after_a_thousand_attempts(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", HANDBOOK)
    retrieval.embedding.raises, retrieval.embedding.fails_after = NodeFailed("node a broke off"), 0
    ends: list[tuple[JobState, int, str | None]] = []
    for attempts in (998, 999):
        await retrieval.execute("UPDATE jobs SET attempt = %s WHERE id = %s", attempts, upload.job_id)
        await retrieval.ingest().run(upload.job_id)
        job = await retrieval.job(tenant, upload.job_id)
        ends.append((job.state, job.attempt, job.error_code))
    assert ends == [(JobState.ACCEPTED, 999, "node_failed"), (JobState.FAILED, 1000, "node_failed")]


@pytest.mark.requirement("FAM-02.queue")
async def test_a_worker_of_the_queue_finds_the_errand_and_does_it(
    new_database: Callable[[], str], qdrant_urls: tuple[str, ...], tmp_path: Path
) -> None:
    url = new_database()
    index = await open_index(qdrant_urls)
    async with make_pool(url, size=4, wait_s=5.0) as pool:
        own = Retrieval(pool, index, tmp_path)
        await own.editions.ensure()
        queue = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

        async def ingest(job_id: str) -> None:
            await own.ingest().run(JobId(UUID(job_id)))

        queue.task(queue=INGEST.queue, name=INGEST.queue)(ingest)
        tenant = await own.tenant()
        upload = await own.add(tenant, "kiln.md", HANDBOOK)
        async with queue.open_async():
            await queue.run_worker_async(queues=[INGEST.queue], wait=False, install_signal_handlers=False)
        assert (await own.job(tenant, upload.job_id)).state is JobState.DONE
    await index.close()


async def test_another_tenants_job_is_unknown(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", HANDBOOK)
    with pytest.raises(JobUnknown):
        await retrieval.jobs.get(other, upload.job_id)
