"""A node loads one model with one context at a time, over two replicas on one Redis."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app.inference.slots.outlook import Outlook
from app.inference.words.account import Purpose
from app.inference.words.records import Answer, ChatCall
from ops.bench.contexts import loads_of_fewest, loads_of_ours
from tests.fakes.node import FakeNode
from tests.integration.inference_fixtures import (
    LARGE,
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

PATIENT = replace(QUICK, first_token_s=30.0, load_s=30.0, gap_s=30.0)
LOAD_US = 5_000_000
"""What a load is expected to take of a node that nobody has measured."""


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with nothing in memory."""
    made = fake(slots=8)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def replicas(node: FakeNode, redis_url: str) -> AsyncGenerator[list[Replica]]:
    """Two replicas that have looked at it once, and do not again."""
    async with open_two(node, redis_url, slots=4, limits=PATIENT) as opened:
        yield opened


async def end(*tasks: asyncio.Task[Answer]) -> None:
    """Cancel tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def begin(replica: Replica, node: FakeNode, call: ChatCall, *, tokens: int) -> asyncio.Task[Answer]:
    """Begin a call that stays with its node after so many tokens; after none it waits for its load."""
    node.script(hang_after=tokens)
    before, seen = len(node.calls), Seen()
    task = asyncio.create_task(chat(replica, call, seen))
    await until(lambda: len(node.calls) > before and len(seen.text.split()) == tokens)
    return task


def wait(replica: Replica, call: ChatCall, told: list[Outlook]) -> asyncio.Task[Answer]:
    """Begin a call that is told where it stands."""
    asking = replica.dispatcher.chat(
        call,
        on_route=lambda _route: None,
        on_delta=lambda _text: None,
        on_restart=lambda: None,
        on_usage=lambda _usage: None,
        on_queue=told.append,
    )
    return asyncio.create_task(asking)


def contexts(node: FakeNode) -> list[tuple[str, int]]:
    """Return what was asked for, in order."""
    return [(one.model, cast("dict[str, int]", one.body["options"])["num_ctx"]) for one in node.calls]


LONG = ask(model=SMALL, max_tokens=600)
SHORT = ask(model=SMALL)


async def test_who_would_load_another_model_waits_until_the_load_is_over_and_is_told_for_how_long(
    node: FakeNode, replicas: list[Replica]
) -> None:
    one, other = replicas
    loading, told = await begin(one, node, SHORT, tokens=0), list[Outlook]()
    waiting = wait(other, ask(model=LARGE), told)
    await until(lambda: bool(told))
    assert (told[0].position, LOAD_US // 2 < told[0].eta_us <= LOAD_US) == (1, True)
    assert [call.model for call in node.calls] == [SMALL]
    await end(loading)
    assert (await waiting).route.model == LARGE
    assert [call.model for call in node.calls] == [SMALL, LARGE]


async def test_a_load_is_over_with_the_first_sign_of_life(node: FakeNode, replicas: list[Replica]) -> None:
    one, other = replicas
    answering = await begin(one, node, SHORT, tokens=1)
    assert (await chat(other, ask(model=LARGE), Seen())).route.model == LARGE
    assert not answering.done()
    await end(answering)


async def test_who_needs_no_more_context_joins_a_load(node: FakeNode, replicas: list[Replica]) -> None:
    one, other = replicas
    loading = await begin(one, node, LONG, tokens=0)
    joined = await begin(other, node, SHORT, tokens=0)
    assert contexts(node) == [(SMALL, 1024), (SMALL, 1024)]
    await end(loading, joined)


async def test_who_needs_more_context_waits_until_a_load_is_over(node: FakeNode, replicas: list[Replica]) -> None:
    one, other = replicas
    loading, told = await begin(one, node, SHORT, tokens=0), list[Outlook]()
    waiting = wait(other, LONG, told)
    await until(lambda: bool(told))
    assert contexts(node) == [(SMALL, 256)]
    await end(loading)
    await waiting
    assert contexts(node) == [(SMALL, 256), (SMALL, 1024)]


async def test_long_and_short_calls_of_two_replicas_in_turn_load_a_model_once(
    node: FakeNode, replicas: list[Replica]
) -> None:
    one, other = replicas
    await chat(other, SHORT, Seen())
    for replica in replicas:
        await replica.look()
    node.calls.clear()
    for _ in range(3):
        # The other has not looked since, and still believes in the smaller context.
        await chat(one, LONG, Seen())
        await chat(other, SHORT, Seen())
    assert sum(call.loaded for call in node.calls) == 1
    assert set(contexts(node)) == {(SMALL, 1024)}


@pytest.mark.usefixtures("replicas")
async def test_forty_requests_of_two_lengths_in_turn_load_a_model_once_as_the_benchmark_has_it(redis_url: str) -> None:
    assert (await loads_of_ours(redis_url), loads_of_fewest()) == (1, 39)


async def test_a_trial_keeps_the_context_that_another_replica_had_loaded(
    node: FakeNode, replicas: list[Replica]
) -> None:
    one, other = replicas
    await chat(other, SHORT, Seen())
    await chat(one, LONG, Seen())
    node.calls.clear()
    place, model = other.fleet.nodes()[0], other.fleet.catalogue.find(SMALL)
    assert model is not None
    assert await other.own_calls().say(place, model, Purpose.PROBE, "hi") is not None
    assert [(call.loaded, *context) for call, context in zip(node.calls, contexts(node), strict=True)] == [
        (False, SMALL, 1024)
    ]


async def test_what_is_being_loaded_is_not_tried(node: FakeNode, replicas: list[Replica]) -> None:
    one, other = replicas
    loading = await begin(one, node, SHORT, tokens=0)
    place, model = other.fleet.nodes()[0], other.fleet.catalogue.find(SMALL)
    assert model is not None
    assert await other.own_calls().say(place, model, Purpose.PROBE, "hi") is None
    assert len(node.calls) == 1
    await end(loading)


async def test_the_load_of_a_replica_that_died_holds_up_others_no_longer_than_its_lease(
    node: FakeNode, redis_url: str
) -> None:
    declared = catalogue([node], slots=4)
    async with (
        open_replica(declared, redis_url, limits=PATIENT, lease_s=0.3, renews=False) as dying,
        open_replica(declared, redis_url, limits=PATIENT) as living,
    ):
        await living.store.client.flushall()
        loading = await begin(dying, node, SHORT, tokens=0)
        assert (await chat(living, ask(model=LARGE), Seen())).route.model == LARGE
        assert not loading.done()
        await end(loading)


@pytest.mark.usefixtures("server")
async def test_without_redis_the_calls_of_one_process_load_one_model_at_a_time(node: FakeNode, tmp_path: Path) -> None:
    with valkey(tmp_path) as own:
        url = f"redis://127.0.0.1:{own.port}/0"
        async with open_replica(catalogue([node], slots=4), url, limits=PATIENT) as replica:
            own.stop()
            loading, told = await begin(replica, node, SHORT, tokens=0), list[Outlook]()
            waiting = wait(replica, ask(model=LARGE), told)
            await until(lambda: bool(told))
            assert [call.model for call in node.calls] == [SMALL]
            await end(loading)
            assert (await waiting).degraded == ("coordination",)
            assert [call.model for call in node.calls] == [SMALL, LARGE]
        own.start()
