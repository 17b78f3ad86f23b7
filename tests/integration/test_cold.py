"""Documents that are old leave the index, and come back as they were."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import DocumentUnknown, StoreUnavailable
from app.ids import DocumentId, TenantId
from app.jobs import rows as jobs
from app.jobs.states import JobState
from app.postgres import make_pool
from app.retrieval.cold import AgeFrom
from app.retrieval.passages import Passage
from app.retrieval.scope import Scope
from app.retrieval.search_rows import ColdDocument, Scoped, SearchRows
from app.retrieval.states import REINDEX, DocumentState, JobKind
from app.retrieval.stock import count_documents
from tests.fakes.retrieval import Retrieval
from tests.integration.retrieval_fixtures import open_index
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\r\n\r\n## Prices\n\nOne firing costs 19 e\u0301uros, 火 included.\n"
LARGER_KILN = "# Kiln\n\nA kiln holds 60 plates.\n"
PLATES = "How many plates does a kiln hold?"
AGE = "UPDATE documents SET created_at = now() - make_interval(days => %s) WHERE id = %s"
LEFT = "SELECT count(*) AS rows FROM document_texts WHERE document_id = %s"
CHUNKS = """
    SELECT id, ordinal, heading, text, start_offset, end_offset, page, lead FROM chunks WHERE document_id = %s
    ORDER BY ordinal
"""


async def old(retrieval: Retrieval, tenant: TenantId, text: str = KILN, *, days: int = 731) -> DocumentId:
    """Ingest a document that was uploaded so many days ago."""
    upload = await retrieval.ingested(tenant, "kiln.md", text)
    await retrieval.execute(AGE, days, upload.document_id)
    return upload.document_id


async def chilled(retrieval: Retrieval, tenant: TenantId) -> DocumentId:
    """Ingest a document and have it put away."""
    document_id = await old(retrieval, tenant)
    while await state_of(retrieval, tenant, document_id) is not DocumentState.COLD:
        assert await retrieval.cold().run()
    return document_id


async def state_of(retrieval: Retrieval, tenant: TenantId, document_id: DocumentId) -> DocumentState:
    """How its tenant sees it."""
    return (await retrieval.documents.get(tenant, document_id)).state


async def found(retrieval: Retrieval, tenant: TenantId) -> list[Passage]:
    """What the question of this module finds."""
    return await retrieval.ask(tenant, PLATES)


@pytest.mark.requirement("FIN-86.archive", "FIN-86.removed")
async def test_a_document_older_than_the_limit_leaves_the_index_and_keeps_text_and_original(
    retrieval: Retrieval,
) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    assert await found(retrieval, tenant) == []
    assert await retrieval.index.count(tenant) == 0
    assert await retrieval.chunk_count(document_id) == 0
    listed = await retrieval.documents.list(tenant, limit=10)
    assert [(document.id, document.state) for document in listed] == [(document_id, DocumentState.COLD)]
    assert (await retrieval.documents.text(tenant, document_id, start=0, end=1000)).text == KILN
    sha256 = bytes.fromhex(listed[0].sha256)
    async with retrieval.blobs.open(tenant, sha256) as original:
        assert original.read() == KILN.encode()


@pytest.mark.requirement("FIN-86.back")
async def test_a_restored_document_has_the_same_chunks_and_answers_again(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await old(retrieval, tenant)
    before = await retrieval.execute(CHUNKS, document_id)
    passages = await found(retrieval, tenant)
    while await state_of(retrieval, tenant, document_id) is not DocumentState.COLD:
        assert await retrieval.cold().run()
    restored = await retrieval.cold().restore(tenant, document_id)
    assert restored.is_new
    assert await state_of(retrieval, tenant, document_id) is DocumentState.COLD, "until its job is done"
    assert (await retrieval.cold().restore(tenant, document_id)) == type(restored)(
        document_id, restored.job_id, is_new=False
    )
    await retrieval.ingest().run(restored.job_id)
    job = await retrieval.job(tenant, restored.job_id)
    assert (job.kind, job.state, job.step) == (JobKind.RESTORE, JobState.DONE, DocumentState.READY)
    assert await retrieval.execute(CHUNKS, document_id) == before
    assert await found(retrieval, tenant) == passages
    assert not (await retrieval.cold().restore(tenant, document_id)).is_new
    assert await retrieval.cold().run() == 0, "what came back is young again"
    assert await state_of(retrieval, tenant, document_id) is DocumentState.READY


@pytest.mark.parametrize(
    ("age_from", "expected"), [(AgeFrom.USE, DocumentState.READY), (AgeFrom.UPLOAD, DocumentState.COLD)]
)
async def test_a_document_that_questions_find_is_young_where_its_use_counts(
    retrieval: Retrieval, age_from: AgeFrom, expected: DocumentState
) -> None:
    tenant = await retrieval.tenant()
    document_id = await old(retrieval, tenant)
    assert await found(retrieval, tenant)
    await retrieval.uses.write()
    await retrieval.cold(age_from=age_from).run()
    assert await state_of(retrieval, tenant, document_id) is expected


@pytest.mark.parametrize(("days", "limit"), [(729, 730), (4000, 0)])
async def test_a_document_younger_than_the_limit_stays_and_without_one_every_document(
    retrieval: Retrieval, days: int, limit: int
) -> None:
    tenant = await retrieval.tenant()
    document_id = await old(retrieval, tenant, days=days)
    await retrieval.cold(days=limit).run()
    assert await state_of(retrieval, tenant, document_id) is DocumentState.READY
    await retrieval.documents.remove(tenant, document_id)


async def test_the_reconciler_and_a_reindex_leave_cold_documents_where_they_are(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    before = await retrieval.execute("SELECT id FROM jobs WHERE document_id = %s", document_id)
    await retrieval.reconciler.run()
    assert await retrieval.execute("SELECT id FROM jobs WHERE document_id = %s", document_id) == before
    assert await retrieval.index.count(tenant) == 0


async def test_a_job_that_meets_a_cold_document_leaves_it_cold(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    async with retrieval.database.transaction("test") as conn:
        job_id = await jobs.insert(conn, REINDEX, tenant, document_id)
    await retrieval.ingest().run(job_id)
    assert (await retrieval.job(tenant, job_id)).error_code == "document_cold"
    assert await state_of(retrieval, tenant, document_id) is DocumentState.COLD
    assert await retrieval.index.count(tenant) == 0


async def test_what_was_cut_off_before_its_points_were_gone_is_ended_by_the_next_round(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await old(retrieval, tenant)
    away = await open_index(("http://127.0.0.1:9",))
    with pytest.raises(StoreUnavailable):
        await retrieval.cold(index=away).run()
    await away.close()
    assert await found(retrieval, tenant) == [], "cold at once, whatever Qdrant still holds"
    assert await retrieval.index.count(tenant) == 2
    await retrieval.cold(days=0).run()
    assert await retrieval.index.count(tenant) == 0
    assert await retrieval.chunk_count(document_id) == 0


async def test_a_restoring_that_cannot_be_done_leaves_the_document_cold_and_whole(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    retrieval.embedding.longest_chars = 10
    restored = await retrieval.cold().restore(tenant, document_id)
    await retrieval.ingest().run(restored.job_id)
    assert (await retrieval.job(tenant, restored.job_id)).error_code == "context_too_long"
    assert await state_of(retrieval, tenant, document_id) is DocumentState.COLD
    await retrieval.cold().run()
    assert await retrieval.chunk_count(document_id) == 0
    retrieval.embedding.longest_chars = 1000
    again = await retrieval.cold().restore(tenant, document_id)
    assert again.is_new
    await retrieval.ingest().run(again.job_id)
    assert {passage.document_id for passage in await found(retrieval, tenant)} == {document_id}


async def test_the_same_file_again_brings_a_cold_document_back(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    upload = await retrieval.add(tenant, "kiln.md", KILN)
    assert (upload.document_id, upload.is_new) == (document_id, False)
    assert (await retrieval.add(tenant, "kiln.md", KILN)).job_id == upload.job_id
    await retrieval.ingest().run(upload.job_id)
    assert {passage.document_id for passage in await found(retrieval, tenant)} == {document_id}


async def test_a_new_version_supersedes_a_cold_one_and_takes_its_text_away(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    await retrieval.ingested(tenant, "kiln.md", LARGER_KILN)
    assert await state_of(retrieval, tenant, document_id) is DocumentState.SUPERSEDED
    assert await retrieval.execute(LEFT, document_id) == [{"rows": 0}]


async def test_a_removed_cold_document_leaves_nothing_even_where_the_index_was_away(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    away = await open_index(("http://127.0.0.1:9",))
    assert await retrieval.documents_with(away).remove(tenant, document_id) is False
    await away.close()
    while await retrieval.execute(LEFT, document_id) != [{"rows": 0}]:
        assert (await retrieval.reconciler.run()).discarded
    assert not [path for path in (retrieval.blobs._directory / str(tenant)).rglob("*") if path.is_file()]  # pyright: ignore[reportPrivateUsage]


async def test_a_search_that_names_a_cold_document_says_so_to_its_tenant_alone(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    document_id = await chilled(retrieval, tenant)
    warm_id = (await retrieval.ingested(tenant, "warm.md", LARGER_KILN)).document_id
    cold = (ColdDocument(document_id, "kiln.md"),)
    rows = SearchRows(retrieval.database)
    assert await rows.documents(tenant, Scope(documents=(str(document_id),))) == Scoped((), cold)
    assert await rows.documents(tenant, Scope(documents=("kiln.md", "warm.md"))) == Scoped((warm_id,), cold)
    assert await rows.documents(tenant, Scope(documents=("warm.md",))) == Scoped((warm_id,))
    with pytest.raises(DocumentUnknown):
        await rows.documents(other, Scope(documents=(str(document_id),)))
    with pytest.raises(DocumentUnknown):
        await retrieval.cold().restore(other, document_id)


async def test_documents_and_their_bytes_are_counted_by_state(
    retrieval: Retrieval, new_database: Callable[[], str], tmp_path: Path
) -> None:
    async with make_pool(new_database(), size=2, wait_s=5.0) as pool:
        alone = Retrieval(pool, retrieval.index, tmp_path / "alone")
        await alone.editions.ensure()
        tenant = await alone.tenant()
        await chilled(alone, tenant)
        await alone.ingested(tenant, "warm.md", LARGER_KILN)
        textless = await alone.ingested(tenant, "textless.md", LARGER_KILN)
        await alone.execute("DELETE FROM document_texts WHERE document_id = %s", textless.document_id)
        await count_documents(alone.database, alone.metrics)
        sample = alone.metrics.registry.get_sample_value
        assert sample("switchyard_documents", {"state": "cold"}) == 1
        assert sample("switchyard_documents_bytes", {"state": "cold"}) == len(KILN.encode())
        assert sample("switchyard_documents", {"state": "ready"}) == 2
        assert sample("switchyard_documents_bytes", {"state": "ready"}) == 2 * len(LARGER_KILN)
        assert sample("switchyard_documents", {"state": "failed"}) == 0
        assert sample("switchyard_documents_textless") == 1
