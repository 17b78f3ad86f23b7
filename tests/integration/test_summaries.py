"""A long session is summed up beside its runs; a run reads the summary that was there when it was accepted."""

import asyncio
from typing import Any

import msgspec
import pytest

from app.agents.calling import SUM_UP
from app.agents.summaries import BATCH_CHARACTERS, KEPT_CHARACTERS
from app.agents.summary_rows import Summary, SummaryRows
from app.agents.values import LeftOut, RunResult
from app.ids import Caller, SessionId
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, Servers, add_caller, answered, ask, opened, settings_for

pytestmark = pytest.mark.integration

ADD_TURNS = (
    "INSERT INTO messages (tenant_id, session_id, run_id, role, content)"
    " SELECT %s, %s, %s, CASE n %% 2 WHEN 1 THEN 'user' ELSE 'assistant' END, n::text || repeat(' word', %s)"
    " FROM generate_series(1, 6) AS n"
)
CUT = "UPDATE runs SET degraded = ARRAY['history'] WHERE id = %s AND tenant_id = %s"
ADD_EARLY = (
    "INSERT INTO session_summaries (tenant_id, session_id, up_to, messages, text, model, created_at)"
    " SELECT %s, %s, 1, 1, 'Something else.', 'm', max(created_at) - interval '1 millisecond' FROM runs"
)
SUMMARIES = "SELECT messages, text, model FROM session_summaries WHERE session_id = %s ORDER BY created_at"


async def let_go(platform: Platform, session_id: SessionId) -> None:
    """Let the time of a claim, or of a rest, be over."""
    async with platform.database.connection("test") as conn:
        await conn.execute("UPDATE summary_claims SET free_at = now() WHERE session_id = %s", [session_id])


async def long_session(platform: Platform, caller: Caller, words: int = KEPT_CHARACTERS // 10 - 1) -> RunResult:
    """Return the first run of a session in which much was said since, and which was cut."""
    first = await answered(platform, caller, ask("Hello!"))
    async with platform.database.connection("test") as conn:
        given = [caller.tenant_id, first.session_id, first.run_id, words]
        await conn.execute(ADD_TURNS, given)
        await conn.execute(CUT, [first.run_id, caller.tenant_id])
    return first


async def summaries(platform: Platform, session_id: SessionId) -> list[dict[str, Any]]:
    async with platform.database.connection("test") as conn:
        return await (await conn.execute(SUMMARIES, [session_id])).fetchall()


def shown(node: FakeNode) -> list[str]:
    """What the newest chat was shown, but for its system message."""
    newest = [call for call in node.calls if call.path == "/api/chat"][-1]
    return [one["content"] for one in msgspec.convert(newest.body["messages"], list[dict[str, Any]])[1:]]


async def test_what_was_said_first_is_summed_up_and_the_newest_turns_are_shown_as_they_were(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller)
        node.script(model=CHAT, text="Ana greeted.")
        while await platform.summarising.turn():
            pass
        made = await summaries(platform, first.session_id)
        # Eight messages; the newest turn stays.
        assert [(one["messages"], one["model"]) for one in made] == [(6, CHAT)]
        assert made[0]["text"]
        result = await answered(platform, caller, ask("Thanks!", session_id=first.session_id))
        assert result.left_out == LeftOut(6, is_cut=False)
        asked, summary, *newest, question = shown(node)
        assert (asked, summary, question) == (SUM_UP, made[0]["text"], "Thanks!")
        assert [one[0] for one in newest] == ["5", "6"]


async def test_a_run_that_was_accepted_before_a_summary_reads_none_of_it(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller)
        second = await answered(platform, caller, ask("Thanks!", session_id=first.session_id))
        ids = (caller.tenant_id, first.session_id)
        read = await platform.sessions.history(*ids, before=second.run_id)
        assert await platform.summarising.turn()
        assert len(read.turns) == 8
        assert await platform.sessions.history(*ids, before=second.run_id) == read
        third = await answered(platform, caller, ask("Good.", session_id=first.session_id))
        assert (await platform.sessions.history(*ids, before=third.run_id)).summary


async def test_a_session_that_was_summed_up_since_it_was_cut_is_left_alone(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller)
        while await platform.summarising.turn():
            pass
        assert len(await summaries(platform, first.session_id)) == 1
        await platform.sessions.remove(caller.tenant_id, first.session_id)
        assert await summaries(platform, first.session_id) == []


async def test_a_session_is_summed_up_by_one_worker_of_two(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller)
        rows = SummaryRows(platform.database)
        held = [one for one in await asyncio.gather(rows.claim(), rows.claim()) if one is not None]
        assert [one.session_id for one in held] == [first.session_id]
        assert not await platform.summarising.turn()
        assert await summaries(platform, first.session_id) == []


async def test_a_worker_whose_claim_is_another_ones_by_now_adds_nothing(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller)
        rows = SummaryRows(platform.database)
        stalled = await rows.claim()
        assert stalled is not None
        await let_go(platform, first.session_id)
        held = await rows.claim()
        assert held is not None
        assert not await rows.add(stalled, Summary(1, 1, "Late."), CHAT, is_last=True)
        assert await rows.add(held, Summary(1, 1, "In time."), CHAT, is_last=True)
        assert [one["text"] for one in await summaries(platform, first.session_id)] == ["In time."]


async def test_a_session_that_fails_is_in_no_other_ones_way_and_is_tried_again(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first, second = await long_session(platform, caller), await long_session(platform, caller)
        node.script(model=CHAT, text="They greeted.")
        held = await SummaryRows(platform.database).claim()
        assert held is not None
        assert held.session_id == first.session_id
        await SummaryRows(platform.database).rest(held)
        while await platform.summarising.turn():
            pass
        assert await summaries(platform, first.session_id) == []
        assert len(await summaries(platform, second.session_id)) == 1
        await let_go(platform, first.session_id)
        while await platform.summarising.turn():
            pass
        assert len(await summaries(platform, first.session_id)) == 1


async def test_of_very_much_nothing_is_passed_over(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller, words=BATCH_CHARACTERS // 10 - 2)
        node.script(model=CHAT, text="They greeted.")
        while await platform.summarising.turn():
            pass
        made = await summaries(platform, first.session_id)
        assert [one["messages"] for one in made] == [2, 4, 6]


async def test_a_run_names_the_summary_that_it_reads_and_reads_no_other(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await long_session(platform, caller)
        node.script(model=CHAT, text="They greeted.")
        assert await platform.summarising.turn()
        run = await answered(platform, caller, ask("Thanks!", session_id=first.session_id))
        ids = (caller.tenant_id, first.session_id)
        read = await platform.sessions.history(*ids, before=run.run_id)
        assert read.summary
        async with platform.database.connection("test") as conn:
            # As of a server whose clock was wrong.
            await conn.execute(ADD_EARLY, [*ids])
        assert await platform.sessions.history(*ids, before=run.run_id) == read
