"""A run from its question to its stored end, on real stores and a scriptable node."""

import asyncio
from contextlib import aclosing

import pytest

from app.agents.effects import Effects
from app.agents.events import Delta, EventKind, Restart, RunEvent
from app.agents.life import RunState
from app.agents.values import OnDisconnect, RunResult
from app.errors import NoNodeAvailable
from app.ids import Caller, RunId
from app.inference.fleet.nodes import routable
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    DIED,
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
)  # fmt: skip

pytestmark = pytest.mark.integration

STATE = "SELECT state, attempt, result ->> 'message' AS answer FROM runs WHERE id = %s"
EFFECTS = "SELECT step_key, fence FROM effects WHERE run_id = %s ORDER BY step_key"
LIVES = "SELECT extract(epoch FROM expires_at - last_activity_at)::integer AS lives_s FROM sessions WHERE id = %s"
CALLS = "SELECT kind, outcome, output_tokens FROM usage WHERE run_id = %s ORDER BY started_at"


def text_of(events: list[RunEvent]) -> str:
    text = ""
    for event in events:
        if isinstance(event.body, Delta):
            text += event.body.text
        if isinstance(event.body, Restart):
            text = text[: event.body.offset]
    return text


async def read(platform: Platform, caller: Caller, run_id: RunId, after: str | None = None) -> list[RunEvent]:
    async with asyncio.timeout(END_S), aclosing(platform.runner.events(caller, run_id, after)) as events:
        return [event async for event in events]


def result_of(events: list[RunEvent]) -> RunResult:
    assert isinstance(events[-1].body, RunResult)
    return events[-1].body


@pytest.mark.requirement("INS-01.postgresql", "ORC-50.embeddings", "FIN-03.graph", "FIN-04.rows", "ORC-87.tokens")
async def test_an_answer_is_streamed_stored_counted_and_explained(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node, max_output_tokens=1000)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        events = await read(platform, caller, handle.run_id)
        assert [events[0].kind, events[-1].kind] == [EventKind.QUEUED, EventKind.DONE]
        result = result_of(events)
        assert text_of(events) == result.message != ""
        assert await platform.runs.get(caller.tenant_id, handle.run_id) == result
        steps = [row["step_key"] for row in await rows(platform, EFFECTS, handle.run_id)]
        assert steps == ["respond/answer:0", "respond/retrieve:0"]
        calls = await rows(platform, CALLS, handle.run_id)
        assert [(call["kind"], call["outcome"]) for call in calls] == [("embed", "done"), ("chat", "done")]
        said = await rows(platform, "SELECT role, content FROM messages WHERE run_id = %s ORDER BY id", handle.run_id)
        assert [tuple(row.values()) for row in said] == [("user", ask().question), ("assistant", result.message)]
        chat = result.routes[-1]
        assert chat.route_id is not None
        route = await platform.routes.get(caller.tenant_id, chat.route_id)
        assert (route.node, route.model, str(route.reason)) == ("a", CHAT, chat.reason)
        assert chat_of(node).body["options"]["num_predict"] == 1000  # pyright: ignore[reportIndexIssue]
        assert result.output_tokens == chat.output_tokens > 0
        assert result.cost_usd == pytest.approx(sum(call.cost_usd for call in result.routes))


@pytest.mark.requirement("FIN-03.sessions", "FIN-04.sessions", "FIN-08.session", "INS-01.sessions", "INS-01.postgresql")
async def test_a_follow_up_knows_the_session_at_another_replica(servers: Servers, node: FakeNode) -> None:
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    async with opened(one, two) as (platform, elsewhere):
        caller = await add_caller(platform)
        first = await answered(platform, caller, ask("What is the price?"))
        await answered(elsewhere, caller, ask("And for ten?", session_id=first.session_id))
        sent = chat_of(node).body["messages"]
        assert isinstance(sent, list)
        contents = [message["content"] for message in sent]  # pyright: ignore[reportUnknownVariableType]
        assert contents[1:] == ["What is the price?", first.message, "And for ten?"]
        async with platform.database.connection("test") as conn:
            kept = await (await conn.execute(LIVES, [first.session_id])).fetchone()
        assert kept == {"lives_s": 3600}


@pytest.mark.requirement("ORC-50.broken")
async def test_a_reader_that_leaves_frees_the_slot_at_once(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=3)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 3)
        platform.runner.left(handle.run_id)
        await until(lambda: chat_of(node).aborted)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert result.state is RunState.CANCELLED
        assert [(call["kind"], call["outcome"]) for call in await rows(platform, CALLS, handle.run_id)] == [
            ("embed", "done"),
            ("chat", "cancelled"),
        ]
        again = await answered(platform, caller, ask("Again?", session_id=handle.session_id))
        assert again.state is RunState.DONE


async def test_a_run_that_may_continue_ends_without_its_reader(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
        platform.runner.left(handle.run_id)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert result.state is RunState.DONE
        assert result.message


async def test_an_idempotency_key_replays_the_answer_without_a_second_call(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = ask(idempotency_key="once", on_disconnect=OnDisconnect.CONTINUE)
        first = await answered(platform, caller, start)
        calls = [call for call in node.calls if call.path == "/api/chat" and call.tokens > 1]
        handle = await platform.runner.start(caller, start)
        assert handle.replayed
        assert await platform.runner.result(caller, handle.run_id, END_S) == first
        assert [call for call in node.calls if call.path == "/api/chat" and call.tokens > 1] == calls


async def test_with_all_nodes_down_the_request_is_refused_and_the_same_key_works_later(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        await node.stop()
        await until(lambda: not routable(platform.fleet.views()))
        start = ask(idempotency_key="later")
        with pytest.raises(NoNodeAvailable) as caught:
            await platform.runner.start(caller, start)
        assert caught.value.retry_after_s > 0
        assert await platform.sessions.list(caller.tenant_id, limit=9) == []
        await node.start()
        async with asyncio.timeout(END_S):
            while True:
                try:
                    result = await answered(platform, caller, start)
                    break
                except NoNodeAvailable:
                    await asyncio.sleep(0.1)
        assert result.state is RunState.DONE
        assert [
            message.role for message in (await platform.sessions.get(caller.tenant_id, result.session_id)).messages
        ] == [
            "user",
            "assistant",
        ]


@pytest.mark.requirement("FAM-08.any-worker", "FAM-12.run", "FIN-08.takeover")
async def test_another_process_takes_a_dead_ones_run_and_continues_its_text(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=6)
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask())
        async with aclosing(first.runner.events(caller, handle.run_id)) as events:
            seen: list[RunEvent] = []
            async for event in events:
                seen.append(event)
                if len(text_of(seen)) > 10:
                    break
        await first.runner.close(drain_s=0)
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.attempt) == (RunState.DONE, 2)
            rest = await read(second, caller, handle.run_id, seen[-1].id)
            assert text_of(seen) + text_of(rest) == result.message
            assert not any(isinstance(event.body, Restart) for event in rest)
            fences = {row["step_key"]: row["fence"] for row in await rows(second, EFFECTS, handle.run_id)}
            assert fences == {"respond/retrieve:0": 1, "respond/answer:0": 2}
            prefilled = chat_of(node).body["messages"][-1]  # pyright: ignore[reportUnknownVariableType, reportIndexIssue]
            assert prefilled["role"] == "assistant"  # pyright: ignore[reportUnknownVariableType]


async def test_a_model_that_cannot_continue_says_restart_to_those_who_saw_text(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, hang_after=6)
    async with opened(settings_for(servers, node, continues=False, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask())
        async with aclosing(first.runner.events(caller, handle.run_id)) as events:
            seen: list[RunEvent] = []
            async for event in events:
                seen.append(event)
                if len(text_of(seen)) > 10:
                    break
        await first.runner.close(drain_s=0)
        async with opened(settings_for(servers, node, continues=False, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            rest = await read(second, caller, handle.run_id, seen[-1].id)
            assert any(isinstance(event.body, Restart) and event.body.offset == 0 for event in rest)
            assert text_of([*seen, *rest]) == result.message


@pytest.mark.requirement("FIN-08.cancel")
async def test_a_run_cancelled_at_another_process_stops_where_it_runs(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=2)
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    async with opened(one, two) as (first, second):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask())
        await second.runner.cancel(caller, handle.run_id)
        result = await second.runner.result(caller, handle.run_id, END_S)
        assert result.state is RunState.CANCELLED


@pytest.mark.requirement("FIN-08.events")
async def test_a_reader_at_another_process_follows_the_stream(servers: Servers, node: FakeNode) -> None:
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    node.script(model=CHAT, tokens_per_s=20.0)
    async with opened(one, two) as (first, second):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
        events = await read(second, caller, handle.run_id)
        assert text_of(events) == result_of(events).message
        assert sum(event.kind is EventKind.DELTA for event in events) > 1


async def test_a_run_cancelled_while_nobody_owned_it_ends_without_another_call(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, hang_after=2)
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 2)
        await first.runner.close(drain_s=0)
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            await second.runs.ask_cancel(caller.tenant_id, handle.run_id)
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.error_code) == (RunState.CANCELLED, "cancelled")
            assert [call.path for call in node.calls if "warranty" in str(call.body)] == ["/api/embed", "/api/chat"]
            assert result.gpu_seconds > 0


async def test_a_run_whose_owners_die_is_given_up(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node, run_attempts=1, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        node.script(model=CHAT, hang_after=2)
        handle = await first.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 2)
        await first.runner.close(drain_s=0)
        await rows(first, DIED, handle.run_id)
        async with opened(settings_for(servers, node, run_attempts=1, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.error_code) == (RunState.DEAD, "run_failed")
            assert (result.attempt, result.error_facts["reason"]) == (2, "attempts")
            assert result.gpu_seconds > 0
            assert (await rows(second, STATE, handle.run_id))[0]["state"] == "dead"


async def test_a_run_whose_own_reading_ends_its_owners_is_given_up_without_it(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings_for(servers, node, run_attempts=1, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        node.script(model=CHAT, hang_after=2)
        handle = await first.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 2)
        await first.runner.close(drain_s=0)
        await rows(first, "UPDATE runs SET attempt = 2, lost = 1 WHERE id = %s RETURNING id", handle.run_id)
        await rows(first, DIED, handle.run_id)
        monkeypatch.delattr(Effects, "load")
        async with opened(settings_for(servers, node, run_attempts=1, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.attempt) == (RunState.DEAD, 3)
