"""Answers that nobody foresaw: whatever a node, Redis or PostgreSQL says, nothing of a process ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest
from aiohttp import web
from redis.asyncio import Redis

from app.agents.life import RunState
from app.causes import Finding
from app.inference.fleet.node_causes import STRANGER
from app.inference.fleet.nodes import Look, NodeState
from app.inference.slots.script import ORPHANS_KEY, node_key
from app.inference.wire.ollama import Ollama, open_ollama
from app.loops import Loop
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import Servers, add_caller, answered, ask, opened, settings_for, until

pytestmark = pytest.mark.integration

ODD = """
[[nodes]]
name = "odd"
url = "http://127.0.0.1:1/odd"
slots = 1
gpus = 1
price_usd_per_hour = 0.36
models = ["smollm2:135m"]
"""
DEEP = "[" * 100_000
# What a port can hold that is no Ollama: another server, a proxy's page, a half-written reply.
BODIES = (
    "",
    "null",
    "[]",
    "7",
    '"ollama"',
    "<html>sign in</html>",
    "{",
    DEEP,
    "\udcff",
    '{"models": null}',
    '{"models": 7}',
    '{"models": ["a"]}',
    '{"models": [{"model": 7}]}',
    '{"models": [{"model": "m", "digest": []}]}',
    '{"version": 7}',
    '{"version": null}',
)
WELL = {"/api/tags": '{"models": []}', "/api/ps": '{"models": []}', "/api/version": '{"version": "0.33.0"}'}


@asynccontextmanager
async def answering(bodies: dict[str, str]) -> AsyncGenerator[str]:
    """A server that answers each path with a body; what stands in `bodies` may be changed."""

    async def serve(request: web.Request) -> web.Response:
        body = bodies[request.path].encode("utf-8", "surrogateescape")
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    for path in WELL:
        app.router.add_get(path, serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_node_that_says_anything_at_all_is_a_node_that_does_not_answer() -> None:
    bodies = dict(WELL)
    async with answering(bodies) as url, open_ollama() as ollama:
        assert isinstance(await ollama.look(url, limit_s=5.0), Look)
        for path in WELL:
            for body in BODIES:
                bodies.update(WELL | {path: body})
                look = await ollama.look(url, limit_s=5.0)
                # Ollama's client takes a list that is not there for an empty one.
                assert look == STRANGER or (isinstance(look, Look) and not (look.holds or look.loaded)), (path, body)


async def test_a_context_size_below_nothing_is_not_known() -> None:
    bodies = WELL | {"/api/ps": '{"models": [{"model": "m", "context_length": -5}]}'}
    async with answering(bodies) as url, open_ollama() as ollama:
        look = await ollama.look(url, limit_s=5.0)
        assert isinstance(look, Look)
        assert look.loaded == {"m:latest": 0}
        bodies["/api/ps"] = '{"models": [{"model": "m", "context_length": "many"}]}'
        assert await ollama.look(url, limit_s=5.0) == STRANGER


def failures(platform: Platform, loop: Loop) -> float:
    return platform.metrics.registry.get_sample_value("switchyard_loop_failures_total", {"loop": loop.value}) or 0


async def test_a_look_that_breaks_takes_no_look_from_the_other_nodes(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(servers, node)
    _add(settings.nodes_file, ODD)
    look = Ollama.look

    async def odd(self: Ollama, url: str, *, limit_s: float) -> Look | Finding:
        if url.endswith("/odd"):
            raise LookupError("what nobody foresaw")
        return await look(self, url, limit_s=limit_s)

    monkeypatch.setattr(Ollama, "look", odd)
    async with opened(settings) as (platform,):
        looks = node.looks
        await until(lambda: failures(platform, Loop.PROBE_LOOK) >= 2 and node.looks >= looks + 2)
        assert platform.fleet.view("a").state is NodeState.READY
        assert platform.fleet.view("odd").state is NodeState.DOWN
        assert (await platform.health.readiness()).is_ready


async def test_entries_of_another_type_in_redis_end_nothing(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        async with Redis.from_url(servers.coordination_url) as redis:
            await redis.set(node_key("a"), b"a string")
            await redis.set(ORPHANS_KEY, b"another")
            await redis.publish("sy:freed", b"\xff\x00")
            result = await answered(platform, caller, ask())
            assert result.state is RunState.DONE
            await redis.delete(node_key("a"), ORPHANS_KEY)
        await until(lambda: platform.leases.is_coordinated)


async def test_lost_calls_that_cannot_be_read_are_forgotten_one_by_one(servers: Servers, node: FakeNode) -> None:
    late = {"facts": "{}", "gpu": 1, "tokens": 1, "ended": 2**62}
    async with opened(settings_for(servers, node)) as (platform,):
        async with Redis.from_url(servers.coordination_url) as redis:
            for packed in (b"", b"\xc1", b"garbage", msgspec.msgpack.encode(late), msgspec.msgpack.encode([1])):
                await redis.hset(ORPHANS_KEY, str(uuid4()), packed)
            assert [orphan async for orphan in platform.leases.take_orphans()] == [None] * 5
            assert await redis.hlen(ORPHANS_KEY) == 0


async def test_a_table_that_changed_under_a_replica_ends_no_loop_and_is_told(
    servers: Servers, node: FakeNode, new_database: Callable[[], str]
) -> None:
    url = new_database()
    own = Servers(url, servers.cache_url, servers.coordination_url, servers.qdrant_urls, servers.directory)
    async with opened(settings_for(own, node)) as (platform,):
        caller = await add_caller(platform)
        before = failures(platform, Loop.NODE_ROWS)
        await _execute(url, "ALTER TABLE nodes RENAME COLUMN name TO title")
        await until(lambda: failures(platform, Loop.NODE_ROWS) >= before + 3)
        readiness = await platform.health.readiness()
        assert readiness.is_ready
        assert [one.loop for one in readiness.failing] == [Loop.NODE_ROWS]
        assert (await answered(platform, caller, ask())).state is RunState.DONE
        await _execute(url, "ALTER TABLE nodes RENAME COLUMN title TO name")
        async with asyncio.timeout(20):
            while platform.loops.failing():  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)


async def _execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection[tuple[object, ...]].connect(url, autocommit=True) as connection:
        await connection.execute(statement.encode())


def _add(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
