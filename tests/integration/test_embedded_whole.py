"""What is stored of a document is what is embedded of it: nothing is left out on the way."""

from random import Random

import pytest

from app.jobs.states import JobState
from app.retrieval.chunks import embedded_text
from ops.drill.ingestion.corpus import corpus
from tests.fakes.retrieval import Retrieval, pieces
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

SELECT_EMBEDDED = """
    SELECT heading, text, lead, start_offset, end_offset FROM chunks WHERE document_id = %s ORDER BY ordinal
"""
SELECT_TEXT = "SELECT text FROM document_texts WHERE document_id = %s"


@pytest.mark.parametrize("longest_chars", [1_000_000, 90])
async def test_every_character_that_is_stored_stands_in_a_chunk_and_reaches_the_embedder(
    retrieval: Retrieval, longest_chars: int
) -> None:
    tenant = await retrieval.tenant()
    retrieval.embedding.longest_chars = longest_chars
    for source in corpus(Random(longest_chars)):  # noqa: S311 - samples, not secrets
        retrieval.embedding.asked.clear()
        upload = await retrieval.documents.add(tenant, source.name, source.media_type, pieces(source.content))
        await retrieval.ingest().run(upload.job_id)
        assert (await retrieval.job(tenant, upload.job_id)).state is JobState.DONE
        chunks = await retrieval.execute(SELECT_EMBEDDED, upload.document_id)
        told = [embedded_text(str(row["heading"]), str(row["text"]), str(row["lead"])) for row in chunks]
        assert all(str(row["text"]) in text for row, text in zip(chunks, told, strict=True))
        assert "".join(retrieval.embedding.asked) == "".join(told)
        ((stored,),) = [row.values() for row in await retrieval.execute(SELECT_TEXT, upload.document_id)]
        spans = [(int(str(row["start_offset"])), int(str(row["end_offset"]))) for row in chunks]
        gaps = zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(str(stored))], strict=True)
        assert "".join(str(stored)[start:end] for start, end in gaps).strip() == "", source.name
