"""Builds the doors of retrieval over stores that are open."""

from dataclasses import dataclass

from app.blobs import Blobs
from app.jobs.rows import Jobs
from app.postgres import Database
from app.retrieval.discard import Discard
from app.retrieval.documents import Documents
from app.retrieval.ingest import EmbedFor, Ingest
from app.retrieval.parser import Parser
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.reconcile import Reconciler
from app.retrieval.search import Search
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Documents in, passages out."""

    documents: Documents
    search: Search
    ingest: Ingest
    reconciler: Reconciler


def open_retrieval(
    database: Database,
    blobs: Blobs,
    index: QdrantPeers,
    metrics: Metrics,
    jobs: Jobs,
    *,
    embed: EmbedFor,
    embed_model: str,
    limit_bytes: int,
) -> Retrieval:
    """Return the doors. `embed` and its model embed chunks; `limit_bytes` is the largest upload."""
    discard = Discard(database, blobs, index)
    return Retrieval(
        documents=Documents(database, blobs, discard, limit_bytes=limit_bytes),
        search=Search(database, index),
        ingest=Ingest(database, jobs, blobs, index, discard, parser=Parser(), embed=embed, embed_model=embed_model),
        reconciler=Reconciler(database, blobs, index, discard, metrics, embed_model=embed_model),
    )
