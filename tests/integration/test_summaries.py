"""A long session is summed up beside its runs; a run reads the summary that was there when it was accepted."""

from typing import Any

import msgspec
import pytest

from app.agents.calling import SUM_UP
from app.agents.summaries import KEPT_CHARACTERS
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
SUMMARIES = "SELECT messages, text, model FROM session_summaries WHERE session_id = %s ORDER BY created_at"


async def long_session(platform: Platform, caller: Caller) -> RunResult:
    """Return the first run of a session in which much was said since, and which was cut."""
    first = await answered(platform, caller, ask("Hello!"))
    async with platform.database.connection("test") as conn:
        given = [caller.tenant_id, first.session_id, first.run_id, KEPT_CHARACTERS // 10 - 1]
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
        await platform.summarising.sum_up(*ids)
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
