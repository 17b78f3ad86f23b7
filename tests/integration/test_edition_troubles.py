"""What an embedding model cannot do is told once, and takes nothing away."""

from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.errors import BadInput
from app.ids import JobId
from app.retrieval.editions.edition import EditionState, Progress
from app.retrieval.states import DocumentState
from tests.fakes.retrieval import Retrieval
from tests.integration.test_editions import KILN, LATHE, OTHER, WAITING, editions, found, work
from tests.integration.test_editions import alone as alone

pytestmark = pytest.mark.integration


async def test_a_document_that_the_other_model_cannot_take_is_told_and_not_tried_for_ever(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    upload = await alone.ingested(tenant, "kiln.md", KILN)
    await alone.editions.rows.begin(OTHER)
    await alone.backfill.run()
    (job,) = await alone.execute(WAITING)
    alone.embedding.longest_chars = 10
    await alone.ingest().run(JobId(UUID(str(job["id"]))))
    alone.embedding.longest_chars = 1_000_000
    assert await work(alone) == 0
    assert (await alone.documents.get(tenant, upload.document_id)).state is DocumentState.READY
    building = (await editions(alone))[EditionState.BUILDING]
    assert await alone.editions.rows.progress(building) == Progress(documents=1, given=0, failed=1)
    with pytest.raises(BadInput, match="lacks 1 of 1 documents, 1 of them cannot be embedded"):
        await alone.editions.rows.switch(EditionState.BUILDING, by_force=False)


async def test_a_model_that_no_node_serves_is_told_and_takes_nothing_away(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    await alone.editions.rows.begin("absent")
    with capture_logs() as lines:
        for _ in range(2):
            await alone.backfill.run()
    assert (await editions(alone))[EditionState.BUILDING].problem == "no node serves absent"
    assert [line["problem"] for line in lines if line["event"] == "edition.not_prepared"] == ["no node serves absent"]
    await alone.ingested(tenant, "lathe.md", LATHE)
    assert await found(alone, tenant, "What does the lathe turn?") == ["lathe.md"]
