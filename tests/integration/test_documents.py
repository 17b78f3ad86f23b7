"""Documents, their versions and their end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest

from app.blob_directory import DirectoryBlobs
from app.errors import BadInput, BodyTooLarge, DocumentUnknown, JobUnknown, MediaTypeUnknown, SwitchyardError
from app.ids import TenantId
from app.jobs.states import JobState
from app.retrieval.discard import Discard
from app.retrieval.states import DocumentState, JobKind
from app.retrieval.vectors import BATCH
from tests.fakes.retrieval import Frozen, Retrieval, pieces
from tests.integration.retrieval_fixtures import open_index
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\n"
LARGER_KILN = "# Kiln\n\nA kiln holds 60 plates.\n"


async def texts(retrieval: Retrieval, tenant: TenantId) -> list[str]:
    """What the question of this module finds."""
    return [passage.text for passage in await retrieval.ask(tenant, "How many plates does a kiln hold?")]


async def files(retrieval: Retrieval) -> int:
    """Files in the blob store, staged ones too."""
    return sum(path.is_file() for path in retrieval.blobs._directory.rglob("*"))  # pyright: ignore[reportPrivateUsage]


async def test_a_new_version_answers_only_when_it_is_ready_and_then_alone(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.ingested(tenant, "kiln.md", KILN)
    second = await retrieval.add(tenant, "kiln.md", LARGER_KILN)
    assert second.version == 2
    assert await texts(retrieval, tenant) == [KILN.strip()]
    await retrieval.ingest().run(second.job_id)
    assert await texts(retrieval, tenant) == [LARGER_KILN.strip()]
    assert (await retrieval.documents.get(tenant, first.document_id)).state is DocumentState.SUPERSEDED
    assert await retrieval.index.count(tenant) == 1, "the points of the old version are gone"
    assert await retrieval.chunk_count(first.document_id) == 0


async def test_an_old_version_that_ends_late_does_not_replace_a_newer_one(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.add(tenant, "kiln.md", KILN)
    second = await retrieval.ingested(tenant, "kiln.md", LARGER_KILN)
    await retrieval.ingest().run(first.job_id)
    assert (await retrieval.job(tenant, first.job_id)).error_code == "document_superseded"
    assert (await retrieval.documents.get(tenant, second.document_id)).state is DocumentState.READY
    assert await texts(retrieval, tenant) == [LARGER_KILN.strip()]


async def test_a_version_serves_until_a_newer_one_is_ready(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.add(tenant, "kiln.md", KILN)
    await retrieval.add(tenant, "kiln.md", LARGER_KILN)
    await retrieval.ingest().run(first.job_id)
    assert await texts(retrieval, tenant) == [KILN.strip()]


async def test_a_new_version_that_fails_leaves_the_old_one_serving(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    await retrieval.ingested(tenant, "kiln.md", KILN)
    await retrieval.ingested(tenant, "kiln.md", "   \n")
    assert await texts(retrieval, tenant) == [KILN.strip()]


@pytest.mark.requirement("UPL-47.deduplicated")
async def test_the_same_content_again_is_the_same_version_without_a_second_job(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.add(tenant, "kiln.md", KILN)
    on_the_way = await retrieval.add(tenant, "kiln.md", KILN)
    await retrieval.ingest().run(first.job_id)
    ready = await retrieval.add(tenant, "kiln.md", KILN)
    for again in (on_the_way, ready):
        assert not again.is_new
        assert (again.document_id, again.job_id, again.version) == (first.document_id, first.job_id, 1)


async def test_parallel_uploads_of_one_file_make_one_version(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    uploads = await asyncio.gather(*(retrieval.add(tenant, "kiln.md", KILN) for _ in range(8)))
    assert len({upload.document_id for upload in uploads}) == 1
    assert [upload.is_new for upload in uploads].count(True) == 1
    assert await files(retrieval) == 1


async def test_parallel_uploads_of_different_contents_are_versions_and_the_newest_wins(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    uploads = await asyncio.gather(*(retrieval.add(tenant, "kiln.md", f"A kiln holds {n} plates.") for n in range(6)))
    assert sorted(upload.version for upload in uploads) == [1, 2, 3, 4, 5, 6]
    await asyncio.gather(*(retrieval.ingest().run(upload.job_id) for upload in uploads))
    newest = max(uploads, key=lambda upload: upload.version)
    listed = await retrieval.documents.list(tenant, limit=10)
    assert [(document.id, document.state) for document in listed] == [(newest.document_id, DocumentState.READY)]
    assert await retrieval.index.count(tenant) == 1


async def test_a_removed_document_is_found_no_more_and_leaves_nothing(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.ingested(tenant, "kiln.md", KILN)
    second = await retrieval.ingested(tenant, "kiln.md", LARGER_KILN)
    await retrieval.documents.remove(tenant, second.document_id)
    assert await texts(retrieval, tenant) == []
    assert await retrieval.index.count(tenant) == 0
    assert await files(retrieval) == 0
    assert await retrieval.documents.list(tenant, limit=10) == []
    for version in (first, second):
        with pytest.raises(DocumentUnknown):
            await retrieval.documents.get(tenant, version.document_id)
    assert (await retrieval.add(tenant, "kiln.md", KILN)).version == 3


async def test_a_document_removed_while_the_index_is_away_is_hidden_at_once_and_cleaned_up_later(
    retrieval: Retrieval,
) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    nowhere = await open_index(("http://127.0.0.1:9",))
    await retrieval.documents_with(nowhere).remove(tenant, upload.document_id)
    await nowhere.close()
    assert await retrieval.index.count(tenant) == 1
    assert await texts(retrieval, tenant) == []
    assert (await retrieval.reconciler.run()).discarded >= 1
    assert await retrieval.index.count(tenant) == 0
    assert await files(retrieval) == 0


@pytest.fixture
async def frozen() -> AsyncGenerator[str]:
    """The address of a server that takes connections and never answers, as one that was stopped (SIGSTOP) does."""
    gone = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        gone.set()


@pytest.mark.requirement("UPL-47.removed")
async def test_a_removal_waits_for_no_index_that_hangs_and_is_finished_later(retrieval: Retrieval, frozen: str) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    index = await open_index((frozen,))
    documents = retrieval.documents_with(index, clean_s=0.05)
    assert await documents.remove(tenant, upload.document_id) is False
    assert await texts(retrieval, tenant) == []
    with pytest.raises(DocumentUnknown):
        await documents.get(tenant, upload.document_id)
    await documents.close()
    await index.close()
    assert await retrieval.index.count(tenant) == 1
    assert (await retrieval.reconciler.run()).discarded >= 1
    assert (await retrieval.index.count(tenant), await files(retrieval)) == (0, 0)


async def test_a_removal_that_hangs_in_the_blob_store_holds_one_connection_and_not_the_others(
    retrieval: Retrieval,
) -> None:
    tenant = await retrieval.tenant()
    uploads = [await retrieval.ingested(tenant, f"{number}.md", f"{KILN}{number}") for number in range(4)]
    frozen = DirectoryBlobs(retrieval.blobs._directory, threads=Frozen())  # pyright: ignore[reportPrivateUsage]
    documents = retrieval.documents_with(retrieval.index, blobs=frozen, clean_s=0.2)
    for upload in uploads:
        assert await documents.remove(tenant, upload.document_id) is False
    assert await documents.list(tenant, limit=10) == []
    await documents.close()
    assert await files(retrieval) == 4
    for upload in uploads:
        await Discard(retrieval.database, retrieval.blobs, retrieval.editions).document(tenant, upload.document_id)
    assert await files(retrieval) == 0


async def test_a_removal_says_whether_all_is_gone(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    assert await retrieval.documents.remove(tenant, upload.document_id) is True
    assert await files(retrieval) == 0


async def test_a_document_removed_in_the_middle_of_its_ingestion_leaves_no_points(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    upload = await retrieval.add(tenant, "kiln.md", "\n".join(f"## {n}\n\nplate {n}" for n in range(2 * BATCH)))

    async def embed(_tenant: TenantId | None, _kind: JobKind, model: str, asked: Sequence[str]) -> list[list[float]]:
        await retrieval.documents.remove(tenant, upload.document_id)
        # They are the sign that there may be points: this job is about to write some.
        assert await retrieval.chunk_count(upload.document_id) == 2 * BATCH
        return (await retrieval.embedding(model, asked)).vectors

    await retrieval.ingest(embed=embed).run(upload.job_id)
    job = await retrieval.job(tenant, upload.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "document_deleted")
    assert await retrieval.index.count(tenant, upload.document_id) == 0
    assert await retrieval.chunk_count(upload.document_id) == 0


async def test_an_original_that_two_documents_have_stays_until_both_are_removed(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    one = await retrieval.ingested(tenant, "one.md", KILN)
    two = await retrieval.ingested(tenant, "two.md", KILN)
    assert await files(retrieval) == 1
    await retrieval.documents.remove(tenant, one.document_id)
    assert await files(retrieval) == 1
    await retrieval.documents.remove(tenant, two.document_id)
    assert await files(retrieval) == 0


@pytest.mark.requirement("UPL-11.own")
async def test_another_tenant_sees_none_of_it(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    upload = await retrieval.ingested(tenant, "kiln.md", KILN)
    with pytest.raises(DocumentUnknown):
        await retrieval.documents.get(other, upload.document_id)
    with pytest.raises(DocumentUnknown):
        await retrieval.documents.remove(other, upload.document_id)
    with pytest.raises(JobUnknown):
        await retrieval.jobs.get(other, upload.job_id)
    assert await retrieval.documents.list(other, limit=10) == []
    assert await retrieval.documents.list(other, limit=10, after=upload.document_id) == []
    assert (await retrieval.ingested(other, "kiln.md", KILN)).version == 1
    # A newer version of theirs supersedes nothing of others.
    assert (await retrieval.ingested(other, "kiln.md", LARGER_KILN)).version == 2
    assert len(await texts(retrieval, tenant)) == 1


async def test_a_list_comes_in_pages_newest_first(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    for number in range(5):
        await retrieval.add(tenant, f"{number}.txt", f"text {number}")
    page = await retrieval.documents.list(tenant, limit=2)
    names = [document.name for document in page]
    while page:
        page = await retrieval.documents.list(tenant, limit=2, after=page[-1].id)
        names += [document.name for document in page]
    assert names == ["4.txt", "3.txt", "2.txt", "1.txt", "0.txt"]


@pytest.mark.parametrize(
    ("name", "media_type", "content", "expected"),
    [
        ("report.pdf", "application/pdf", b"no PDF", MediaTypeUnknown),
        ("notes.md", "", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", MediaTypeUnknown),
        ("notes.md", "", bytes(range(256)), MediaTypeUnknown),
        ("notes.md", "image/png", b"text", MediaTypeUnknown),
        ("notes.md", "", b"%PDF-1.7", MediaTypeUnknown),
        ("notes.md", "text/plain; charset=utf-8", b"caf\xe9 au lait", BadInput),
        ("notes.md", "", b"", BadInput),
        ("../..", "", b"text", BadInput),
        ("a\x00.md", "", b"text", BadInput),
        ("big.txt", "", b"a" * 1_000_001, BodyTooLarge),
    ],
)
async def test_what_is_not_taken_leaves_nothing(
    retrieval: Retrieval, name: str, media_type: str, content: bytes, expected: type[SwitchyardError]
) -> None:
    tenant = await retrieval.tenant()
    with pytest.raises(expected):
        await retrieval.documents.add(tenant, name, media_type, pieces(content))
    assert await retrieval.documents.list(tenant, limit=10) == []
    assert await files(retrieval) == 0


async def test_an_upload_that_breaks_off_leaves_nothing(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()

    async def broken() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await retrieval.documents.add(tenant, "half.txt", "", broken())
    assert await files(retrieval) == 0
