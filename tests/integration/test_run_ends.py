"""How a run ends by what its model said: nothing, a part, or a thought before the answer."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.agents.events import RunEvent, Thinking
from app.agents.life import RunState
from app.agents.values import RunResult, StartRun
from app.api.shapes import to_response
from app.ids import Caller
from app.inference.words.ends import FinishReason
from app.inference.words.thinking import Think
from app.settings import Settings
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.integration.platforms import (
    CHAT,
    Servers,
    add_caller,
    answered,
    ask,
    opened,
    rows,
    settings_for,
)
from tests.integration.test_execution import read, result_of, text_of

pytestmark = pytest.mark.integration

RUN = "SELECT state, finish_reason, error_code FROM runs WHERE id = %s"
MESSAGES = "SELECT role, finish_reason FROM messages WHERE run_id = %s ORDER BY id"
CHATS = """
    SELECT outcome, finish_reason, output_tokens, thinking_tokens FROM usage
    WHERE run_id = %s AND kind = 'chat' ORDER BY started_at
"""


def thinking(settings: Settings, node: FakeNode) -> Settings:
    """Let the model of a fake node be one that can think, and does not unless it is asked to."""
    node.models[CHAT] = FakeModel(name=CHAT, thinks=True)
    path = Path(settings.nodes_file)
    path.write_text(path.read_text().replace('kind = "chat"', 'kind = "chat"\nthink = false'))
    return settings


def asking(start: StartRun, *, think: Think) -> StartRun:
    return msgspec.structs.replace(start, options=msgspec.structs.replace(start.options, think=think))


async def _events(platform: Platform, caller: Caller, start: StartRun) -> tuple[list[RunEvent], RunResult]:
    handle = await platform.runner.start(caller, start)
    events = await read(platform, caller, handle.run_id)
    return events, result_of(events)


@pytest.mark.parametrize("script", [{"text": ""}, {"text": " \n"}, {"text": "", "thinking": "Hm."}])
async def test_a_run_without_an_answer_fails_as_that_and_leaves_no_turn(
    servers: Servers, node: FakeNode, script: dict[str, object]
) -> None:
    node.script(model=CHAT, times=-1, **script)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        events, result = await _events(platform, caller, ask())
        assert (result.state, result.error_code, text_of(events)) == (RunState.FAILED, "answer_empty", "")
        assert (result.message, result.finish_reason, result.conversation_complete) == ("", None, False)
        (row,) = await rows(platform, RUN, result.run_id)
        assert (row["state"], row["finish_reason"], row["error_code"]) == ("failed", None, "answer_empty")
        assert [row["role"] for row in await rows(platform, MESSAGES, result.run_id)] == ["user"]
        assert {row["outcome"] for row in await rows(platform, CHATS, result.run_id)} == {"failed"}
        # The session goes on as if the question had not been answered, which is so.
        node.scripts.clear()
        after = await answered(platform, caller, ask(session_id=result.session_id))
        assert (after.state, after.finish_reason) == (RunState.DONE, FinishReason.STOP)


async def test_an_answer_that_was_cut_says_so_wherever_it_is_told(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = ask()
        options = msgspec.structs.replace(start.options, max_tokens=5)
        _, result = await _events(platform, caller, msgspec.structs.replace(start, options=options))
        assert (result.state, result.finish_reason) == (RunState.DONE, FinishReason.LENGTH)
        assert result.conversation_complete is False
        assert result.routes[-1].finish_reason is FinishReason.LENGTH
        assert await platform.runs.get(caller.tenant_id, result.run_id) == result
        response = to_response(result)
        assert (response.finish_reason, response.conversation_complete) == (FinishReason.LENGTH, False)
        assert [row["finish_reason"] for row in await rows(platform, RUN, result.run_id)] == ["length"]
        told = [(row["role"], row["finish_reason"]) for row in await rows(platform, MESSAGES, result.run_id)]
        assert told == [("user", None), ("assistant", "length")]
        session = await platform.sessions.get(caller.tenant_id, result.session_id)
        assert [message.finish_reason for message in session.messages] == [None, FinishReason.LENGTH]
        calls = await rows(platform, CHATS, result.run_id)
        assert [(row["outcome"], row["finish_reason"]) for row in calls] == [("done", "length")]
        counted = platform.metrics.answers.labels(result.routes[-1].tier, "a", CHAT, "length")
        assert counted._value.get() == 1  # pyright: ignore[reportPrivateUsage]
        whole = await answered(platform, caller, ask())
        assert (whole.finish_reason, whole.conversation_complete) == (FinishReason.STOP, True)


async def test_thinking_is_shown_apart_and_only_if_it_was_asked_for(servers: Servers, node: FakeNode) -> None:
    async with opened(thinking(settings_for(servers, node), node)) as (platform,):
        caller = await add_caller(platform)
        node.script(model=CHAT, thinking="Two years?", text="Two years.")
        events, result = await _events(platform, caller, asking(ask(), think=True))
        thought = ""
        for event in events:
            if isinstance(event.body, Thinking):
                thought = thought[: event.body.offset] + event.body.text
        assert (thought, result.thinking) == ("Two years?", "Two years?")
        assert text_of(events) == result.message == "Two years."
        # Counted and paid for like any token, and no part of the session.
        assert (result.output_tokens, result.routes[-1].thinking_tokens) == (20, 10)
        (call,) = await rows(platform, CHATS, result.run_id)
        assert (call["output_tokens"], call["thinking_tokens"]) == (20, 10)
        session = await platform.sessions.get(caller.tenant_id, result.session_id)
        assert session.messages[-1].content == "Two years."
        # Who comes later is told the same.
        again = await read(platform, caller, result.run_id)
        assert [event.body for event in again if isinstance(event.body, Thinking)] != []
        node.script(model=CHAT, thinking="Two years?", text="Two years.")
        events, result = await _events(platform, caller, ask())
        assert not [event for event in events if isinstance(event.body, Thinking)]
        assert (result.message, result.thinking, result.output_tokens) == ("Two years.", None, 20)


async def test_a_takeover_keeps_what_was_thought_before_the_text_that_it_goes_on_with(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, thinking="Hm?", hang_after=9)
    start = asking(ask(), think=True)
    async with opened(thinking(settings_for(servers, node, replica="replica-1"), node)) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, start)
        async with aclosing(first.runner.events(caller, handle.run_id)) as told:
            seen: list[RunEvent] = []
            async for event in told:
                seen.append(event)
                if len(text_of(seen)) > 10:
                    break
        await first.runner.close(drain_s=0)
        async with opened(thinking(settings_for(servers, node, replica="worker-1"), node)) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.attempt, result.thinking) == (RunState.DONE, 2, "Hm?")
            chats = [route for route in result.routes if route.kind == "chat"]
            assert [(route.outcome, route.thinking_tokens) for route in chats] == [("cancelled", 3), ("done", 0)]
            # Both count against the limit, which holds for all attempts.
            bodies = [msgspec.convert(call.body, dict[str, Any]) for call in node.calls if call.path == "/api/chat"]
            first_asked, then_asked = (body for body in bodies if body["messages"][0]["role"] == "system")
            shown = then_asked["messages"][-1]["content"]
            limit = first_asked["options"]["num_predict"]
            assert then_asked["options"]["num_predict"] == limit - len(shown) // 4 - 3
            # Readers are told the same, whenever they come.
            events = await read(second, caller, handle.run_id)
            assert "".join(event.body.text for event in events if isinstance(event.body, Thinking)) == "Hm?"


async def test_a_model_that_cannot_think_says_that_it_answered_without(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        result = await answered(platform, caller, asking(ask(), think=True))
        assert (result.state, result.degraded, result.thinking) == (RunState.DONE, ("thinking",), "")


async def test_tool_calls_that_nobody_offered_tools_for_are_no_answer(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, times=-1, text="", tool_calls=[{"function": {"name": "add"}}])
    async with opened(settings_for(servers, node)) as (platform,):
        caller, start = await add_caller(platform), ask(idempotency_key="order-1")
        result = await answered(platform, caller, start)
        assert (result.state, result.error_code) == (RunState.FAILED, "answer_empty")
        assert result.routes[-1].finish_reason is FinishReason.TOOL_CALLS
        # The next attempt asks the model again: nothing was kept that stands for an answer.
        node.scripts.clear()
        again = await answered(platform, caller, start)
        assert (again.run_id, again.state, again.finish_reason) == (result.run_id, RunState.DONE, FinishReason.STOP)
