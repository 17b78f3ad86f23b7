"""What of a team's graph is kept: the state of several steps; of one step nothing, since its question is a row."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from app.agents import teams
from app.agents.life import RunState
from app.agents.resuming import PersonAnswer
from app.agents.values import StartRun
from app.ids import Caller, SessionId
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, END_S, Servers, add_caller, answered, ask, opened, rows, settings_for

pytestmark = pytest.mark.integration

STATES = "SELECT checkpoint FROM checkpoints WHERE thread_id = %s ORDER BY checkpoint_id DESC"
KEPT = """
    SELECT (SELECT count(*) FROM checkpoints WHERE thread_id = %s) AS checkpoints,
           (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = %s) AS values,
           (SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s) AS writes
"""
EFFECTS = "SELECT step_key FROM effects WHERE run_id = %s ORDER BY step_key"
OF_RUNS = ("runs.", "effects.", "sessions.", "checkpoints.", "prompts.")
BESIDE = "runs.renew"
"""What is done for all runs of a process at once, while they last."""


@pytest.fixture(autouse=True)
def _more_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(Path(__file__).parent.parent / "teams")
    monkeypatch.setattr(teams, "__path__", [*teams.__path__, folder])


def to(team: str, question: str, session_id: SessionId | None = None) -> StartRun:
    return msgspec.structs.replace(ask(question, session_id=session_id), team=team)


async def questions_kept(platform: Platform, caller: Caller, session_id: SessionId) -> list[str]:
    """Return the questions of a session's checkpoints, newest first."""
    async with platform.database.connection("test") as conn:
        found = await conn.execute(STATES, [f"{caller.tenant_id}:{session_id}"])
        return [row["checkpoint"]["channel_values"]["question"] async for row in found]


async def counted(platform: Platform, caller: Caller, session_id: SessionId) -> tuple[int, int, int]:
    """Return how many checkpoints, values and writes of a session are kept."""
    thread = [f"{caller.tenant_id}:{session_id}"] * 3
    async with platform.database.connection("test") as conn:
        row = await (await conn.execute(KEPT, thread)).fetchone()
    assert row is not None
    return row["checkpoints"], row["values"], row["writes"]


def uses(platform: Platform) -> Counter[str]:
    """Return how often each use of the database was made that belongs to runs."""
    return Counter(
        {
            sample.labels["operation"]: int(sample.value)
            for metric in platform.metrics.registry.collect()
            if metric.name == "db_query_duration_seconds"
            for sample in metric.samples
            if sample.name.endswith("_count")
            and sample.labels["operation"].startswith(OF_RUNS)
            and sample.labels["operation"] != BESIDE
        }
    )


@pytest.mark.requirement("INS-37.graph-state", "FIN-04.checkpoints", "INS-17.module", "INS-17.nowhere-else")
async def test_several_steps_go_on_with_the_state_of_their_graph_at_another_replica(
    servers: Servers, node: FakeNode
) -> None:
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    async with opened(one, two) as (platform, elsewhere):
        caller = await add_caller(platform)
        node.script(model=CHAT, text="Ten.")
        first = await answered(platform, caller, to("relay", "Price?"))
        assert first.message == "Ten. (Price?)"
        node.script(model=CHAT, text="Twenty.")
        second = await answered(elsewhere, caller, to("relay", "More?", first.session_id))
        assert second.message == "Twenty. (Price? More?)"
        assert await questions_kept(platform, caller, first.session_id) == ["More?"]


async def test_with_the_end_of_a_run_go_the_checkpoints_before_it_and_what_only_they_had(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        said, session_id, kept = "", None, list[tuple[int, int, int]]()
        # What a run leaves as it is, the next one finds all the same.
        for question in ("Price?", "Again?", "Again?", "More?"):
            node.script(model=CHAT, text="Ten.")
            result = await answered(platform, caller, to("relay", question, session_id))
            said, session_id = result.message, result.session_id
            kept.append(await counted(platform, caller, session_id))
        assert said == "Ten. (Price? More?)"
        assert [checkpoints for checkpoints, _, _ in kept] == [1, 1, 1, 1]
        assert len({blobs for _, blobs, _ in kept[1:]}) == 1
        assert kept[-1][2] == 0


async def test_what_a_run_wrote_that_waits_is_kept_until_it_has_ended(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        waits = await answered(platform, caller, to("desk", "Close both?"))
        assert waits.state is RunState.WAITING
        checkpoints, _, writes = await counted(platform, caller, waits.session_id)
        assert (checkpoints, writes > 0) == (1, True)
        node.script(model=CHAT, text="Closed.")
        for asked in waits.interrupts:
            answer = PersonAnswer((asked.request.options or ("B-7",))[0], asked.id)
            await platform.runner.answer(caller, waits.run_id, answer, request_id="r")
        ended = await platform.runner.result(caller, waits.run_id, END_S)
        assert ended.state is RunState.DONE
        assert (await counted(platform, caller, waits.session_id))[::2] == (1, 0)


async def test_one_step_keeps_no_state_and_asks_no_more_of_postgresql_than_it_needs(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        # The first run of a process stores its prompts.
        await answered(platform, caller, ask("The warranty?"))
        before = uses(platform)
        first = await answered(platform, caller, ask("How long is the warranty?"))
        begun = uses(platform)
        begun.subtract(before)
        # The search is an effect, the answer's effect ends the run; no use takes more than one statement.
        assert +begun == {"runs.accept": 1, "effects.commit": 1, "runs.end": 1}
        before = uses(platform)
        await answered(platform, caller, ask("And for parts?", session_id=first.session_id))
        gone_on = uses(platform)
        gone_on.subtract(before)
        assert +gone_on == {"runs.accept": 1, "sessions.turns": 1, "effects.commit": 1, "runs.end": 1}
        assert await questions_kept(platform, caller, first.session_id) == []


async def test_one_step_is_not_led_astray_by_a_state_that_was_kept_in_its_session(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        kept = await answered(platform, caller, to("relay", "Price?"))
        result = await answered(platform, caller, ask("How long is the warranty?", session_id=kept.session_id))
        assert (result.state, result.agent_used) == (RunState.DONE, "direct_agent")
        keys = [row["step_key"] for row in await rows(platform, EFFECTS, result.run_id)]
        assert keys == ["respond/answer:0", "respond/retrieve:0"]
        assert await questions_kept(platform, caller, kept.session_id) == ["Price?"]


async def test_one_step_that_waits_for_a_person_goes_on_at_another_replica(servers: Servers, node: FakeNode) -> None:
    one, two = settings_for(servers, node, replica="replica-1"), settings_for(servers, node, replica="replica-2")
    async with opened(one) as (platform,):
        caller = await add_caller(platform)
        asked = await answered(platform, caller, to("asker", "Is my claim closed?"))
        assert asked.state is RunState.WAITING
        assert await questions_kept(platform, caller, asked.session_id) == []
    async with opened(two) as (elsewhere,):
        node.script(model=CHAT, text="Closed.")
        before = len(node.calls)
        await elsewhere.runner.answer(caller, asked.run_id, PersonAnswer("K-7", None), request_id="answer")
        result = await elsewhere.runner.result(caller, asked.run_id, END_S)
        assert (result.state, result.message) == (RunState.DONE, "Closed. (file K-7)")
        # The probe may have tried the model meanwhile.
        asked_at = [at for at, call in enumerate(node.calls) if call.body.get("input") == ["Is my claim closed?"]]
        assert [at < before for at in asked_at] == [True]
