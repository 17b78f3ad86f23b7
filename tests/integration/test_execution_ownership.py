"""Who may stop a run and when, and what every call of it leaves behind, on real stores and a scriptable node."""

import asyncio
from collections.abc import Sequence
from typing import cast

import msgspec
import pytest
from psycopg.errors import LockNotAvailable
from redis.asyncio import Redis

from app.agents.event_log import End, Entry, EventLog
from app.agents.life import RunState
from app.agents.values import OnDisconnect, RunOptions
from app.errors import NoNodeAvailable, RunUnknown
from app.ids import RunId
from app.inference.fleet.nodes import routable
from app.wiring import Platform
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
    rows,
    settings_for,
    until,
    until_locked,
)

pytestmark = pytest.mark.integration

OWNER = "SELECT state, attempt, lease_owner, lease_until <= now() AS free FROM runs WHERE id = %s"
CALLS = "SELECT kind, outcome FROM usage WHERE run_id = %s ORDER BY started_at"
SPENT = """
    SELECT kind, outcome, gpu_us, EXISTS (SELECT 1 FROM routes WHERE routes.id = usage.route_id) AS is_routed
    FROM usage WHERE run_id = %s ORDER BY started_at
"""
WAITS = "SELECT wait_us FROM usage WHERE run_id = %s ORDER BY started_at"


class Gate:
    """Holds back what is written to the log: everything, or only the entry that ends a run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, ends_only: bool) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        append = EventLog.append

        async def held_back(log: EventLog, run_id: RunId, entries: Sequence[Entry]) -> None:
            if not ends_only or any(isinstance(entry, End) for entry in entries):
                self.reached.set()
                await self.opened.wait()
            await append(log, run_id, entries)

        monkeypatch.setattr(EventLog, "append", held_back)


async def calls_of(platform: Platform, run_id: RunId) -> list[tuple[object, object]]:
    return [(row["kind"], row["outcome"]) for row in await rows(platform, CALLS, run_id)]


def settled(platform: Platform) -> int:
    """Return how many calls of this platform have been settled."""
    (metric,) = platform.metrics.model_calls.collect()
    return round(sum(sample.value for sample in metric.samples if sample.name.endswith("_total")))


async def test_a_stop_that_comes_while_the_end_is_shown_keeps_no_reader_waiting(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, ends_only=True)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        reading = asyncio.create_task(platform.runner.result(caller, handle.run_id, END_S))
        async with asyncio.timeout(END_S):
            await gate.reached.wait()
        platform.runner.left(handle.run_id)
        gate.opened.set()
        assert (await reading).state is RunState.DONE


async def test_a_run_that_is_given_up_leaves_the_usage_of_the_call_that_was_cut_off(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, hang_after=4)
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 4)
        await first.runner.close(drain_s=0)
        assert await calls_of(first, handle.run_id) == [("embed", "done"), ("chat", "cancelled")]
        (row,) = await rows(first, OWNER, handle.run_id)
        assert (row["state"], row["lease_owner"], row["free"]) == ("running", None, True)
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert [route.outcome for route in result.routes] == ["done", "cancelled", "done"]
            waits_us = [cast("int", row["wait_us"]) for row in await rows(second, WAITS, handle.run_id)]
            assert min(waits_us) > 0
            assert [round(route.wait_ms * 1000) for route in result.routes] == waits_us


async def test_a_call_that_had_ended_is_counted_though_its_run_is_cancelled(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        gate = Gate(monkeypatch, ends_only=False)
        before = settled(platform)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: settled(platform) >= before + 2)
        platform.runner.left(handle.run_id)
        gate.opened.set()
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert result.state is RunState.CANCELLED
        assert await calls_of(platform, handle.run_id) == [("embed", "done"), ("chat", "done")]
        assert [route.outcome for route in result.routes] == ["done", "done"]


@pytest.mark.requirement("ORC-50.broken")
async def test_an_attempt_that_broke_off_is_counted_though_another_one_answers(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, error_after=3)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        result = await answered(platform, caller, ask())
        assert result.state is RunState.DONE
        stored = await rows(platform, SPENT, result.run_id)
        assert [(row["kind"], row["outcome"]) for row in stored] == [
            ("embed", "done"),
            ("chat", "failed"),
            ("chat", "done"),
        ]
        assert cast("int", stored[1]["gpu_us"]) > 0
        assert [round(route.gpu_seconds * 1e6) for route in result.routes] == [row["gpu_us"] for row in stored]
        assert [row["is_routed"] for row in stored] == [False, True, True]


async def test_a_process_does_not_take_over_from_itself(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=4)
    async with opened(settings_for(servers, node, run_lease_s=30.0)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 4)
        await rows(
            platform,
            "UPDATE runs SET lease_until = now() - interval '1 second' WHERE id = %s RETURNING id",
            handle.run_id,
        )
        assert await platform.runner.resume(handle.run_id) is None
        assert (await rows(platform, OWNER, handle.run_id))[0]["attempt"] == 1
        await platform.runner.cancel(caller, handle.run_id)
        assert (await platform.runs.get(caller.tenant_id, handle.run_id)).state is RunState.CANCELLED


async def test_a_run_accepted_while_the_drain_begins_is_left_to_a_worker(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        session_id = (await answered(first, caller, ask())).session_id
        start = ask("And then?", session_id=session_id, on_disconnect=OnDisconnect.CONTINUE)
        async with first.database.transaction("test") as conn:
            await conn.execute("SELECT 1 FROM sessions WHERE id = %s FOR NO KEY UPDATE", [session_id])
            starting = asyncio.create_task(first.runner.start(caller, start))
            await until_locked(first.database)
            await first.runner.close(drain_s=0)
        handle = await starting
        (row,) = await rows(first, OWNER, handle.run_id)
        assert (row["state"], row["lease_owner"], row["free"]) == ("running", None, True)
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert result.state is RunState.DONE


async def test_an_end_takes_the_session_before_the_run_as_a_next_question_does(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        session_id = (await answered(platform, caller, ask())).session_id
        node.script(model=CHAT, tokens_per_s=20.0)
        handle = await platform.runner.start(caller, ask("And then?", session_id=session_id))
        async with platform.database.transaction("test") as conn:
            await conn.execute("SELECT 1 FROM sessions WHERE id = %s FOR NO KEY UPDATE", [session_id])
            await until_locked(platform.database)
            try:
                await conn.execute("SELECT 1 FROM runs WHERE id = %s FOR UPDATE NOWAIT", [handle.run_id])
            except LockNotAvailable:
                pytest.fail("the end holds the run while it waits for the session")
        assert (await platform.runner.result(caller, handle.run_id, END_S)).state is RunState.DONE


async def test_a_run_under_way_is_unknown_to_another_tenant(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=2)
    async with opened(settings_for(servers, node)) as (platform,):
        caller, stranger = await add_caller(platform), await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 2)
        with pytest.raises(RunUnknown):
            await anext(platform.runner.events(stranger, handle.run_id))
        with pytest.raises(RunUnknown):
            await platform.runner.cancel(stranger, handle.run_id)
        assert (await platform.runs.get(caller.tenant_id, handle.run_id)).state is RunState.RUNNING
        await platform.runner.cancel(caller, handle.run_id)


async def test_a_stored_answer_is_replayed_though_every_node_is_down(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = ask(idempotency_key="kept", on_disconnect=OnDisconnect.CONTINUE)
        first = await answered(platform, caller, start)
        await node.stop()
        await until(lambda: not routable(platform.fleet.views()))
        with pytest.raises(NoNodeAvailable):
            await platform.runner.start(caller, ask(idempotency_key="new"))
        assert await answered(platform, caller, start) == first


async def test_an_answer_is_no_longer_than_was_asked_for(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = msgspec.structs.replace(ask(), options=RunOptions(max_tokens=5))
        assert (await answered(platform, caller, start)).output_tokens == 5


async def test_a_log_that_holds_garbage_costs_the_text_so_far_and_not_the_run(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=6)
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 6)
        await first.runner.close(drain_s=0)
        async with Redis.from_url(servers.coordination_url) as redis:
            await redis.xadd(f"sy:run:{handle.run_id}", {b"e": b"\xff"})
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.attempt) == (RunState.DONE, 2)
