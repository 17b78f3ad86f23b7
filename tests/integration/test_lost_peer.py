"""Three peers of the vector store: any one may be lost, for questions and uploads; what it missed is caught up with."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.agents.life import RunState
from app.errors import StoreUnavailable
from app.ids import DocumentId, TenantId
from app.jobs.states import JobState
from app.postgres import make_pool
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.reconcile import Reconciled
from app.retrieval.shape import Copies, copies_for
from tests.contract.qdrant_server import Double, running_double
from tests.fakes.node import FakeNode
from tests.fakes.retrieval import Retrieval
from tests.integration.platforms import Servers, add_caller, answered, ask, opened, settings_for
from tests.integration.retrieval_fixtures import open_index

pytestmark = pytest.mark.integration

SHARDS = 3
NUMBERS = (1, 2, 3)
WHOLE_WITHIN_S = 20.0
TEXT = "\n".join(f"## Part {number}\n\nPart {number} of the {{0}} weighs {number * 7} grams.\n" for number in range(12))


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Generator[Double]:
    """Three peers that no other test uses, since they are lost."""
    with running_double(tmp_path_factory.mktemp("lost")) as running:
        yield running


@pytest.fixture(autouse=True)
def clean(double: Double) -> Generator[None]:
    """Every peer is back and no collection left once a test is over."""
    yield
    double.bring_back()
    with httpx.Client(base_url=double.urls[0]) as client:
        for one in client.get("/collections").json()["result"]["collections"]:
            client.delete(f"/collections/{one['name']}")


@asynccontextmanager
async def index_of(double: Double, *, copies: int = copies_for(3)) -> AsyncGenerator[QdrantPeers]:
    """The peers, by default with as many copies as three peers get where nobody says."""
    index = await open_index(double.urls, collection="chunks", shards=SHARDS, copies=copies)
    try:
        yield index
    finally:
        await index.close()


@pytest.fixture
async def retrieval(double: Double, new_database: Callable[[], str], tmp_path: Path) -> AsyncGenerator[Retrieval]:
    """Retrieval over the three peers; a reconciler looks at every document of the database."""
    url = await asyncio.to_thread(new_database)
    async with index_of(double) as index, make_pool(url, size=4, wait_s=5.0) as pool:
        retrieval = Retrieval(pool, index, tmp_path / "blobs")
        await retrieval.editions.ensure()
        yield retrieval


async def upload(retrieval: Retrieval, tenant: TenantId, name: str) -> tuple[DocumentId, JobState]:
    """Upload a text of twelve chunks and try once to make it passages."""
    added = await retrieval.ingested(tenant, f"{name}.md", TEXT.format(name))
    return added.document_id, (await retrieval.job(tenant, added.job_id)).state


async def found(retrieval: Retrieval, tenant: TenantId, name: str) -> set[str]:
    """The documents that a question about one of them finds; asked often enough to have asked every peer."""
    documents: set[str] = set()
    for _ in range(6):
        documents |= {one.document for one in await retrieval.ask(tenant, f"How much weighs part 5 of the {name}?", 1)}
    return documents


async def until_whole(index: QdrantPeers) -> None:
    """Until no copy of a shard misses anything."""
    async with asyncio.timeout(WHOLE_WITHIN_S):
        while await index.complete_copies() != Copies(wanted=2 * SHARDS, whole=2 * SHARDS):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.requirement("FIN-52.lost", "INS-39.persistent")
@pytest.mark.parametrize("lost", NUMBERS)
async def test_any_one_of_three_peers_may_be_lost(retrieval: Retrieval, double: Double, lost: int) -> None:
    tenant = await retrieval.tenant()
    kiln, _ = await upload(retrieval, tenant, "kiln")
    gone, _ = await upload(retrieval, tenant, "lathe")
    await asyncio.to_thread(double.lose, lost)
    assert await found(retrieval, tenant, "kiln") == {"kiln.md"}
    anvil, state = await upload(retrieval, tenant, "anvil")
    assert state is JobState.DONE
    assert await found(retrieval, tenant, "anvil") == {"anvil.md"}
    await retrieval.documents.remove(tenant, gone)
    assert await retrieval.index.count(tenant, gone) == 0

    await asyncio.to_thread(double.bring_back)
    await until_whole(retrieval.index)
    assert await retrieval.reconciler.run() == Reconciled()
    # What the returned peer missed is there without the one that had it.
    await asyncio.to_thread(double.lose, lost % 3 + 1)
    for document, name in ((kiln, "kiln"), (anvil, "anvil")):
        assert await retrieval.index.count(tenant, document) == 12
        assert await found(retrieval, tenant, name) == {f"{name}.md"}
    assert await retrieval.index.count(tenant) == 24


async def test_with_two_of_three_peers_lost_everything_is_refused_until_they_are_back(
    retrieval: Retrieval, double: Double
) -> None:
    tenant = await retrieval.tenant()
    await upload(retrieval, tenant, "kiln")
    await asyncio.to_thread(double.lose, 2)
    await asyncio.to_thread(double.lose, 3)
    with pytest.raises(StoreUnavailable) as refused:
        await retrieval.ask(tenant, "How much weighs part 5 of the kiln?")
    assert refused.value.facts["store"] == "qdrant"
    added = await retrieval.ingested(tenant, "anvil.md", TEXT.format("anvil"))
    job = await retrieval.job(tenant, added.job_id)
    assert (job.state, job.error_code) == (JobState.ACCEPTED, "store_unavailable")

    await asyncio.to_thread(double.bring_back)
    await until_whole(retrieval.index)
    await retrieval.ingest().run(added.job_id)
    assert (await retrieval.job(tenant, added.job_id)).state is JobState.DONE
    assert await retrieval.index.count(tenant, added.document_id) == 12
    assert await found(retrieval, tenant, "anvil") == {"anvil.md"}


async def test_a_collection_that_needed_every_copy_is_changed_while_a_peer_is_lost(
    retrieval: Retrieval, double: Double
) -> None:
    tenant = await retrieval.tenant()
    before = {"params": {"replication_factor": 2, "write_consistency_factor": 2}}
    async with httpx.AsyncClient() as client:
        (await client.patch(f"{double.urls[0]}/collections/chunks", json=before)).raise_for_status()
    await asyncio.to_thread(double.lose, 3)
    assert (await upload(retrieval, tenant, "kiln"))[1] is JobState.ACCEPTED
    await retrieval.index.ensure_collection()
    assert (await upload(retrieval, tenant, "anvil"))[1] is JobState.DONE


async def test_with_one_copy_a_lost_peer_takes_retrieval_away(
    double: Double, postgres_url: str, tmp_path: Path
) -> None:
    async with index_of(double, copies=1) as index, make_pool(postgres_url, size=4, wait_s=5.0) as pool:
        retrieval = Retrieval(pool, index, tmp_path / "blobs")
        await retrieval.editions.ensure()
        tenant = await retrieval.tenant()
        await upload(retrieval, tenant, "kiln")
        await asyncio.to_thread(double.lose, 1)
        # Of the two peers that are asked, the last may be the lost one.
        with pytest.raises(StoreUnavailable, match=r"1 of 1 read operations failed|connection refused"):
            await retrieval.ask(tenant, "How much weighs part 5 of the kiln?")


@pytest.mark.requirement("FIN-52.lost")
async def test_answers_lack_nothing_with_one_peer_lost_and_say_so_with_two(
    double: Double, servers: Servers, node: FakeNode
) -> None:
    own = Servers(servers.database_url, servers.cache_url, servers.coordination_url, double.urls, servers.directory)
    async with opened(settings_for(own, node)) as (platform,):
        caller = await add_caller(platform)
        await asyncio.to_thread(double.lose, 2)
        for _ in range(4):
            assert (await answered(platform, caller, ask())).degraded == ()
        await asyncio.to_thread(double.lose, 1)
        result = await answered(platform, caller, ask())
        assert (result.state, result.degraded, result.citations) == (RunState.DONE, ("retrieval",), ())


async def test_without_a_cluster_there_are_no_copies_to_begin(tmp_path: Path) -> None:
    with running_double(tmp_path, peers=1) as alone:
        async with index_of(alone, copies=2) as index:
            await index.ensure_collection()
            assert await index.complete_copies() is None
