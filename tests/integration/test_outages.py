"""One store away at a time: what is lost is speed or a part of the answer, and the answer says which."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.agents.life import RunState
from app.api.app import create_app
from app.errors import StoreUnavailable
from app.ids import Caller
from app.migrations import migrate
from app.wiring import Platform
from ops.local.stack import Stack
from tests.fakes.asgi import Client
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    END_S,
    Servers,
    add_caller,
    answered,
    ask,
    chat_of,
    opened,
    settings_for,
    until,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack that no other test uses, since its parts are killed."""
    with Stack.open(tmp_path_factory.mktemp("outages")) as stack:
        yield stack


@pytest.fixture(scope="module")
def servers(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Servers:
    layout = own_stack.layout
    asyncio.run(migrate(layout.database_url))
    directory: Path = tmp_path_factory.mktemp("files")
    return Servers(layout.database_url, layout.cache_url, layout.coordination_url, layout.qdrant_urls, directory)


@contextmanager
def away(stack: Stack, part: str) -> Generator[None]:
    stack.kill(part)
    try:
        yield
    finally:
        stack.restart(part)


async def eventually(is_true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(END_S):
        while not await is_true():  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.1)


async def is_ready(platform: Platform) -> bool:
    return (await platform.health.readiness()).is_ready


async def is_whole(platform: Platform, caller: Caller) -> bool:
    return (await answered(platform, caller, ask())).degraded == ()


@pytest.mark.requirement("ORC-22.without", "UPL-48.failures")
async def test_without_qdrant_the_answer_comes_and_says_what_it_lacks(
    own_stack: Stack, servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        assert (await answered(platform, caller, ask())).degraded == ()
        with away(own_stack, "qdrant"):
            result = await answered(platform, caller, ask())
            assert (result.state, result.degraded, result.citations) == (RunState.DONE, ("retrieval",), ())
            assert result.message.startswith(
                "I cannot reach your documents right now. What follows is not from them.\n\n"
            )
            told = json.dumps(chat_of(node).body["messages"])
            assert "documents cannot be reached right now" in told


async def test_without_coordination_the_answer_comes_and_says_so(
    own_stack: Stack, servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        with away(own_stack, "valkey-coordination"):
            result = await answered(platform, caller, ask())
            assert result.state is RunState.DONE
            assert {"coordination", "events"} <= set(result.degraded)
        await eventually(lambda: is_whole(platform, caller))


async def test_coordination_lost_in_mid_answer_costs_the_log_and_not_the_answer(
    own_stack: Stack, servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        node.script(model=CHAT, tokens_per_s=10.0)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 3)
        with away(own_stack, "valkey-coordination"):
            result = await platform.runner.result(caller, handle.run_id, END_S)
        assert (result.state, result.degraded) == (RunState.DONE, ("events",))


async def test_without_the_cache_nothing_changes(own_stack: Stack, servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        with away(own_stack, "valkey-cache"):
            result = await answered(platform, caller, ask())
        assert (result.state, result.degraded) == (RunState.DONE, ())


async def test_without_postgresql_a_question_is_refused_quickly_and_later_works(
    own_stack: Stack, servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node, database_wait_s=0.5)) as (platform,):
        caller = await add_caller(platform)
        with away(own_stack, "postgres"):
            with pytest.raises(StoreUnavailable) as caught:
                await platform.runner.start(caller, ask(idempotency_key="pg"))
            assert caught.value.facts["store"] == "postgres"
            assert not (await platform.health.report()).services.database
            readiness = await platform.health.readiness()
            assert (readiness.is_ready, readiness.database) == (False, "unreachable")
        await eventually(lambda: is_ready(platform))
        assert (await answered(platform, caller, ask(idempotency_key="pg"))).state is RunState.DONE


@pytest.mark.requirement("ORC-16.answers", "ORC-16.fails", "UPL-13.answers", "INS-24.status", "INS-24.database")
@pytest.mark.requirement("INS-24.redis", "INS-24.vector-store", "INS-24.models", "INS-68.database", "INS-68.redis")
@pytest.mark.requirement("INS-68.vector-store", "INS-68.models")
async def test_health_names_each_part_that_is_away_and_no_other(
    own_stack: Stack, servers: Servers, node: FakeNode
) -> None:
    all_is_well = {"database": "connected", "redis": "connected", "vector_store": "connected", "openai": "available"}
    async with opened(settings_for(servers, node, database_wait_s=0.5, redis_timeout_s=0.5)) as (platform,):
        client = Client(create_app(platform))

        async def told() -> tuple[int, str, dict[str, str]]:
            reply = await client.get("/health")
            services = {name: word for name, word in reply.json()["services"].items() if name != "llm"}
            return reply.status, reply.json()["status"], services

        async def is_told(status: int, word: str, **away: str) -> bool:
            return await told() == (status, word, all_is_well | away)

        await eventually(lambda: is_told(200, "healthy"))
        for part, status, word, name in (
            ("postgres", 503, "unhealthy", "database"),
            ("valkey-cache", 200, "degraded", "redis"),
            ("valkey-coordination", 200, "degraded", "redis"),
            ("qdrant", 200, "degraded", "vector_store"),
        ):
            with away(own_stack, part):
                assert await told() == (status, word, all_is_well | {name: "disconnected"})
            await eventually(lambda: is_told(200, "healthy"))
        await node.stop()
        await eventually(lambda: is_told(503, "unhealthy", openai="unavailable"))


async def test_an_answer_whose_end_could_not_be_written_at_once_is_written_when_postgresql_is_back(
    own_stack: Stack, servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node, database_wait_s=0.5, run_lease_s=30.0)) as (platform,):
        caller = await add_caller(platform)
        node.script(model=CHAT, tokens_per_s=20.0)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 3)
        with away(own_stack, "postgres"):
            await until(lambda: chat_of(node).done)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert result.state is RunState.DONE
        assert await platform.runs.get(caller.tenant_id, handle.run_id) == result
