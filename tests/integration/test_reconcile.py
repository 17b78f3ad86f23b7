"""What a crash left different is put right."""

import os
import time
from uuid import uuid4

import pytest

from app.ids import JobId, TenantId
from app.retrieval import jobs
from app.retrieval.states import DocumentState, JobKind, JobState
from tests.fakes.retrieval import Retrieval, pieces
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\n\n## Prices\n\nOne firing costs 19 euros.\n"
ERRANDS = "SELECT status::text, worker_id FROM procrastinate_jobs WHERE queueing_lock = %s ORDER BY id"


async def lose(retrieval: Retrieval, job_id: JobId, *, attempts: int) -> None:
    """Play a worker that took the errand and died two minutes ago."""
    await retrieval.execute(
        "UPDATE procrastinate_jobs SET status = 'doing', attempts = %s WHERE queueing_lock = %s",
        attempts,
        f"ingest:{job_id}",
    )
    await retrieval.execute(
        "UPDATE jobs SET state = 'running', updated_at = now() - interval '2 minutes' WHERE id = %s", job_id
    )


async def test_lost_points_are_written_again_while_the_document_stays_ready(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    await retrieval.index.remove_document(tenant, upload.document_id)
    assert (await retrieval.reconciler.run()).reindexed >= 1
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.READY
    rows = await retrieval.execute(
        "SELECT id FROM jobs WHERE document_id = %s AND kind = 'reindex'", upload.document_id
    )
    assert len(rows) == 1
    job_id = JobId(rows[0]["id"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await retrieval.reconciler.run()
    assert len(await retrieval.execute(ERRANDS, f"ingest:{job_id}")) == 1, "it is asked for once"
    await retrieval.ingest().run(job_id)
    assert (await retrieval.job(tenant, job_id)).state is JobState.DONE
    assert await retrieval.index.count(tenant, upload.document_id) == 2


async def test_a_reindex_that_cannot_be_done_leaves_the_document_serving(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    async with retrieval.database.transaction("test") as conn:
        job_id = await jobs.insert(conn, tenant, upload.document_id, JobKind.REINDEX, DocumentState.CHUNKED)
    retrieval.embedding.longest_chars = 10
    await retrieval.ingest().run(job_id)
    assert (await retrieval.job(tenant, job_id)).error_code == "context_too_long"
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.READY
    assert await retrieval.index.count(tenant, upload.document_id) == 2


@pytest.mark.requirement("FAM-12", "FAM-20")
async def test_a_job_whose_worker_died_is_queued_again(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await lose(retrieval, upload.job_id, attempts=1)
    assert (await retrieval.reconciler.run()).queued_again >= 1
    statuses = [row["status"] for row in await retrieval.execute(ERRANDS, f"ingest:{upload.job_id}")]
    assert statuses == ["failed", "todo"]
    await retrieval.ingest().run(upload.job_id)
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE


async def test_a_job_that_keeps_killing_its_workers_is_given_up(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await lose(retrieval, upload.job_id, attempts=5)
    assert (await retrieval.reconciler.run()).given_up >= 1
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "internal")
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.FAILED


async def test_a_job_that_waits_for_its_turn_is_left_alone(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await retrieval.execute("UPDATE jobs SET updated_at = now() - interval '1 hour' WHERE id = %s", upload.job_id)
    await retrieval.reconciler.run()
    statuses = [row["status"] for row in await retrieval.execute(ERRANDS, f"ingest:{upload.job_id}")]
    assert statuses == ["todo"]


async def test_an_original_that_no_document_has_is_removed_after_an_hour(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    kept = await retrieval.add(tenant, "kiln.md", KILN)
    orphan = await retrieval.blobs.put(TenantId(uuid4()), pieces(b"nobody's"), limit_bytes=100)
    await retrieval.blobs.keep(orphan)
    await retrieval.blobs.put(TenantId(uuid4()), pieces(b"staged"), limit_bytes=100)
    directory = orphan.path.parent.parent
    assert sum(path.is_file() for path in directory.rglob("*")) == 3
    for path in directory.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 7200, time.time() - 7200))
    for _ in range(256):
        await retrieval.reconciler._orphans()  # pyright: ignore[reportPrivateUsage]
    left = [path.name for path in directory.rglob("*") if path.is_file()]
    assert left == [(await retrieval.documents.get(tenant, kept.document_id)).sha256]
