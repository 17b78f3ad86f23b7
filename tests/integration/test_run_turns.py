"""Runs that wait for a slot: what their readers are told."""

import asyncio
from contextlib import aclosing

import pytest

from app.agents.events import WaitingForSlot
from app.agents.life import RunState
from app.ids import Caller, RunId
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, END_S, Servers, add_caller, ask, opened, settings_for, until

pytestmark = pytest.mark.integration


async def place_of(platform: Platform, caller: Caller, run_id: RunId) -> WaitingForSlot:
    """Follow a run until it tells its place."""
    async with asyncio.timeout(END_S), aclosing(platform.runner.events(caller, run_id)) as events:
        async for event in events:
            if isinstance(event.body, WaitingForSlot):
                return event.body
    pytest.fail("the run never told its place")


async def test_a_run_that_waits_for_a_slot_tells_its_place_and_answers_when_its_turn_comes(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        slots = platform.fleet.nodes()[0].slots
        node.script(model=CHAT, hang_after=2, times=slots)
        held = [await platform.runner.start(caller, ask(f"Hold the slot {number}.")) for number in range(slots)]
        await until(lambda: sum(call.model == CHAT for call in node.calls) == slots)
        waiting = await platform.runner.start(caller, ask("What is due now?"))
        # It waits for its question's vector already, which needs a slot too.
        place = await place_of(platform, caller, waiting.run_id)
        await platform.runner.cancel(caller, held[0].run_id)
        result = await platform.runner.result(caller, waiting.run_id, END_S)
        for run in held[1:]:
            await platform.runner.cancel(caller, run.run_id)
    assert (place.position, place.eta_s >= 0.0, result.state) == (1, True, RunState.DONE)
