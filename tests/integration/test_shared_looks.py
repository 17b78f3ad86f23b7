"""One process looks at the nodes for all, and each for itself while Redis is away."""

import time
from collections.abc import AsyncGenerator

import pytest

from app.inference.fleet.nodes import NodeState
from app.inference.probing.probe import Probe
from app.inference.probing.shared_looks import LOOKER_KEY, SEEN_KEY, SharedLooks
from tests.fakes.node import FakeNode
from tests.integration.inference_fixtures import LARGE, Replica, catalogue, fake, open_replica

pytestmark = pytest.mark.integration


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node."""
    made = fake()
    await made.start()
    yield made
    await made.stop()


def probe_of(replica: Replica) -> Probe:
    """Return the probe of a replica, that shares its looks."""
    shared = SharedLooks(replica.store, every_s=1.0)
    return Probe(replica.fleet, replica.own_calls(), replica.ollama, replica.store, clock=time.monotonic, shared=shared)


async def test_one_looks_the_others_see_the_same_and_another_goes_on_when_it_leaves(
    node: FakeNode, redis_url: str
) -> None:
    async with open_replica(catalogue([node]), redis_url) as one, open_replica(catalogue([node]), redis_url) as other:
        first, second = probe_of(one), probe_of(other)
        await first.look()
        node.loaded[LARGE] = 1024
        before = node.looks
        await first.look()
        await second.look()
        assert node.looks == before + 1
        assert other.fleet.view("n0").loaded == {LARGE: 1024}
        assert other.fleet.view("n0").traits.keys() == one.fleet.view("n0").traits.keys() != set()
        await node.stop()
        for _ in range(2):
            await first.look()
            await second.look()
        views = [replica.fleet.view("n0") for replica in (one, other)]
        assert [view.state for view in views] == [NodeState.DOWN] * 2
        assert {view.finding.cause.value for view in views if view.finding} == {"connection_refused"}
        await node.start()
        await first.leave()
        before = node.looks
        await second.look()
        await first.look()
        assert node.looks == before + 1
        assert [replica.fleet.view("n0").state for replica in (one, other)] == [NodeState.READY] * 2


async def test_what_nobody_tells_any_more_is_looked_at_by_each(node: FakeNode, redis_url: str) -> None:
    async with open_replica(catalogue([node]), redis_url) as one, open_replica(catalogue([node]), redis_url) as other:
        first, second = probe_of(one), probe_of(other)
        await first.look()
        await one.store.client.delete(SEEN_KEY)
        before = node.looks
        await second.look()
        assert node.looks == before + 1
        assert await one.store.client.pttl(LOOKER_KEY) <= 3000


async def test_without_redis_each_looks_for_itself(node: FakeNode, redis_url: str) -> None:
    async with open_replica(catalogue([node]), redis_url) as one, open_replica(catalogue([node]), redis_url) as other:
        first, second = probe_of(one), probe_of(other)
        for replica in (one, other):
            await replica.store.client.aclose()
            replica.store.client.connection_pool.connection_kwargs["port"] = 1
        before = node.looks
        await first.look()
        await second.look()
        assert node.looks == before + 2
