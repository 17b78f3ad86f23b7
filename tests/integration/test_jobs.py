"""The room of jobs, used by work that has nothing to do with documents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
import structlog
from structlog.testing import capture_logs

from app.errors import JobUnknown, NodeFailed, SwitchyardError
from app.ids import JobId, TenantId
from app.jobs.kinds import Kind
from app.jobs.lost import LostJobs
from app.jobs.rows import ClaimedJob, Jobs, insert
from app.jobs.states import JobState
from app.jobs.workers import Workers
from app.postgres import Connection
from tests.fakes.retrieval import Retrieval
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

LETTER = Kind("letter", queue="post", subject="person", steps=("written", "sent"))
ERRANDS = "SELECT queue_name, task_name, status::text FROM procrastinate_jobs WHERE queueing_lock = %s ORDER BY id"


@dataclass
class Posting:
    """Work on letters: it breaks off as often as it is told."""

    retrieval: Retrieval
    jobs: Jobs
    breaks: list[SwitchyardError] = field(default_factory=list[SwitchyardError])
    done: list[UUID] = field(default_factory=list[UUID])

    async def do(self, job: ClaimedJob) -> None:
        """Send a letter."""
        structlog.get_logger().info("letter.sealed")
        if self.breaks:
            raise self.breaks.pop()
        async with self.retrieval.database.transaction("test") as conn:
            await self.jobs.close(conn, job, "sent")
        self.done.append(job.subject_id)

    async def clean(self, job: ClaimedJob) -> None:
        """Nothing is left of a letter."""

    async def fail(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """Give a letter up."""
        async with self.retrieval.database.transaction("test") as conn:
            await self.jobs.close(conn, job, "written", code=why.code, detail=why.detail)


async def posted(retrieval: Retrieval, subject_id: UUID) -> tuple[TenantId, JobId]:
    """A letter's job."""
    tenant = await retrieval.tenant()
    async with retrieval.database.transaction("test") as conn:
        return tenant, await insert(conn, LETTER, tenant, subject_id, request_id="r-9")


def jobs_of(retrieval: Retrieval, kinds: Sequence[Kind]) -> Jobs:
    """The rows of some kinds."""
    return Jobs(retrieval.database, retrieval.metrics, kinds)


async def test_work_of_another_kind_has_its_own_queue_steps_and_subject(retrieval: Retrieval) -> None:
    subject = uuid4()
    tenant, job_id = await posted(retrieval, subject)
    jobs = jobs_of(retrieval, [LETTER])
    assert await retrieval.execute(ERRANDS, f"post:{job_id}") == [
        {"queue_name": "post", "task_name": "post", "status": "todo"}
    ]
    assert (await jobs.get(tenant, job_id)).step == "written"
    posting = Posting(retrieval, jobs, [NodeFailed("the van broke down")])
    workers = Workers(jobs, {"letter": posting})
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await workers.run(job_id)
    assert {line["person_id"] for line in lines} == {str(subject)}
    waiting = await jobs.get(tenant, job_id)
    assert (waiting.state, waiting.error_code, posting.done) == (JobState.ACCEPTED, "node_failed", [])
    await workers.run(job_id)
    job = await jobs.get(tenant, job_id)
    assert (job.state, job.step, job.subject_id, job.attempt) == (JobState.DONE, "sent", subject, 2)
    assert posting.done == [subject]


async def test_a_job_of_a_kind_that_only_another_version_knows_is_left_to_it(retrieval: Retrieval) -> None:
    tenant, job_id = await posted(retrieval, uuid4())
    assert await retrieval.jobs.claim(job_id) is None
    with pytest.raises(JobUnknown):
        await retrieval.jobs.get(tenant, job_id)
    assert (await jobs_of(retrieval, [LETTER]).get(tenant, job_id)).attempt == 0


async def test_a_lost_job_is_queued_again_by_the_owner_of_its_kind_only(retrieval: Retrieval) -> None:
    _, job_id = await posted(retrieval, uuid4())
    await retrieval.execute("DELETE FROM procrastinate_jobs WHERE queueing_lock = %s", f"post:{job_id}")
    await retrieval.execute("UPDATE jobs SET updated_at = now() - interval '2 minutes' WHERE id = %s", job_id)

    async def never(conn: Connection, tenant_id: TenantId, subject_id: UUID) -> None:
        pytest.fail(f"{conn} gave up {subject_id} of {tenant_id}")

    await retrieval.lost_jobs().requeue()
    assert await retrieval.execute(ERRANDS, f"post:{job_id}") == []
    lost = LostJobs(retrieval.database, retrieval.metrics, [LETTER], never, silent_s=60.0)
    assert await lost.requeue() == (1, 0)
    assert [row["status"] for row in await retrieval.execute(ERRANDS, f"post:{job_id}")] == ["todo"]


async def test_a_job_that_the_version_before_wrote_is_found_and_one_of_this_version_is_found_by_it(
    retrieval: Retrieval,
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", "# Kiln\n\nIt is hot.\n")
    (now,) = await retrieval.execute("SELECT document_id FROM jobs WHERE id = %s", upload.job_id)
    assert now["document_id"] == upload.document_id
    before = uuid4()
    await retrieval.execute(
        "INSERT INTO jobs (id, tenant_id, kind, document_id, state, step) VALUES (%s, %s, 'reindex', %s, %s, %s)",
        *(before, tenant, upload.document_id, "accepted", "chunked"),
    )
    assert (await retrieval.jobs.get(tenant, JobId(before))).subject_id == upload.document_id
