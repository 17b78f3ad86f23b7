"""What a crash left different is put right."""

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from app.ids import JobId, TenantId
from app.jobs import rows as jobs
from app.jobs.states import JobState
from app.retrieval.reconcile import AT_ONCE
from app.retrieval.states import REINDEX, DocumentState
from app.retrieval.vectors import BATCH
from tests.fakes.retrieval import Retrieval, pieces
from tests.integration.retrieval_fixtures import alone as alone
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


async def test_lost_points_are_written_again_while_the_document_stays_ready(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    upload = await alone.ingested(tenant, "kiln.md", KILN)
    await alone.index.remove_document(tenant, upload.document_id)
    assert (await alone.reconciler.run()).reindexed == 1
    assert (await alone.documents.get(tenant, upload.document_id)).state is DocumentState.READY
    rows = await alone.execute("SELECT id FROM jobs WHERE document_id = %s AND kind = 'reindex'", upload.document_id)
    assert len(rows) == 1
    job_id = JobId(rows[0]["id"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await alone.reconciler.run()
    assert len(await alone.execute(ERRANDS, f"ingest:{job_id}")) == 1, "it is asked for once"
    await alone.ingest().run(job_id)
    assert (await alone.job(tenant, job_id)).state is JobState.DONE
    assert await alone.index.count(tenant, upload.document_id) == 2


LOST = """
    INSERT INTO documents (id, tenant_id, name, media_type, size_bytes, sha256, version, state, embed_model)
    SELECT gen_random_uuid(), %s, n::text, 'text/plain', 1, '', 1, 'ready', 'hashed' FROM generate_series(1, %s) n
"""
LOST_CHUNKS = """
    INSERT INTO chunks (id, tenant_id, document_id, ordinal, heading, text, start_offset, end_offset)
    SELECT gen_random_uuid(), tenant_id, id, 0, '', 'x', 0, 1 FROM documents WHERE tenant_id = %s
"""


async def test_all_documents_of_an_index_that_is_empty_are_queued_at_once(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.execute(LOST, tenant, 2 * AT_ONCE + 1)
    await alone.execute(LOST_CHUNKS, tenant)
    assert (await alone.reconciler.run()).reindexed == 2 * AT_ONCE + 1
    assert (await alone.reconciler.run()).reindexed == 0


async def test_a_reindex_embeds_every_chunk_anew_though_every_point_is_there(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    text = "\n".join(f"## Part {number}\n\nPart {number} weighs {number} grams.\n" for number in range(BATCH))
    upload = await retrieval.ingested(tenant, "parts.md", text)
    asked = len(retrieval.embedding.asked)
    await retrieval.editions.given.forget(tenant, upload.document_id)
    async with retrieval.database.transaction("test") as conn:
        job_id = await jobs.insert(conn, REINDEX, tenant, upload.document_id)
    await retrieval.ingest().run(job_id)
    assert len(retrieval.embedding.asked) - asked == BATCH


async def test_a_page_of_documents_has_two_hundred_at_most_and_one_at_least(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    await retrieval.execute(LOST, tenant, 201)
    lengths = [len(await retrieval.documents.list(tenant, limit=limit)) for limit in (0, 199, 200, 1000)]
    assert lengths == [1, 199, 200, 200]
    await retrieval.execute("DELETE FROM documents WHERE tenant_id = %s", tenant)


async def test_a_reindex_that_cannot_be_done_leaves_the_document_serving(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    await retrieval.editions.given.forget(tenant, upload.document_id)
    async with retrieval.database.transaction("test") as conn:
        job_id = await jobs.insert(conn, REINDEX, tenant, upload.document_id)
    retrieval.embedding.longest_chars = 10
    await retrieval.ingest().run(job_id)
    assert (await retrieval.job(tenant, job_id)).error_code == "context_too_long"
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.READY
    assert await retrieval.index.count(tenant, upload.document_id) == 2


@pytest.mark.requirement("FAM-12.job", "FAM-20.retry")
async def test_a_job_whose_worker_died_is_queued_again(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await lose(retrieval, upload.job_id, attempts=1)
    assert (await retrieval.lost_jobs().requeue())[0] >= 1
    statuses = [row["status"] for row in await retrieval.execute(ERRANDS, f"ingest:{upload.job_id}")]
    assert statuses == ["failed", "todo"]
    await retrieval.ingest().run(upload.job_id)
    assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE


async def test_a_job_that_keeps_killing_its_workers_is_given_up(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await lose(retrieval, upload.job_id, attempts=5)
    assert (await retrieval.lost_jobs().requeue())[1] >= 1
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "internal")
    assert (await retrieval.documents.get(tenant, upload.document_id)).state is DocumentState.FAILED


async def test_a_job_that_waits_for_its_turn_is_left_alone(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    await retrieval.execute("UPDATE jobs SET updated_at = now() - interval '1 hour' WHERE id = %s", upload.job_id)
    await retrieval.lost_jobs().requeue()
    statuses = [row["status"] for row in await retrieval.execute(ERRANDS, f"ingest:{upload.job_id}")]
    assert statuses == ["todo"]


async def test_an_original_that_no_document_has_is_removed_after_an_hour(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    kept = await retrieval.add(tenant, "kiln.md", KILN)
    orphan = await retrieval.blobs.put(TenantId(uuid4()), pieces(b"nobody's"), limit_bytes=100)
    await retrieval.blobs.keep(orphan)
    await retrieval.blobs.put(TenantId(uuid4()), pieces(b"staged"), limit_bytes=100)
    directory = Path(orphan.place).parent.parent
    assert sum(path.is_file() for path in directory.rglob("*")) == 3
    for path in directory.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 7200, time.time() - 7200))
    for _ in range(256):
        await retrieval.reconciler._orphans()  # pyright: ignore[reportPrivateUsage]
    left = [path.name for path in directory.rglob("*") if path.is_file()]
    assert left == [(await retrieval.documents.get(tenant, kept.document_id)).sha256]
