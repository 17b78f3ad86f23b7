"""Another embedding model: built beside the one that serves, compared, switched to, gone back from, taken away."""

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.errors import BadInput, StoreUnavailable
from app.ids import DocumentId, JobId, TenantId
from app.postgres import make_pool
from app.retrieval.editions.edition import Edition, EditionState, Progress
from app.retrieval.states import JobKind
from app.retrieval.vectors import BATCH
from tests.fakes.retrieval import DENSE_SIZE, MODEL, Retrieval, hashed
from tests.integration.retrieval_fixtures import open_index

pytestmark = pytest.mark.integration

OTHER = "other"
OTHER_SIZE = 96
KILN = "# Kiln\n\nA kiln holds 48 plates.\n\n## Prices\n\nOne firing costs 19 euros.\n"
LATHE = "# Lathe\n\nThe lathe turns bowls of walnut.\n"
WAITING = "SELECT id FROM jobs WHERE kind = 'reindex' AND state = 'accepted' ORDER BY created_at"


class Killed(BaseException):
    """The worker's process dies."""


@pytest.fixture
async def alone(
    new_database: Callable[[], str], qdrant_urls: tuple[str, ...], tmp_path: Path
) -> AsyncGenerator[Retrieval]:
    """Retrieval over a database and an alias of the test's own, with two models of different lengths."""
    index = await open_index(qdrant_urls, collection=f"editions-{uuid4()}")
    async with make_pool(new_database(), size=4, wait_s=5.0) as pool:
        retrieval = Retrieval(pool, index, tmp_path / "blobs")
        retrieval.embedding.sizes[OTHER] = OTHER_SIZE
        await retrieval.editions.ensure()
        yield retrieval
    await index.close()


async def work(retrieval: Retrieval) -> int:
    """Do what a worker is asked for until nothing is left; return how many jobs that were."""
    done = 0
    for _ in range(10):
        await retrieval.backfill.run()
        waiting = await retrieval.execute(WAITING)
        if not waiting:
            return done
        for job in waiting:
            await retrieval.ingest().run(JobId(UUID(str(job["id"]))))
            done += 1
    pytest.fail("there is more and more to do")


async def editions(retrieval: Retrieval) -> dict[EditionState, Edition]:
    """The editions by their state."""
    return {one.state: one for one in await retrieval.editions.rows.list()}


async def counts(retrieval: Retrieval, tenant: TenantId, document: DocumentId | None = None) -> dict[str, int]:
    """How many points each edition has, by its model."""
    return {one.edition.model: await one.index.count(tenant, document) for one in await retrieval.editions.kept()}


async def found(
    retrieval: Retrieval, tenant: TenantId, question: str = "How many plates does a kiln hold?"
) -> list[str]:
    """The documents that a question finds."""
    return [one.document for one in await retrieval.ask(tenant, question, limit=1)]


async def switched(retrieval: Retrieval, tenant: TenantId) -> None:
    """Bring everything to the other model, and have it serve."""
    await retrieval.editions.rows.begin(OTHER)
    await work(retrieval)
    await retrieval.editions.rows.switch(EditionState.BUILDING, by_force=False)
    await retrieval.editions.kept()
    assert await found(retrieval, tenant)


async def test_another_model_is_given_every_document_and_serves_once_it_is_whole_and_compared(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    await alone.ingested(tenant, "lathe.md", LATHE)
    begun = await alone.editions.rows.begin(OTHER)
    with pytest.raises(BadInput, match="no worker has asked other yet"):
        await alone.editions.rows.switch(EditionState.BUILDING, by_force=False)
    await alone.backfill.run()
    assert (await editions(alone))[EditionState.BUILDING].dense_size == OTHER_SIZE
    with pytest.raises(BadInput, match="lacks 2 of 2 documents"):
        await alone.editions.rows.switch(EditionState.BUILDING, by_force=False)
    assert await counts(alone, tenant) == {MODEL: 3, OTHER: 0}
    assert await found(alone, tenant) == ["kiln.md"]
    assert await work(alone) == 2
    recall = (await editions(alone))[EditionState.BUILDING].recall
    assert recall is not None
    assert (recall.serving, recall.other) == (recall.asked, recall.asked)
    switched = await alone.editions.rows.switch(EditionState.BUILDING, by_force=False)
    assert (switched.serving.number, switched.previous.model, switched.lacking) == (begun.number, MODEL, 0)
    await alone.editions.kept()
    assert await found(alone, tenant) == ["kiln.md"]
    assert alone.embedding.models[-1] == OTHER
    assert await counts(alone, tenant) == {OTHER: 3, MODEL: 3}


async def test_what_comes_and_goes_meanwhile_is_right_in_both_and_going_back_loses_nothing(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    kiln = await alone.ingested(tenant, "kiln.md", KILN)
    await switched(alone, tenant)
    lathe = await alone.ingested(tenant, "lathe.md", LATHE)
    assert await found(alone, tenant, "What does the lathe turn?") == ["lathe.md"]
    with pytest.raises(BadInput, match="lacks 1 of 2 documents"):
        await alone.editions.rows.switch(EditionState.PREVIOUS, by_force=False)
    await alone.documents.remove(tenant, kiln.document_id)
    assert await counts(alone, tenant) == {OTHER: 1, MODEL: 0}
    await work(alone)
    assert await counts(alone, tenant, lathe.document_id) == {OTHER: 1, MODEL: 1}
    await alone.editions.rows.switch(EditionState.PREVIOUS, by_force=False)
    await alone.editions.kept()
    assert await found(alone, tenant, "What does the lathe turn?") == ["lathe.md"]
    assert alone.embedding.models[-1] == MODEL


async def test_a_document_that_becomes_live_while_another_edition_begins_to_serve_is_given_to_that(
    alone: Retrieval,
) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    await alone.editions.rows.begin(OTHER)
    await work(alone)
    upload = await alone.add(tenant, "lathe.md", LATHE)

    async def embed(_tenant: TenantId | None, _kind: JobKind, model: str, texts: Sequence[str]) -> list[list[float]]:
        if model == MODEL:
            await alone.editions.rows.switch(EditionState.BUILDING, by_force=False)
        return (await alone.embedding(model, texts)).vectors

    await alone.ingest(embed=embed).run(upload.job_id)
    assert await counts(alone, tenant, upload.document_id) == {OTHER: 1, MODEL: 1}
    await alone.editions.kept()
    assert await found(alone, tenant, "What does the lathe turn?") == ["lathe.md"]


async def test_a_backfill_whose_worker_died_goes_on_where_it_was(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    parts = "\n".join(f"## Part {number}\n\nPart {number} weighs {number} grams.\n" for number in range(3 * BATCH))
    upload = await alone.ingested(tenant, "parts.md", parts)
    await alone.editions.rows.begin(OTHER)
    await alone.backfill.run()
    (job,) = await alone.execute(WAITING)
    asked = len(alone.embedding.asked)
    alone.embedding.raises, alone.embedding.fails_after = Killed(), asked + BATCH
    with pytest.raises(Killed):
        await alone.ingest().run(JobId(UUID(str(job["id"]))))
    alone.embedding.raises = None
    assert await counts(alone, tenant) == {MODEL: 3 * BATCH, OTHER: BATCH}
    await alone.ingest().run(JobId(UUID(str(job["id"]))))
    assert await counts(alone, tenant, upload.document_id) == {MODEL: 3 * BATCH, OTHER: 3 * BATCH}
    assert len(alone.embedding.asked) - asked == 3 * BATCH, "no chunk was embedded twice"


async def test_uploads_go_before_a_backfill(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    await alone.editions.rows.begin(OTHER)
    await alone.backfill.run()
    upload = await alone.add(tenant, "lathe.md", LATHE)
    queued = await alone.execute("SELECT queueing_lock FROM procrastinate_jobs ORDER BY priority DESC, id")
    locks = [row["queueing_lock"] for row in queued]
    (job,) = await alone.execute(WAITING)
    assert locks.index(f"ingest:{upload.job_id}") < locks.index(f"ingest:{job['id']}")


async def test_an_edition_that_finds_less_serves_by_force_only(
    alone: Retrieval, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await alone.tenant()
    parts = "\n".join(f"## Part {number}\n\nPart {number} weighs {number} grams.\n" for number in range(40))
    await alone.ingested(tenant, "parts.md", parts)

    def useless(text: str, size: int) -> list[float]:
        return hashed(text, size) if size == DENSE_SIZE else [1.0, *[0.0] * (size - 1)]

    monkeypatch.setattr("tests.fakes.retrieval.hashed", useless)
    await alone.editions.rows.begin(OTHER)
    await work(alone)
    found = (await editions(alone))[EditionState.BUILDING].recall
    assert found is not None
    with pytest.raises(BadInput, match=f"finds the chunk of {found.other} of {found.asked} sentences"):
        await alone.editions.rows.switch(EditionState.BUILDING, by_force=False)
    await alone.editions.rows.switch(EditionState.BUILDING, by_force=True)
    assert (await editions(alone))[EditionState.SERVING].model == OTHER


async def test_there_are_two_editions_at_most_and_one_that_is_retired_leaves_nothing(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    with pytest.raises(BadInput, match="edition 1 serves, by hashed"):
        await alone.editions.rows.begin(MODEL)
    await switched(alone, tenant)
    with pytest.raises(BadInput, match=r"edition 1 \(hashed\) is previous: there are two at most"):
        await alone.editions.rows.begin("third")
    retired = await alone.editions.rows.retire()
    await alone.ingested(tenant, "lathe.md", LATHE)
    assert await counts(alone, tenant) == {OTHER: 3}
    before = alone.editions.open(retired).index
    assert await before.count(tenant) == 2, "nobody writes to it any more"
    await before.remove()
    await alone.editions.rows.remove(retired)
    assert [one.number for one in await alone.editions.rows.list()] == [2]
    assert await alone.execute("SELECT number FROM document_editions WHERE number = 1") == []
    assert await before.target() is None


async def test_a_replica_that_looked_a_moment_ago_asks_the_previous_edition_and_follows(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    replica = Retrieval(alone.database.pool, alone.index, Path("unused"))
    now_s = [100.0]
    replica.editions._clock = lambda: now_s[0]  # pyright: ignore[reportPrivateUsage]
    replica.embedding.sizes[OTHER] = OTHER_SIZE
    assert await found(replica, tenant) == ["kiln.md"]
    await switched(alone, tenant)
    assert await found(replica, tenant) == ["kiln.md"]
    assert replica.embedding.models == [MODEL, MODEL]
    now_s[0] += 2.0
    assert await found(replica, tenant) == ["kiln.md"]
    assert replica.embedding.models[-1] == OTHER


async def test_without_postgresql_the_last_edition_that_was_known_is_asked(
    alone: Retrieval, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> list[Edition]:
        raise StoreUnavailable("away", store="postgres")

    known, begun = await alone.editions.serving(), alone.editions_of(alone.index)
    monkeypatch.setattr("app.retrieval.editions.editions.LOOK_EVERY_S", 0.0)
    for one in (alone.editions, begun):
        monkeypatch.setattr(one.rows, "list", away)
    assert await alone.editions.serving() == known
    with pytest.raises(StoreUnavailable):
        await begun.serving()


async def test_an_index_from_before_there_were_editions_is_taken_over_as_it_is(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    upload = await alone.ingested(tenant, "kiln.md", KILN)
    await alone.execute("DELETE FROM editions")
    later = alone.editions_of(alone.index)
    await later.ensure()
    (adopted,) = await later.rows.list()
    assert (adopted.model, adopted.dense_size) == (MODEL, DENSE_SIZE)
    assert await later.rows.progress(adopted) == Progress(documents=1, given=1, failed=0)
    assert await later.open(adopted).index.count(tenant, upload.document_id) == 2
    assert await work(alone) == 0


async def test_a_wiped_store_is_filled_again_from_postgresql(alone: Retrieval) -> None:
    tenant = await alone.tenant()
    await alone.ingested(tenant, "kiln.md", KILN)
    await alone.index.remove()
    with pytest.raises(StoreUnavailable):
        await found(alone, tenant)
    await alone.editions.ensure()
    await alone.editions.given.forget_all()
    assert await found(alone, tenant) == []
    assert await work(alone) == 1
    assert await found(alone, tenant) == ["kiln.md"]
