"""Ways to the nodes that are compared leave nothing behind for one another."""

import asyncio

import pytest

from ops.bench.client import Broken
from ops.bench.crowd import Job
from ops.bench.crowded import HEAVY, MODEL, door
from ops.bench.playing import empty
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel

pytestmark = pytest.mark.integration


async def test_calls_that_a_gateway_left_behind_are_cut_before_the_next_plays() -> None:
    node = FakeNode([FakeModel(name=MODEL)], slots=1)
    node.script(times=2, hang_after=1)
    await node.start(control=True)
    nodes = door("nodes", [f"{node.url}/v1"], {}, {})
    request = nodes.targets[0].post(nodes.body(Job(HEAVY, 0.0, 1.0, 1.0)), {}, b"")
    try:
        async with asyncio.timeout(20.0):
            left = [asyncio.create_task(nodes.servers[0].ask(request)) for _ in range(2)]
            # It looks until nothing has come for a while, so both are found whenever they arrive.
            await empty(nodes)
            ends = await asyncio.gather(*left, return_exceptions=True)
        assert [type(end) for end in ends] == [Broken, Broken]
        assert [call.aborted for call in node.calls] == [True, True]
    finally:
        nodes.close()
        await node.stop()
