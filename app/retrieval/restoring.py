"""The job that brings a document out of cold storage."""

from app.errors import SwitchyardError
from app.jobs.rows import ClaimedJob
from app.jobs.workers import Work
from app.retrieval.cold import ColdStorage
from app.retrieval.ingest import document_of


class Restoring:
    """Unpacks the chunks and has them indexed; where that cannot be done the document stays cold, and whole."""

    def __init__(self, cold: ColdStorage, indexing: Work) -> None:
        """`indexing` gives chunks their points and makes the document live."""
        self._cold = cold
        self._indexing = indexing

    async def do(self, job: ClaimedJob) -> None:
        """Do what is left of a job and close it. Raises Refused, Unavailable."""
        await self._cold.unpack(job.tenant_id, document_of(job))
        await self._indexing.do(job)

    async def fail(self, job: ClaimedJob, why: SwitchyardError) -> None:
        """End a job that cannot be done."""
        await self._indexing.fail(job, why)

    async def clean(self, job: ClaimedJob) -> None:
        """Leave the document cold; what stands in the index of it goes with the next round of the upkeep."""
        await self._indexing.clean(job)
