"""The queue of two replicas over one Redis: who is woken, dropped, refused and told."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from app.errors import NoSlotInTime
from app.ids import TenantId
from app.inference.slots.outlook import Outlook
from app.inference.words.account import Account, Purpose
from app.inference.words.priority import Priority
from app.inference.words.records import ChatCall
from tests.fakes.node import FakeNode
from tests.integration.inference_fixtures import (
    ACCOUNT,
    QUICK,
    SMALL,
    Replica,
    Seen,
    ask,
    catalogue,
    chat,
    fake,
    open_replica,
    open_two,
    until,
    valkey,
)

pytestmark = pytest.mark.integration

PATIENT = replace(QUICK, gap_s=30.0)


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node that would take more calls at once than it has slots."""
    made = fake(slots=8, tokens_per_s=1000)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def replicas(node: FakeNode, redis_url: str) -> AsyncGenerator[list[Replica]]:
    """Two replicas over a node with one slot."""
    async with open_two(node, redis_url, slots=1, limits=PATIENT) as opened:
        yield opened


def of(number: int, **what: object) -> ChatCall:
    """Return a call of that tenant."""
    account = Account(purpose=Purpose.CHAT, tenant_id=TenantId(UUID(int=number)))
    return ask(f"question of {number}", account=account, **what)


async def hold(replica: Replica, node: FakeNode) -> asyncio.Task[object]:
    """Take the slot and keep it until the task is cancelled."""
    node.script(hang_after=1)
    before = len(node.calls)
    task = asyncio.create_task(chat(replica, of(99), Seen()))
    await until(lambda: len(node.calls) == before + 1)
    return task


async def begin(replica: Replica, call: ChatCall, seen: Seen | None = None) -> asyncio.Task[object]:
    """Have a call wait."""
    before = replica.metrics.registry.get_sample_value("switchyard_calls_waiting") or 0.0
    task = asyncio.create_task(chat(replica, call, seen or Seen()))
    await until(lambda: replica.metrics.registry.get_sample_value("switchyard_calls_waiting") == before + 1)
    return task


def asked_of(node: FakeNode) -> list[str]:
    """Return the questions that came to a node, in order."""
    messages = [cast("list[dict[str, str]]", call.body["messages"]) for call in node.calls]
    return [one[-1]["content"].removeprefix("question of ") for one in messages]


async def end(*tasks: asyncio.Task[object]) -> None:
    """Cancel tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_tenants_of_different_replicas_take_turns(replicas: list[Replica], node: FakeNode) -> None:
    one, other = replicas
    holding = await hold(one, node)
    waiting = [await begin(one, of(1, seed=number)) for number in range(3)]
    waiting.append(await begin(other, of(2, seed=7)))
    await end(holding)
    await asyncio.gather(*waiting)
    asked = asked_of(node)[1:]
    # The second tenant came last, and is served after the first one's first call.
    assert asked.index("2") == 1


async def test_batch_calls_let_those_go_first_that_somebody_waits_for(replicas: list[Replica], node: FakeNode) -> None:
    one, other = replicas
    holding = await hold(one, node)
    waiting = [await begin(one, of(1, priority=Priority.BATCH, seed=number)) for number in range(2)]
    waiting.append(await begin(other, of(2)))
    await end(holding)
    await asyncio.gather(*waiting)
    asked = asked_of(node)[1:]
    assert asked.index("2") <= 1


async def test_a_call_whose_client_leaves_is_taken_out_and_does_not_get_the_slot(
    replicas: list[Replica], node: FakeNode
) -> None:
    one, other = replicas
    holding = await hold(one, node)
    leaving, staying = await begin(one, of(1)), await begin(other, of(2))
    await end(leaving)
    await one.leases.close()
    await other.queue.look()
    assert other.queue.lengths["simple"].calls == 1
    await end(holding)
    await staying
    assert asked_of(node)[1:] == ["2"]


async def test_a_waiting_call_is_told_where_it_stands_and_those_behind_it_move_up(
    replicas: list[Replica], node: FakeNode
) -> None:
    one, other = replicas
    holding, told = await hold(one, node), list[Outlook]()
    first = await begin(one, of(1))

    async def wait() -> None:
        await other.dispatcher.chat(
            of(1, seed=3),
            on_route=lambda _route: None,
            on_delta=lambda _text: None,
            on_restart=lambda: None,
            on_usage=lambda _usage: None,
            on_queue=told.append,
        )

    second = asyncio.create_task(wait())
    await until(lambda: [outlook.position for outlook in told] == [2])
    await end(first)
    await other.queue.look()
    await until(lambda: [outlook.position for outlook in told] == [2, 1])
    await end(holding, second)


async def test_a_full_queue_refuses_at_once_and_says_why_and_when_to_come_back(node: FakeNode, redis_url: str) -> None:
    limits = replace(PATIENT, waiting_places=2, tenant_places=1)
    async with open_replica(catalogue([node], slots=1), redis_url, limits=limits) as replica:
        await replica.store.client.flushall()
        holding = await hold(replica, node)
        first = await begin(replica, of(1))
        with pytest.raises(NoSlotInTime, match="of the tenant") as refused:
            await chat(replica, of(1, seed=1), Seen())
        assert (refused.value.facts["reason"], refused.value.facts["queue"]) == ("tenant_full", "simple")
        second = await begin(replica, of(2))
        with pytest.raises(NoSlotInTime, match="too many") as refused:
            await chat(replica, of(3), Seen())
        assert (refused.value.facts["reason"], refused.value.retry_after_s >= 1) == ("queue_full", True)
        await replica.queue.look()
        with pytest.raises(NoSlotInTime):
            await replica.dispatcher.ready(None, ACCOUNT)
        counted = replica.metrics.registry.get_sample_value
        labels = {"tier": "simple", "reason": "queue_full"}
        assert counted("switchyard_queue_refused_total", labels) == 2.0
        assert counted("switchyard_queue_calls", {"tier": "simple", "lane": "interactive"}) == 2.0
        await end(holding, first, second)


async def test_a_slot_on_a_node_that_went_down_meanwhile_is_given_back_and_the_call_goes_on(redis_url: str) -> None:
    nodes = [fake(slots=8, tokens_per_s=1000) for _ in range(2)]
    for node in nodes:
        # So that none is worth waiting for while another is free.
        node.loaded |= {SMALL: 256}
        await node.start()
    async with open_replica(catalogue(nodes, slots=1), redis_url, limits=PATIENT) as replica:
        await replica.store.client.flushall()
        holding = [await hold(replica, node) for node in nodes]
        waiting = await begin(replica, of(1))
        first, other = (task for task in holding)
        # Not announced: what waits learns of it when it is woken.
        replica.fleet.drain(["n0"])
        await end(first)
        await until(lambda: replica.fleet.view("n0").taken == 0)
        assert not waiting.done()
        await end(other)
        answer = await waiting
        assert answer.route.node == "n1"  # type: ignore[attr-defined]
    for node in nodes:
        await node.stop()


@pytest.mark.usefixtures("server")
async def test_without_redis_calls_wait_in_their_replica_in_the_same_order(node: FakeNode, tmp_path: Path) -> None:
    with valkey(tmp_path) as own:
        url = f"redis://127.0.0.1:{own.port}/0"
        async with open_replica(catalogue([node], slots=1), url, limits=PATIENT) as replica:
            holding = await hold(replica, node)
            early = await begin(replica, of(1, seed=1))
            own.stop()
            await replica.queue.look()
            assert not replica.leases.is_coordinated
            late = [await begin(replica, of(1, seed=2)), await begin(replica, of(2))]
            await end(holding)
            answers = await asyncio.gather(early, *late)
            asked = asked_of(node)[1:]
            assert asked == ["1", "2", "1"]
            assert {answer.degraded for answer in answers} == {("coordination",)}  # type: ignore[attr-defined]
        own.start()


DYING = """
import asyncio, sys
from dataclasses import replace
from tests.integration.inference_fixtures import QUICK, Seen, ask, catalogue, chat, open_replica
from tests.integration.test_queue import Address, of

async def main():
    declared = catalogue([Address(sys.argv[2])], slots=1)
    async with open_replica(declared, sys.argv[1], limits=replace(QUICK, gap_s=60.0), lease_s=1.0) as replica:
        holding = asyncio.create_task(chat(replica, of(5), Seen()))
        while not replica.leases.taken_here():
            await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(chat(replica, of(5, seed=n), Seen())) for n in range(3)]
        while replica.metrics.registry.get_sample_value("switchyard_calls_waiting") != 3.0:
            await asyncio.sleep(0.01)
        print("waiting", flush=True)
        await asyncio.gather(holding, *waiting)

asyncio.run(main())
"""


class Address:
    """A node that another process runs."""

    def __init__(self, url: str) -> None:
        self.url = url


async def test_of_a_replica_that_is_killed_the_slots_are_back_within_the_lease_and_its_calls_wait_no_more(
    node: FakeNode, redis_url: str
) -> None:
    node.script(hang_after=1)
    async with open_replica(catalogue([node], slots=1), redis_url, limits=PATIENT, lease_s=1.0) as replica:
        await replica.store.client.flushall()
        command = [sys.executable, "-c", textwrap.dedent(DYING), redis_url, node.url]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env={**os.environ})
        try:
            assert process.stdout is not None
            async with asyncio.timeout(30):
                while await process.stdout.readline() != b"waiting\n":
                    assert process.returncode is None
            await replica.queue.look()
            assert replica.queue.lengths["simple"].calls == 3
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        answer = await chat(replica, of(1), Seen())
        # No longer than the lease, and none of the dead one's three calls before it.
        assert answer.usage.wait_us <= 2_000_000
        assert asked_of(node) == ["5", "1"]
        await replica.queue.look()
        assert replica.queue.lengths["simple"].calls == 0
