"""Who adds, removes and publishes a document wait for one another, and no removal takes more than its share."""

import asyncio

import pytest

from app.ids import DocumentId, TenantId
from app.jobs.states import JobState
from app.retrieval.discard import Discard, lock_blob, lock_name
from app.retrieval.documents import Documents
from app.retrieval.states import DocumentState
from tests.fakes.retrieval import Retrieval
from tests.integration.platforms import until_locked
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\n"


class Hanging(Discard):
    """Cleans up for ever."""

    def __init__(self, retrieval: Retrieval) -> None:
        super().__init__(retrieval.database, retrieval.blobs, retrieval.editions)
        self.begun = 0

    async def document(self, tenant_id: TenantId, document_id: DocumentId) -> None:
        """Begin, and do not end."""
        del tenant_id, document_id
        self.begun += 1
        await asyncio.Event().wait()


async def state_of(retrieval: Retrieval, tenant: TenantId, document_id: DocumentId) -> DocumentState:
    return (await retrieval.documents.get(tenant, document_id)).state


async def test_a_removal_waits_for_a_version_that_is_becoming_live(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    async with retrieval.database.transaction("test") as conn:
        await lock_name(conn, tenant, "kiln.md")
        removing = asyncio.create_task(retrieval.documents.remove(tenant, upload.document_id))
        await until_locked(retrieval.database, unless=removing)
        assert not removing.done()
        assert await state_of(retrieval, tenant, upload.document_id) is DocumentState.READY
    assert await removing is True
    assert await retrieval.ask(tenant, "How many plates?") == []


async def test_a_version_that_is_becoming_live_waits_for_a_removal(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    async with retrieval.database.transaction("test") as conn:
        await lock_name(conn, tenant, "kiln.md")
        ingesting = asyncio.create_task(retrieval.ingest().run(upload.job_id))
        await until_locked(retrieval.database, unless=ingesting)
        assert not ingesting.done()
        assert await state_of(retrieval, tenant, upload.document_id) is DocumentState.INDEXED
    await ingesting
    assert await state_of(retrieval, tenant, upload.document_id) is DocumentState.READY


async def test_a_document_that_was_removed_while_its_version_was_becoming_live_stays_removed(
    retrieval: Retrieval,
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    async with retrieval.database.transaction("test") as conn:
        await lock_name(conn, tenant, "kiln.md")
        ingesting = asyncio.create_task(retrieval.ingest().run(upload.job_id))
        await until_locked(retrieval.database, unless=ingesting)
        await conn.execute("UPDATE documents SET state = 'deleted' WHERE id = %s", [upload.document_id])
    await ingesting
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "document_deleted")
    assert await retrieval.index.count(tenant, upload.document_id) == 0


async def test_an_original_that_is_being_added_again_is_not_removed(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    sha256 = bytes.fromhex((await retrieval.documents.get(tenant, upload.document_id)).sha256)
    await retrieval.execute("UPDATE documents SET state = 'deleted' WHERE id = %s", upload.document_id)
    discard = Discard(retrieval.database, retrieval.blobs, retrieval.editions)
    async with retrieval.database.transaction("test") as conn:
        await lock_blob(conn, tenant, sha256)
        removing = asyncio.create_task(discard.blob(tenant, sha256))
        await until_locked(retrieval.database, unless=removing)
        await conn.execute("UPDATE documents SET state = 'received' WHERE id = %s", [upload.document_id])
    assert await removing is False
    async with retrieval.blobs.open(tenant, sha256) as file:
        assert file.read() == KILN.encode()


async def test_sixteen_removals_wait_for_a_store_and_further_ones_are_left_to_the_reconciler(
    retrieval: Retrieval,
) -> None:
    tenant, discard = await retrieval.tenant(), Hanging(retrieval)
    documents = Documents(retrieval.database, retrieval.blobs, discard, limit_bytes=1000, clean_s=0.0)
    uploads = [await retrieval.add(tenant, f"{number}.md", KILN) for number in range(18)]
    assert [await documents.remove(tenant, upload.document_id) for upload in uploads] == [False] * 18
    await asyncio.sleep(0)
    assert discard.begun == 16
    assert await documents.list(tenant, limit=20) == []
    await documents.close()


@pytest.mark.requirement("FAM-05.durable")
async def test_a_document_whose_errand_was_not_queued_is_not_there(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    async with retrieval.database.transaction("test") as conn:
        await conn.execute("LOCK TABLE procrastinate_jobs IN EXCLUSIVE MODE")
        adding = asyncio.create_task(retrieval.add(tenant, "kiln.md", KILN))
        await until_locked(retrieval.database)
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
    assert await retrieval.documents.list(tenant, limit=10) == []
