"""The same key again: an end that was told retryable is tried again with its effects kept, any other is replayed."""

import asyncio

import msgspec
import pytest

from app.agents.life import RunState
from app.agents.values import OnDisconnect, RunOptions, RunResult, StartRun
from app.errors import NoNodeAvailable, SessionBusy
from app.ids import Caller, RunId, SessionId
from app.inference.fleet.nodes import routable
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.fakes.words import numbers_of
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
)
from tests.integration.test_execution import read, result_of, text_of

pytestmark = pytest.mark.integration

ROW = "SELECT state, attempt, fence, lost, error_code, request_id FROM runs WHERE id = %s"
EFFECTS = "SELECT step_key, fence FROM effects WHERE run_id = %s ORDER BY step_key"
CALLS = "SELECT kind, outcome FROM usage WHERE run_id = %s AND outcome <> 'failed' ORDER BY started_at"
DEADLINE_S = 1.5


def keyed(question: str = "How long is the warranty?", session_id: SessionId | None = None, key: str = "k") -> StartRun:
    """Return a question with a key and a deadline that a node which is full outlasts."""
    start = ask(question, session_id=session_id, idempotency_key=key, on_disconnect=OnDisconnect.CONTINUE)
    return msgspec.structs.replace(start, options=RunOptions(deadline_s=DEADLINE_S, temperature=0.8))


async def fail(platform: Platform, caller: Caller, node: FakeNode, start: StartRun) -> RunResult:
    """Have the run end by its deadline while every slot of the node's own queue is taken."""
    node.script(model=CHAT, status=503, times=-1)
    result = await answered(platform, caller, start)
    assert (result.state, result.error_code) == (RunState.FAILED, "deadline_exceeded")
    node.scripts.clear()
    return result


async def test_the_key_of_an_end_that_was_called_retryable_starts_the_next_attempt_of_the_same_run(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = keyed()
        first = await fail(platform, caller, node, start)
        again = msgspec.structs.replace(start, request_id="again")
        handle = await platform.runner.start(caller, again)
        assert (handle.run_id, handle.session_id, handle.replayed) == (first.run_id, first.session_id, False)
        events = await read(platform, caller, handle.run_id)
        result = result_of(events)
        assert (result.state, result.attempt, result.error_code) == (RunState.DONE, 2, None)
        assert numbers_of(result.message) == list(range(24))
        assert text_of(events) == result.message
        (row,) = await rows(platform, ROW, handle.run_id)
        assert (row["state"], row["fence"], row["lost"], row["request_id"]) == ("done", 2, 0, "again")
        fences = {effect["step_key"]: effect["fence"] for effect in await rows(platform, EFFECTS, handle.run_id)}
        assert fences == {"respond/retrieve:0": 1, "respond/answer:0": 2}
        calls = [(call["kind"], call["outcome"]) for call in await rows(platform, CALLS, handle.run_id)]
        assert calls == [("embed", "done"), ("chat", "done")]
        session = await platform.sessions.get(caller.tenant_id, handle.session_id)
        assert [message.role for message in session.messages] == ["user", "assistant"]
        replay = await platform.runner.start(caller, again)
        assert replay.replayed
        assert await platform.runner.result(caller, replay.run_id, END_S) == result


async def test_the_next_attempt_goes_on_with_the_text_of_the_one_before(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = keyed()
        node.script(model=CHAT, hang_after=6)
        first = await answered(platform, caller, start)
        assert first.error_code == "deadline_exceeded"
        handle = await platform.runner.start(caller, start)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert numbers_of(result.message) == list(range(24))
        prefilled = chat_of(node).body["messages"][-1]  # pyright: ignore[reportUnknownVariableType, reportIndexIssue]
        assert numbers_of(prefilled["content"]) == list(range(6))  # pyright: ignore[reportUnknownArgumentType]


async def test_two_requests_with_the_key_at_once_are_one_next_attempt(servers: Servers, node: FakeNode) -> None:
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    async with opened(one, two) as (first, second):
        caller = await add_caller(first)
        start = keyed()
        failed = await fail(first, caller, node, start)
        results = await asyncio.gather(*(answered(platform, caller, start) for platform in (first, second) * 4))
        assert {(result.run_id, result.state, result.attempt) for result in results} == {
            (failed.run_id, RunState.DONE, 2)
        }
        assert len([call for call in await rows(first, CALLS, failed.run_id) if call["kind"] == "chat"]) == 1


async def test_while_another_run_of_the_session_goes_on_the_key_is_told_to_come_back(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        session_id = (await answered(platform, caller, ask())).session_id
        start = keyed("And for ten?", session_id)
        failed = await fail(platform, caller, node, start)
        node.script(model=CHAT, hang_after=2)
        other = await platform.runner.start(caller, ask("What else?", session_id=session_id))
        await until(lambda: chat_of(node).tokens == 2)
        with pytest.raises(SessionBusy):
            await platform.runner.start(caller, start)
        assert (await rows(platform, ROW, failed.run_id))[0]["attempt"] == 1
        await platform.runner.cancel(caller, other.run_id)
        # What the session has heard since does not change what the run asks: its effects still fit.
        complex_question = "Compare both plans step by step, derive the price of each year and prove the total. " * 3
        assert (await answered(platform, caller, ask(complex_question, session_id=session_id))).state is RunState.DONE
        result = await answered(platform, caller, start)
        assert (result.run_id, result.state, result.attempt) == (failed.run_id, RunState.DONE, 2)
        sent = chat_of(node).body["messages"]
        assert isinstance(sent, list)
        said = [message["content"] for message in sent[1:] if message["role"] == "user"]  # pyright: ignore[reportUnknownVariableType]
        assert said == ["How long is the warranty?", "And for ten?"]


async def test_an_end_that_the_request_is_to_blame_for_is_replayed(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, status=400, error="invalid message")
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = ask(idempotency_key="k", on_disconnect=OnDisconnect.CONTINUE)
        first = await answered(platform, caller, start)
        assert (first.state, first.error_code, first.error_detail) == (
            RunState.FAILED, "node_refused", "invalid message",
        )  # fmt: skip
        handle = await platform.runner.start(caller, start)
        assert (handle.run_id, handle.replayed) == (first.run_id, True)
        assert await platform.runner.result(caller, handle.run_id, END_S) == first
        assert (await rows(platform, ROW, first.run_id))[0]["attempt"] == 1


async def test_a_cancelled_run_is_replayed(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=2)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = ask(idempotency_key="k", on_disconnect=OnDisconnect.CONTINUE)
        handle = await platform.runner.start(caller, start)
        await platform.runner.cancel(caller, handle.run_id)
        again = await platform.runner.start(caller, start)
        assert again.replayed
        result = await platform.runner.result(caller, again.run_id, END_S)
        assert (result.state, result.error_code, result.attempt) == (RunState.CANCELLED, "cancelled", 1)


async def test_with_no_node_the_key_of_a_retryable_end_begins_nothing(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        start = keyed()
        failed = await fail(platform, caller, node, start)
        await node.stop()
        await until(lambda: not routable(platform.fleet.views()))
        with pytest.raises(NoNodeAvailable):
            await platform.runner.start(caller, start)
        (row,) = await rows(platform, ROW, RunId(failed.run_id))
        assert (row["state"], row["attempt"]) == ("failed", 1)
