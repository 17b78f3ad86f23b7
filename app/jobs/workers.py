"""Does jobs: claims one, has its work done, and makes of what stops it a wait or an end."""

from collections.abc import Mapping
from typing import Protocol

import structlog

from app.errors import Refused, SwitchyardError, Unavailable
from app.ids import JobId
from app.jobs.kinds import Kind
from app.jobs.rows import ClaimedJob, Jobs, JobStopped

ATTEMPTS = 1000
"""Of a job whose stores are away: three days and more, for an outage must not cost an upload."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Work(Protocol):
    """What is done for jobs of a kind. Any of it may be cut off at any moment and done again."""

    async def do(self, job: ClaimedJob) -> None:
        """Do what is left of the job and close it.

        Raises Refused for what will not pass, Unavailable for what may, JobStopped when `Jobs` raised it.
        """
        ...

    async def fail(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """Close the job with the code of what stopped it for good. Raises JobStopped."""
        ...

    async def clean(self, job: ClaimedJob) -> None:
        """Take away what an attempt may have left of a job that was cancelled, or ended by another worker."""
        ...


class Workers:
    """Runs the jobs of every kind that has work here."""

    def __init__(self, jobs: Jobs, work: Mapping[str, Work]) -> None:
        """`work` is by the kind's name."""
        self._jobs = jobs
        self._work = work

    async def run(self, job_id: JobId) -> None:
        """Do what is left of a job; returns at once when nothing is. Every line of it carries the ids of the job.

        What may pass (a store or every node away) makes the job wait for a later attempt, which is queued when this
        returns; what will not pass ends it with a code. Only StoreUnavailable(store="postgres") gets out: then nothing
        could be noted, and the job is queued again when it is found lost.
        """
        with structlog.contextvars.bound_contextvars(job_id=str(job_id)):
            job = await self._jobs.claim(job_id)
            if job is not None:
                with structlog.contextvars.bound_contextvars(**_ids_of(job, self._jobs.kind_of(job))):
                    await self._attempt(job, self._work[job.kind])

    async def _attempt(self, job: ClaimedJob, work: Work) -> None:
        try:
            if job.is_stopping:
                raise JobStopped
            await self._try(job, work)
        except JobStopped:
            if await self._jobs.stop(job):
                log.info("job.cancelled", kind=job.kind)
            else:
                log.warning("job.lost", kind=job.kind, attempt=job.attempt)
                if not await self._jobs.has_ended(job):
                    return
            await work.clean(job)

    async def _try(self, job: ClaimedJob, work: Work) -> None:
        try:
            await work.do(job)
        except Refused as error:
            await work.fail(job, error)
        except Unavailable as error:
            if job.attempt >= ATTEMPTS:
                await work.fail(job, error)
                return
            log.warning("job.waits", kind=job.kind, code=error.code, detail=error.detail, attempt=job.attempt)
            await self._jobs.wait(job, error)


def _ids_of(job: ClaimedJob, kind: Kind) -> dict[str, str]:
    ids = {"tenant_id": str(job.tenant_id), f"{kind.subject}_id": str(job.subject_id)}
    return ids if job.request_id is None else {**ids, "request_id": job.request_id}
