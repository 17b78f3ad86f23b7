"""Runs that ask a person: they wait, in no process, and go on where they stood once the answer comes."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from app.agents import teams
from app.agents.events import Delta, EventKind, Interrupted, Restart, RunEvent
from app.agents.life import RunState
from app.agents.resuming import PersonAnswer
from app.agents.values import RunResult, StartRun
from app.errors import BadInput, InterruptUnknown, RunNotWaiting, RunUnknown, SessionBusy
from app.ids import Caller, RunId, SessionId
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    DIED,
    END_S,
    Servers,
    add_caller,
    ask,
    chat_of,
    opened,
    rows,
    settings_for,
    until,
)  # fmt: skip

pytestmark = pytest.mark.integration

ROW = "SELECT state, fence, attempt, lost, lease_owner, interrupts, waits_until FROM runs WHERE id = %s"
EFFECTS = "SELECT step_key FROM effects WHERE run_id = %s ORDER BY step_key"
CALLS = "SELECT kind FROM usage WHERE run_id = %s ORDER BY started_at"
LATER = "UPDATE runs SET waits_until = now() - interval '1 second' WHERE id = %s RETURNING id"


@pytest.fixture(autouse=True)
def desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the team of tests/teams beside the others."""
    folder = str(Path(__file__).parent.parent / "teams")
    monkeypatch.setattr(teams, "__path__", [*teams.__path__, folder])


def to_desk(question: str = "Is my claim closed?", session_id: SessionId | None = None) -> StartRun:
    return msgspec.structs.replace(ask(question, session_id=session_id), team="desk")


async def waits(platform: Platform, caller: Caller, start: StartRun) -> RunResult:
    """Start a run, and return it once it waits."""
    handle = await platform.runner.start(caller, start)
    result = await platform.runner.result(caller, handle.run_id, END_S)
    assert result.state is RunState.WAITING
    return result


async def answer(platform: Platform, caller: Caller, run_id: RunId, text: str, interrupt_id: str | None = None) -> None:
    await platform.runner.answer(caller, run_id, PersonAnswer(text, interrupt_id), request_id="answer")


async def read(platform: Platform, caller: Caller, run_id: RunId, after: str | None = None) -> list[RunEvent]:
    async with asyncio.timeout(END_S), aclosing(platform.runner.events(caller, run_id, after)) as events:
        return [event async for event in events]


def text_of(events: list[RunEvent]) -> str:
    text = ""
    for event in events:
        if isinstance(event.body, Delta):
            text += event.body.text
        if isinstance(event.body, Restart):
            text = text[: event.body.offset]
    return text


async def test_a_run_that_asks_waits_in_no_process_and_another_goes_on_where_it_stood(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller, stranger = await add_caller(first), await add_caller(first)
        asked = await waits(first, caller, to_desk())
        assert (asked.message, asked.requires_clarification) == ("May the claim be closed?", True)
        assert [(one.id, one.request.options) for one in asked.interrupts] == [("2.clerk/interrupt:0", ("yes", "no"))]
        (row,) = await rows(first, ROW, asked.run_id)
        assert (row["state"], row["lease_owner"]) == ("waiting", None)
        with pytest.raises(SessionBusy) as busy:
            await first.runner.start(caller, to_desk("And?", asked.session_id))
        assert busy.value.facts == {"run_id": str(asked.run_id), "state": "waiting"}
        with pytest.raises(RunUnknown):
            await answer(first, stranger, asked.run_id, "yes")
        with pytest.raises(BadInput, match="one of the options"):
            await answer(first, caller, asked.run_id, "perhaps")
    async with opened(settings_for(servers, node, replica="replica-2")) as (second,):
        assert await second.runs.get(caller.tenant_id, asked.run_id) == asked
        await answer(second, caller, asked.run_id, "Yes")
        result = await second.runner.result(caller, asked.run_id, END_S)
        assert (result.state, result.attempt, result.interrupts) == (RunState.DONE, 2, ())
        assert result.message.endswith("(clerk: yes)")
        steps = [row["step_key"] for row in await rows(second, EFFECTS, asked.run_id)]
        assert steps == ["2.clerk/interrupt:0", "3.close/answer:0", "look/retrieve:0"]
        # What was done before the wait is neither done again nor forgotten.
        assert [row["kind"] for row in await rows(second, CALLS, asked.run_id)] == ["embed", "chat"]
        assert [route.kind for route in result.routes] == ["embed", "chat"]
        await answer(second, caller, asked.run_id, "Yes", "2.clerk/interrupt:0")
        with pytest.raises(RunNotWaiting):
            await answer(second, caller, asked.run_id, "no", "2.clerk/interrupt:0")
        assert (await second.runs.get(caller.tenant_id, asked.run_id)) == result


async def test_a_run_that_asks_two_waits_until_both_have_answered(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        asked = await waits(platform, caller, to_desk("Is it closed, for both of you?"))
        assert {one.id for one in asked.interrupts} == {"2.clerk/interrupt:0", "2.auditor/interrupt:0"}
        with pytest.raises(BadInput, match="say which"):
            await answer(platform, caller, asked.run_id, "yes")
        await answer(platform, caller, asked.run_id, "17", "2.auditor/interrupt:0")
        open_still = await platform.runs.get(caller.tenant_id, asked.run_id)
        assert (open_still.state, [one.id for one in open_still.interrupts]) == (
            RunState.WAITING,
            ["2.clerk/interrupt:0"],
        )
        with pytest.raises(InterruptUnknown):
            await answer(platform, caller, asked.run_id, "18", "2.auditor/interrupt:0")
        await answer(platform, caller, asked.run_id, "no")
        result = await platform.runner.result(caller, asked.run_id, END_S)
        assert result.state is RunState.DONE
        assert "clerk: no" in result.message
        assert "auditor: 17" in result.message


async def test_a_run_that_waits_is_stopped_in_its_row_and_its_session_is_free(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        asked = await waits(platform, caller, to_desk())
        await platform.runner.cancel(caller, asked.run_id)
        ended = await platform.runs.get(caller.tenant_id, asked.run_id)
        assert (ended.state, ended.error_code, ended.interrupts) == (RunState.CANCELLED, "cancelled", ())
        assert ended.routes == asked.routes
        with pytest.raises(RunNotWaiting):
            await answer(platform, caller, asked.run_id, "yes")
        # The next run of the session begins at the beginning.
        again = await waits(platform, caller, to_desk("And now?", asked.session_id))
        await answer(platform, caller, again.run_id, "no")
        assert (await platform.runner.result(caller, again.run_id, END_S)).message.endswith("(clerk: no)")


async def test_a_run_that_nobody_answers_in_time_fails_and_says_so(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        asked = await waits(platform, caller, to_desk())
        assert await platform.runs.expire() == 0
        await rows(platform, LATER, asked.run_id)
        assert await platform.runs.expire() == 1
        ended = await platform.runs.get(caller.tenant_id, asked.run_id)
        assert (ended.state, ended.error_code) == (RunState.FAILED, "interrupt_expired")


async def test_a_run_whose_owner_dies_after_the_answer_goes_on_from_where_it_waited(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        asked = await waits(first, caller, to_desk())
        node.script(model=CHAT, hang_after=4)
        await answer(first, caller, asked.run_id, "yes")
        await until(lambda: chat_of(node).tokens >= 4)
        await rows(first, DIED, asked.run_id)
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            result = await second.runner.resume(asked.run_id)
            assert result is not None
            assert (result.state, result.attempt) == (RunState.DONE, 3)
            assert result.message.endswith("(clerk: yes)")
            steps = [row["step_key"] for row in await rows(second, EFFECTS, asked.run_id)]
            assert steps == ["2.clerk/interrupt:0", "3.close/answer:0", "look/retrieve:0"]


async def test_a_reader_is_told_what_the_run_asks_and_goes_on_from_there_once_it_is_answered(
    servers: Servers, node: FakeNode
) -> None:
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    async with opened(one, two) as (first, second):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, to_desk())
        before = await read(first, caller, handle.run_id)
        assert [before[0].kind, before[-1].kind] == [EventKind.QUEUED, EventKind.INTERRUPT]
        assert isinstance(before[-1].body, Interrupted)
        # Who has been told is not told again; who comes anew is, in every process.
        assert await read(second, caller, handle.run_id, before[-1].id) == []
        assert [event.kind for event in await read(second, caller, handle.run_id)] == [event.kind for event in before]
        await answer(second, caller, handle.run_id, "yes")
        rest = await read(first, caller, handle.run_id, before[-1].id)
        assert rest[-1].kind is EventKind.DONE
        assert isinstance(rest[-1].body, RunResult)
        assert text_of([*before, *rest]) == rest[-1].body.message
        assert EventKind.INTERRUPT not in [event.kind for event in rest]
        told = [event for event in (*before, *rest) if event.kind is not EventKind.DONE]
        assert len({event.id for event in told}) == len(told)


async def test_a_run_waits_on_though_redis_is_emptied_and_its_readers_are_told_from_its_row(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        asked = await waits(platform, caller, to_desk())
        async with Redis.from_url(servers.coordination_url) as redis:
            await redis.delete(f"sy:run:{asked.run_id}")
        events = await read(platform, caller, asked.run_id)
        assert [event.kind for event in events] == [EventKind.QUEUED, EventKind.INTERRUPT]
        assert events[-1].body == Interrupted(asked.interrupts)
        await answer(platform, caller, asked.run_id, "yes")
        result = await platform.runner.result(caller, asked.run_id, END_S)
        assert text_of(await read(platform, caller, asked.run_id)) == result.message
