"""One request that breaks whatever answers it takes no node from the others."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import pairwise

import pytest

from app.breaker import BreakerState
from app.errors import NodeFailed, NodeRefused
from app.inference.slots.patience import FIRST_PAUSE_S
from app.inference.words.records import Answer, ChatCall
from tests.fakes.node import FakeNode
from tests.fakes.words import numbers_of
from tests.integration.inference_fixtures import (
    QUICK,
    SMALL,
    Replica,
    Seen,
    ask,
    catalogue,
    embed,
    fake,
    open_replica,
)

pytestmark = pytest.mark.integration

POISON: dict[str, dict[str, object]] = {
    "connect": {"die_after": 0},
    "server_error": {"status": 500, "error": "model runner has unexpectedly stopped"},
    "error_line": {"error_after": 0},
    "incomplete": {"eof_after": 0},
    "garbage": {"raw": "this is not JSON"},
}
TWICE = replace(QUICK, attempts=2)


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """The only node."""
    made = fake()
    await made.start()
    yield made
    await made.stop()


async def _chat(replica: Replica, call: ChatCall) -> Answer:
    return await replica.dispatcher.chat(
        call, on_route=lambda _: None, on_delta=lambda _: None, on_restart=lambda: None, on_usage=lambda _: None
    )  # fmt: skip


@pytest.mark.parametrize("how", POISON)
async def test_one_request_that_breaks_the_only_node_takes_it_from_nobody(
    node: FakeNode, redis_url: str, how: str
) -> None:
    async with open_replica(catalogue([node]), redis_url, limits=TWICE) as replica:
        node.script(**POISON[how] | {"times": -1})
        for _ in range(4):
            with pytest.raises(NodeFailed):
                await _chat(replica, ask("poison"))
        assert len(node.calls) == 8
        node.scripts.clear()
        assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.CLOSED
        assert numbers_of((await _chat(replica, ask("another"))).text) == list(range(24))


async def test_one_request_that_breaks_the_only_node_at_two_replicas_takes_it_from_neither(
    node: FakeNode, redis_url: str
) -> None:
    declared = catalogue([node])
    node.script(status=500, error="llama runner process has terminated: exit status 2", times=-1)
    async with (
        open_replica(declared, redis_url, limits=TWICE) as one,
        open_replica(declared, redis_url, limits=TWICE) as other,
    ):
        for replica in (one, other) * 2:
            with pytest.raises(NodeFailed):
                await _chat(replica, ask("poison"))
        node.scripts.clear()
        for replica in (one, other):
            assert numbers_of((await _chat(replica, ask("another"))).text) == list(range(24))


async def test_one_chunk_that_breaks_the_only_embedding_node_takes_it_from_no_other(
    node: FakeNode, redis_url: str
) -> None:
    """As the worker asks: the batch with the chunk comes again with each try of its job."""
    async with open_replica(catalogue([node]), redis_url, limits=TWICE) as replica:
        node.script(status=400, error="embedding contains NaN or Inf values", times=-1)
        for _ in range(4):
            with pytest.raises(NodeFailed):
                await embed(replica, ["sound", "poison"], Seen())
        node.scripts.clear()
        assert len((await embed(replica, ["sound"], Seen())).vectors) == 1


async def test_a_call_comes_back_to_the_node_that_broke_it_after_longer_and_longer_pauses(
    node: FakeNode, redis_url: str
) -> None:
    node.script(status=500, times=-1)
    async with open_replica(catalogue([node]), redis_url) as replica:
        with pytest.raises(NodeFailed):
            await _chat(replica, ask("poison"))
    calls = node.calls
    pauses = [after.started_at - before.ended_at for before, after in pairwise(calls)]
    # Half of each pause is left to chance (patience.py).
    assert len(calls) == 4
    assert all(pause >= FIRST_PAUSE_S * 2**number / 2 for number, pause in enumerate(pauses))


async def test_an_error_line_about_the_input_is_told_at_once_and_blames_no_node(node: FakeNode, redis_url: str) -> None:
    node.script(error_after=0, error="Failed to initialize samplers: failed to parse grammar", times=4)
    async with open_replica(catalogue([node]), redis_url, limits=TWICE) as replica:
        for number in range(4):
            with pytest.raises(NodeRefused, match="failed to parse grammar"):
                await _chat(replica, ask(f"question {number}", patience_s=60.0))
        assert len(node.calls) == 4
        assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.CLOSED
