"""What is said of documents, which of them a filter means, their sets, originals, and reading them in again."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from app.errors import BadInput, DocumentUnknown, StoreUnavailable
from app.ids import DocumentId, TenantId
from app.jobs.states import JobState
from app.retrieval.documents import Upload
from app.retrieval.filters import DocumentFilter
from app.retrieval.metadata import KEYS, read_said
from app.retrieval.states import DocumentState
from tests.fakes.retrieval import Retrieval, pieces
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\n"
LARGER_KILN = "# Kiln\n\nA kiln holds 60 plates.\n"


async def added(
    retrieval: Retrieval,
    tenant: TenantId,
    name: str,
    text: str = KILN,
    metadata: Mapping[str, object] | None = None,
    **said: str | None,
) -> Upload:
    """An upload with what its owner says of it."""
    told = read_said(metadata or {}, **said)
    return await retrieval.documents.add(tenant, name, "", pieces(text.encode()), said=lambda: told)


async def names(retrieval: Retrieval, tenant: TenantId, asked: DocumentFilter) -> list[str]:
    """The documents that a filter means."""
    return [document.name for document in await retrieval.documents.list(tenant, limit=20, asked=asked)]


async def test_what_is_said_of_a_document_goes_on_with_its_next_version(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await added(retrieval, tenant, "a.md", metadata={"ticker": "AAPL", "company": "Apple"}, set_name="filings")
    second = await added(retrieval, tenant, "a.md", LARGER_KILN, metadata={"company": None, "tags": ["10-K"]})
    for upload in (first, second):
        document = await retrieval.documents.get(tenant, upload.document_id)
        assert (document.metadata, document.set_name) == ({"ticker": "AAPL", "tags": ("10-K",)}, "filings")


async def test_a_change_holds_for_the_version_that_is_on_its_way_too(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.ingested(tenant, "a.md", KILN)
    second = await retrieval.add(tenant, "a.md", LARGER_KILN)
    changed = await retrieval.documents.change(tenant, first.document_id, read_said({"ticker": "A"}, "s"))
    assert (changed.id, changed.metadata, changed.set_name) == (first.document_id, {"ticker": "A"}, "s")
    await retrieval.ingest().run(second.job_id)
    assert await names(retrieval, tenant, DocumentFilter(ticker="A", states=(DocumentState.READY,))) == ["a.md"]


async def test_the_same_content_again_may_say_something_new(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    await added(retrieval, tenant, "a.md", set_name="old")
    again = await added(retrieval, tenant, "a.md", set_name="new")
    assert not again.is_new
    assert (await retrieval.documents.get(tenant, again.document_id)).set_name == "new"


async def test_a_document_that_was_removed_leaves_nothing_said_behind(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await added(retrieval, tenant, "a.md", metadata={"ticker": "A"}, set_name="s")
    await retrieval.documents.remove(tenant, first.document_id)
    # The version before this one leaves it in the row of what is removed.
    left = "UPDATE documents SET metadata = '{\"ticker\": \"A\"}', set_name = 's' WHERE id = %s RETURNING state"
    assert await retrieval.execute(left, first.document_id) == [{"state": "deleted"}]
    again = await retrieval.documents.get(tenant, (await retrieval.add(tenant, "a.md", KILN)).document_id)
    assert (again.metadata, again.set_name) == ({}, None)


async def test_an_upload_that_says_too_much_is_not_there(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    await added(retrieval, tenant, "a.md", metadata={f"key_{number}": "x" for number in range(KEYS)})
    with pytest.raises(BadInput):
        await added(retrieval, tenant, "a.md", LARGER_KILN, metadata={"other": "x"})
    assert [document.version for document in await retrieval.documents.list(tenant, limit=5)] == [1]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (DocumentFilter.read(set_name="10-K"), "ab"),
        (DocumentFilter.read(ticker="msft"), "bc"),
        (DocumentFilter.read(tags=("annual",)), "ac"),
        (DocumentFilter.read(tags=("annual", "signed")), "c"),
        (DocumentFilter.read(date_from="2023-06-30"), "bc"),
        (DocumentFilter.read(date_from="2023-06-30", date_to="2023-06-30"), "b"),
        (DocumentFilter.read(date_to="2022-12-31"), "a"),
        (DocumentFilter(name="C.M"), "c"),
        (DocumentFilter(name="%"), ""),
        (DocumentFilter(states=(DocumentState.RECEIVED,)), "abcd"),
        (DocumentFilter(states=(DocumentState.READY,)), ""),
        (DocumentFilter.read(ticker="MSFT", set_name="10-K"), "b"),
        (DocumentFilter.read(set_name="s'; --"), ""),
    ],
)
async def test_a_filter_means_the_documents_that_have_all_of_it(
    retrieval: Retrieval, asked: DocumentFilter, expected: str
) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    for owner in (tenant, other):
        if owner is other and expected == "abcd":
            continue
        said = {"ticker": "AAPL", "date": "2022-09-24", "tags": ["annual"]}
        await added(retrieval, owner, "a.md", metadata=said, set_name="10-K")
        await added(retrieval, owner, "b.md", metadata={"ticker": "MSFT", "date": "2023-06-30"}, set_name="10-K")
        said = {"ticker": "MSFT", "date": "2024-06-30", "tags": ["signed", "annual"]}
        await added(retrieval, owner, "c.md", metadata=said, set_name="8-K")
        await added(retrieval, owner, "d.md")
    assert sorted(await names(retrieval, tenant, asked)) == [f"{letter}.md" for letter in expected]


async def test_sets_count_documents_and_not_their_versions(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    first = await added(retrieval, tenant, "a.md", set_name="filings")
    await retrieval.ingest().run(first.job_id)
    await added(retrieval, tenant, "a.md", LARGER_KILN)
    second = await added(retrieval, tenant, "b.md", set_name="filings")
    await added(retrieval, tenant, "c.md", set_name="letters")
    await added(retrieval, other, "a.md", set_name="filings")
    shown = [(one.name, one.documents, one.ready) for one in await retrieval.documents.sets(tenant, limit=5)]
    assert shown == [("filings", 2, 1), ("letters", 1, 0)]
    assert [one.name for one in await retrieval.documents.sets(tenant, limit=5, after="filings")] == ["letters"]
    await retrieval.documents.change(tenant, second.document_id, read_said({}, "letters"))
    await retrieval.documents.change(tenant, first.document_id, read_said({}, None))
    shown = [(one.name, one.documents, one.ready) for one in await retrieval.documents.sets(tenant, limit=5)]
    assert shown == [("letters", 2, 0)], "a set without documents is none"


async def test_a_document_shows_its_versions_its_job_and_what_was_made_of_it(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await retrieval.ingested(tenant, "a.md", KILN)
    second = await retrieval.add(tenant, "a.md", LARGER_KILN)
    live = await retrieval.documents.detail(tenant, first.document_id)
    assert (live.state, live.job_id, live.chunks, live.pages) == (DocumentState.READY, first.job_id, 1, None)
    assert [(one.id, one.version, one.state) for one in live.versions] == [
        (second.document_id, 2, DocumentState.RECEIVED),
        (first.document_id, 1, DocumentState.READY),
    ]
    assert (await retrieval.documents.detail(tenant, second.document_id)).versions == live.versions


async def test_the_original_comes_back_byte_for_byte(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    content = "# Ofen\r\n\r\nÄ\n".encode("utf-16") * 50_000
    documents = retrieval.documents_with(retrieval.index, limit_bytes=len(content))
    upload = await documents.add(tenant, "a.md", "", pieces(content, 65_536))
    original = await retrieval.documents.original(tenant, upload.document_id)
    got = [piece async for piece in original.pieces]
    assert b"".join(got) == content
    assert max(len(piece) for piece in got) <= 1 << 20
    assert original.document.size_bytes == len(content)
    await retrieval.blobs.remove(tenant, bytes.fromhex(original.document.sha256))
    with pytest.raises(StoreUnavailable):
        await retrieval.documents.original(tenant, upload.document_id)


async def test_a_document_read_in_again_serves_until_its_next_version_is_ready(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    first = await added(retrieval, tenant, "a.md", metadata={"ticker": "A"}, set_name="s")
    await retrieval.ingest().run(first.job_id)
    again = await retrieval.documents.reprocess(tenant, first.document_id, request_id="r-1")
    assert (again.version, again.is_new) == (2, True)
    while_waiting = await retrieval.documents.reprocess(tenant, first.document_id)
    assert (while_waiting.document_id, while_waiting.is_new) == (again.document_id, False)
    (passage,) = await retrieval.ask(tenant, "How many plates does a kiln hold?")
    assert passage.document_id == first.document_id
    await retrieval.ingest().run(again.job_id)
    (passage,) = await retrieval.ask(tenant, "How many plates does a kiln hold?")
    assert passage.document_id == again.document_id
    document = await retrieval.documents.get(tenant, again.document_id)
    assert (document.state, document.metadata, document.set_name) == (DocumentState.READY, {"ticker": "A"}, "s")
    assert await retrieval.index.count(tenant) == 1


async def test_a_document_that_failed_may_be_read_in_again(retrieval: Retrieval) -> None:
    tenant = await retrieval.tenant()
    failed = await retrieval.ingested(tenant, "a.md", "  \n")
    again = await retrieval.documents.reprocess(tenant, failed.document_id)
    await retrieval.ingest().run(again.job_id)
    job = await retrieval.job(tenant, again.job_id)
    assert (job.state, job.error_code, again.version) == (JobState.FAILED, "no_text", 2)


async def test_another_tenant_changes_sees_and_gets_none_of_it(retrieval: Retrieval) -> None:
    tenant, other = await retrieval.tenant(), await retrieval.tenant()
    upload = await added(retrieval, tenant, "a.md", set_name="s")
    for document_id in (upload.document_id, DocumentId(uuid4())):
        with pytest.raises(DocumentUnknown):
            await retrieval.documents.detail(other, document_id)
        with pytest.raises(DocumentUnknown):
            await retrieval.documents.change(other, document_id, read_said({"ticker": "A"}, None))
        with pytest.raises(DocumentUnknown):
            await retrieval.documents.original(other, document_id)
        with pytest.raises(DocumentUnknown):
            await retrieval.documents.reprocess(other, document_id)
    assert await retrieval.documents.sets(other, limit=5) == []
    theirs = await added(retrieval, other, "a.md", set_name="t")
    assert (await retrieval.documents.detail(other, theirs.document_id)).versions[0].version == 1
    mine = await retrieval.documents.detail(tenant, upload.document_id)
    assert (mine.set_name, len(mine.versions)) == ("s", 1)
