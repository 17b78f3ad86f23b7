"""Tasks and outages of PostgreSQL: what is cut off is given up in order, so that no owner is counted as lost."""

from collections.abc import Mapping

import pytest

from app.agents.effects import Effects, Finished
from app.agents.life import RunState
from app.agents.prompt_sets import PromptSets
from app.agents.prompts import Prompt
from app.agents.runs import Runs
from app.agents.values import Claim
from app.errors import StoreUnavailable
from tests.fakes.node import FakeNode
from tests.integration.platforms import END_S, Servers, add_caller, ask, opened, rows, settings_for, worked

pytestmark = pytest.mark.integration

STANDS = "SELECT state, attempt, lost FROM runs WHERE id = %s"
AWAY = StoreUnavailable("PostgreSQL went away", store="postgres", reason="unreachable")


async def test_a_run_that_an_outage_cuts_off_is_given_up_as_soon_as_the_outage_is_over(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, given_up = list[str](), list[Claim]()
    commit, hand_over = Effects._commit, Runs.hand_over  # pyright: ignore[reportPrivateUsage]

    async def cut_off(effects: Effects, finished: Finished) -> None:
        is_ours = effects._claim.run_id == handle.run_id  # pyright: ignore[reportPrivateUsage]
        if is_ours and not cut:
            cut.append(finished.step_key)
            raise AWAY
        await commit(effects, finished)

    async def away(runs: Runs, claim: Claim) -> None:
        if claim.run_id == handle.run_id:
            given_up.append(claim)
            if len(given_up) < 4:
                raise AWAY
        await hand_over(runs, claim)

    async with opened(settings_for(servers, node, replica="replica")) as (replica,):
        caller = await add_caller(replica)
        handle = await replica.runner.submit(caller, ask())
    monkeypatch.setattr(Effects, "_commit", cut_off)
    monkeypatch.setattr(Runs, "hand_over", away)
    async with opened(settings_for(servers, node, replica="worker")) as (worker,), worked(worker):
        result = await worker.runner.result(caller, handle.run_id, END_S)
        (row,) = await rows(worker, STANDS, handle.run_id)
    assert (result.state, row["attempt"], row["lost"], len(given_up)) == (RunState.DONE, 2, 0, 4)


async def test_what_was_accepted_and_met_an_outage_before_it_did_anything_is_answered_all_the_same(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    met, of = list[Claim](), PromptSets.of

    async def away(prompts: PromptSets, claim: Claim) -> Mapping[str, Prompt]:
        if claim.tenant_id == caller.tenant_id and not met:
            met.append(claim)
            raise AWAY
        return await of(prompts, claim)

    replica, worker = settings_for(servers, node, replica="replica"), settings_for(servers, node, replica="worker")
    async with opened(replica, worker) as (asked, helps), worked(helps):
        caller = await add_caller(asked)
        monkeypatch.setattr(PromptSets, "of", away)
        handle = await asked.runner.start(caller, ask())
        result = await asked.runner.result(caller, handle.run_id, END_S)
        (row,) = await rows(asked, STANDS, handle.run_id)
    assert (result.state, row["attempt"], row["lost"], len(met)) == (RunState.DONE, 2, 0, 1)
