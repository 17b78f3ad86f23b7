"""How many documents there are and how large they are, by state, and how many lack their text: for the gauges."""

from typing import LiteralString

from app.postgres import Database
from app.retrieval.states import STATE, DocumentState
from app.telemetry.metrics import Metrics

COUNT: LiteralString = f"""
    SELECT shown.state, count(*) AS documents, coalesce(sum(size_bytes), 0) AS bytes
    FROM (SELECT {STATE}, size_bytes FROM documents) AS shown GROUP BY shown.state
"""  # noqa: S608 - both parts are constants
COUNT_TEXTLESS: LiteralString = """
    SELECT count(*) AS documents FROM documents d WHERE d.state = 'ready' AND NOT EXISTS (
        SELECT 1 FROM document_texts t WHERE t.document_id = d.id AND t.tenant_id = d.tenant_id)
"""


async def count_documents(database: Database, metrics: Metrics) -> None:
    """Set the gauges of documents, of all tenants together. Raises StoreUnavailable."""
    async with database.connection("documents.count") as conn:
        rows = await (await conn.execute(COUNT)).fetchall()
        textless = await (await conn.execute(COUNT_TEXTLESS)).fetchone()
    counted = {row["state"]: row for row in rows}
    for state in DocumentState:
        row = counted.get(state.value)
        metrics.documents.labels(state.value).set(0 if row is None else row["documents"])
        metrics.document_bytes.labels(state.value).set(0 if row is None else int(row["bytes"]))
    metrics.documents_textless.set(0 if textless is None else textless["documents"])
