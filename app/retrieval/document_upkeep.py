"""What is done for stored documents again and again: stores compared, uses noted, the old put away."""

from dataclasses import dataclass

from app.jobs.lost import LostJobs
from app.postgres import Database
from app.retrieval.cold import ColdStorage
from app.retrieval.editions.backfill import Backfill
from app.retrieval.reconcile import Reconciler
from app.retrieval.rereading import Rereading
from app.retrieval.stock import count_documents
from app.retrieval.uses import Uses
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class DocumentUpkeep:
    """Each method raises StoreUnavailable; the next turn goes on."""

    database: Database
    metrics: Metrics
    lost: LostJobs
    reconciler: Reconciler
    cold: ColdStorage
    rereading: Rereading
    uses: Uses
    backfill: Backfill

    async def put_away(self) -> None:
        """Put one round of what is old into cold storage."""
        await self.cold.run()

    async def read_again(self) -> None:
        """Give one round of the documents without text their text."""
        await self.rereading.run()

    async def count(self) -> None:
        """Set the gauges of documents, and of the editions that they are given to."""
        await count_documents(self.database, self.metrics)
        await self.backfill.count()
