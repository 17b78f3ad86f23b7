"""Tickers in the collection: a payload field with a keyword index, in a new collection and in one that is there."""

from collections.abc import Generator

import httpx
import msgspec
import pytest

from app.retrieval import collection
from tests.contract.qdrant_server import Double, running_double
from tests.integration.test_qdrant_peers import KEY, ONE, OTHER, SECOND, made, peers

pytestmark = pytest.mark.integration


@pytest.fixture
def double(tmp_path_factory: pytest.TempPathFactory) -> Generator[Double]:
    """Three peers with a key."""
    with running_double(tmp_path_factory.mktemp("tickers"), api_key=KEY) as running:
        yield running


async def count(client: httpx.AsyncClient, **payload: str) -> int:
    """Return how many points have these values."""
    must = [{"key": name, "match": {"value": value}} for name, value in payload.items()]
    asked = await client.post("/collections/chunks/points/count", json={"filter": {"must": must}, "exact": True})
    return asked.raise_for_status().json()["result"]["count"]


@pytest.mark.requirement("FIN-12.index")
async def test_a_collection_that_is_there_gets_the_index_of_tickers(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = [msgspec.structs.replace(one, ticker="ACME") for one in made(3)]
    async with httpx.AsyncClient(base_url=double.urls[0], headers={"api-key": KEY}) as client:
        async with peers(double.urls) as wrapper:
            with monkeypatch.context() as before:
                before.setattr(collection, "INDEXES", {"tenant_id": True, "document_id": False})
                await wrapper.ensure_collection()
            await wrapper.upsert(made(2, ONE, SECOND))
            assert "ticker" not in (await client.get("/collections/chunks")).json()["result"]["payload_schema"]
            await wrapper.ensure_collection()
            await wrapper.upsert(acme)
        schema = (await client.get("/collections/chunks")).json()["result"]["payload_schema"]
        assert schema["ticker"]["data_type"] == "keyword"
        assert await count(client, tenant_id=str(ONE), ticker="ACME") == 3
        assert await count(client, tenant_id=str(OTHER), ticker="ACME") == 0
        assert await count(client, tenant_id=str(ONE)) == 5
