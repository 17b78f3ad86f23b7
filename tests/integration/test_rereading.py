"""Documents that an earlier version read get their text, and citations of them stay right."""

from uuid import UUID

import pytest

from app.ids import DocumentId, JobId
from app.retrieval.parser import Parser
from app.retrieval.rereading import AT_ONCE, Reread, Rereading
from app.retrieval.states import DocumentState
from tests.fakes.retrieval import Retrieval
from tests.integration.retrieval_fixtures import alone as alone
from tests.integration.retrieval_fixtures import retrieval as retrieval

pytestmark = pytest.mark.integration

KILN = "# Kiln\n\nA kiln holds 48 plates.\n\n## Prices\n\nOne firing costs 19 euros.\n"
CHUNKS = "SELECT id, text, start_offset, end_offset FROM chunks WHERE document_id = %s ORDER BY ordinal"
REINDEXING = "SELECT id FROM jobs WHERE document_id = %s AND kind = 'reindex'"


def rereading(retrieval: Retrieval) -> Rereading:
    """What a worker does."""
    return Rereading(retrieval.database, retrieval.blobs, Parser(wall_s=20.0))


async def read_before(retrieval: Retrieval, name: str = "kiln.md") -> tuple[DocumentId, str]:
    """Ingest a document as the version did that kept no text; return it and its tenant."""
    tenant = await retrieval.tenant()
    upload = await retrieval.ingested(tenant, name, KILN)
    await retrieval.execute("DELETE FROM document_texts WHERE document_id = %s", upload.document_id)
    return upload.document_id, str(tenant)


async def text_of(retrieval: Retrieval, document_id: DocumentId) -> list[dict[str, object]]:
    """The stored text."""
    return await retrieval.execute("SELECT text FROM document_texts WHERE document_id = %s", document_id)


async def test_a_text_in_which_every_chunk_stands_is_stored_and_nothing_is_embedded(alone: Retrieval) -> None:
    document_id, _ = await read_before(alone)
    before, asked = await alone.execute(CHUNKS, document_id), len(alone.embedding.asked)
    assert await rereading(alone).run() == Reread(kept=1)
    assert await text_of(alone, document_id) == [{"text": KILN}]
    assert await alone.execute(CHUNKS, document_id) == before
    assert await alone.execute(REINDEXING, document_id) == []
    assert len(alone.embedding.asked) == asked
    assert await rereading(alone).run() == Reread(), "once is enough"


async def test_chunks_that_do_not_stand_in_the_text_are_cut_anew_while_the_document_stays_ready(
    alone: Retrieval,
) -> None:
    document_id, tenant = await read_before(alone)
    wanted = await alone.execute(CHUNKS, document_id)
    await alone.execute("UPDATE chunks SET start_offset = start_offset + 1 WHERE document_id = %s", document_id)
    assert await rereading(alone).run() == Reread(reindexed=1)
    assert await text_of(alone, document_id) == [{"text": KILN}]
    assert await alone.execute(CHUNKS, document_id) == wanted
    (row,) = await alone.execute("SELECT state FROM documents WHERE id = %s", document_id)
    assert row["state"] == DocumentState.READY
    (job,) = await alone.execute(REINDEXING, document_id)
    asked = len(alone.embedding.asked)
    await alone.ingest().run(JobId(UUID(str(job["id"]))))
    assert len(alone.embedding.asked) - asked == len(wanted)
    del tenant


async def test_a_round_is_bounded_and_the_next_one_goes_on(alone: Retrieval) -> None:
    documents = [(await read_before(alone, f"{number}.md"))[0] for number in range(AT_ONCE + 1)]
    work = rereading(alone)
    assert [await work.run(), await work.run()] == [Reread(kept=AT_ONCE), Reread(kept=1)]
    assert all([await text_of(alone, document_id) for document_id in documents])


async def test_an_original_that_is_gone_keeps_nobody_from_its_turn_and_leaves_the_chunks(alone: Retrieval) -> None:
    first, tenant = await read_before(alone)
    before = await alone.execute(CHUNKS, first)
    for path in (alone.blobs._directory / tenant).rglob("*"):  # pyright: ignore[reportPrivateUsage]
        if path.is_file():
            path.unlink()
    others = [(await read_before(alone, f"{number}.md"))[0] for number in range(AT_ONCE)]
    work = rereading(alone)
    done = [await work.run(), await work.run()]
    assert sum(one.kept for one in done) == AT_ONCE
    assert sum(one.unreadable for one in done) == 1
    assert all([await text_of(alone, document_id) for document_id in others])
    assert await alone.execute(CHUNKS, first) == before
