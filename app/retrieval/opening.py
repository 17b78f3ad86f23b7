"""Builds the doors of retrieval over stores that are open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.blobs import Blobs
from app.errors import SwitchyardError
from app.ids import TenantId
from app.jobs.lost import LostJobs
from app.jobs.rows import Jobs
from app.jobs.workers import Work
from app.postgres import Connection, Database
from app.retrieval.chunks import estimate_tokens
from app.retrieval.cold import ColdStorage, Limit
from app.retrieval.discard import Discard, Forget
from app.retrieval.document_upkeep import DocumentUpkeep
from app.retrieval.documents import Documents
from app.retrieval.editions.backfill import Backfill
from app.retrieval.editions.editions import Editions
from app.retrieval.ingest import Ingest
from app.retrieval.parser import Parser
from app.retrieval.reconcile import Reconciler
from app.retrieval.reranking import Reranker
from app.retrieval.rereading import Rereading
from app.retrieval.restoring import Restoring
from app.retrieval.search import Search
from app.retrieval.states import DOCUMENT_JOBS, RESTORE
from app.retrieval.uses import Uses
from app.retrieval.vectors import EmbedFor
from app.retrieval.versions import end_given_up
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Finding:
    """Who reranks, if anyone, and how many tokens a text has for the model that needs most, once one is known."""

    reranker: Reranker | None
    most_tokens: Callable[[str], int | None]

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has in a prompt: as models have counted, else as estimated."""
        counted = self.most_tokens(text)
        return estimate_tokens(text) if counted is None else counted


@dataclass(frozen=True, slots=True)
class Rules:
    """The largest upload, when a document is old, who forgets the vectors of one that goes, and whose jobs are lost.

    A job is lost whose worker gave no sign of life for `job_lease_s`. `finding` is what a search needs.
    """

    limit_bytes: int
    cold: Limit
    forget: Forget
    job_lease_s: float
    finding: Finding


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Documents in, passages out."""

    documents: Documents
    search: Search
    ingest: Ingest
    restoring: Restoring
    upkeep: DocumentUpkeep

    def works(self) -> Mapping[str, Work]:
        """Return what is done for the jobs of each kind, by its name."""
        return {kind.name: self.restoring if kind is RESTORE else self.ingest for kind in DOCUMENT_JOBS}


def open_retrieval(
    database: Database,
    blobs: Blobs,
    editions: Editions,
    metrics: Metrics,
    jobs: Jobs,
    *,
    embed: EmbedFor,
    rules: Rules,
) -> Retrieval:
    """Return the doors. `embed` embeds chunks."""
    discard, parser = Discard(database, blobs, editions, forget=rules.forget), Parser()
    backfill = Backfill(database, editions, metrics, embed=embed)
    storage = ColdStorage(database, discard, rules.cold)

    async def end(conn: Connection, tenant_id: TenantId, document_id: UUID) -> None:
        await end_given_up(conn, tenant_id, document_id)
        await editions.given.fail(conn, tenant_id, document_id, SwitchyardError.code)

    lost = LostJobs(database, metrics, DOCUMENT_JOBS, end, silent_s=rules.job_lease_s)
    reconciler = Reconciler(database, blobs, editions, discard, backfill)
    rereading = Rereading(database, blobs, parser)
    upkeep = DocumentUpkeep(database, metrics, lost, reconciler, storage, rereading, Uses(database), backfill)
    ingest = Ingest(database, jobs, blobs, editions, discard, parser=parser, embed=embed)
    return Retrieval(
        documents=Documents(database, blobs, discard, limit_bytes=rules.limit_bytes),
        search=Search(
            database,
            editions,
            on_found=upkeep.uses.note,
            reranker=rules.finding.reranker,
            count_tokens=rules.finding.count_tokens,
        ),
        ingest=ingest,
        restoring=Restoring(storage, ingest),
        upkeep=upkeep,
    )
