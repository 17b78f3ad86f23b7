"""The metrics of documents and of the index that questions are asked of."""

from prometheus_client import CollectorRegistry

from app.telemetry.metric import Counter, Gauge


class RetrievalMetrics:
    """A part of `Metrics`."""

    def _declare_retrieval(self, r: CollectorRegistry) -> None:
        self.copies_missing = Gauge(
            "switchyard_collection_copies_missing",
            "Copies of the collection's shards that the settings ask and that are not whole.",
            registry=r,
        )
        self.vectors_looked_up = Counter(
            "switchyard_vectors_looked_up_total",
            "Texts of documents and questions whose vector was looked for in Redis.",
            ("outcome",),
            registry=r,
        )
        self.jobs = Counter("switchyard_jobs_total", "Background jobs that ended.", ("kind", "outcome"), registry=r)
        self.documents = Gauge("switchyard_documents", "Documents, each version.", ("state",), registry=r)
        self.document_bytes = Gauge("switchyard_documents_bytes", "Bytes of their originals.", ("state",), registry=r)
        self.documents_textless = Gauge(
            "switchyard_documents_textless", "Ready documents whose text is not kept yet.", registry=r
        )
        self.edition_serving = Gauge(
            "switchyard_edition_serving", "Number of the edition that this process asks questions of.", registry=r
        )
        self.edition_documents = Gauge(
            "switchyard_edition_documents",
            "Live documents that an edition of the index has, lacks, or cannot have.",
            ("edition", "has"),
            registry=r,
        )
