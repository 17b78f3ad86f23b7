"""A connection that dies when PostgreSQL has committed, and before it could say so."""

import pytest

from app.agents.effects import Effects, Finished
from app.agents.life import RunState
from app.errors import StoreUnavailable
from tests.fakes.node import FakeNode
from tests.integration.platforms import END_S, Servers, add_caller, ask, opened, rows, settings_for, worked

pytestmark = pytest.mark.integration

EFFECTS = "SELECT step_key, fence FROM effects WHERE run_id = %s ORDER BY step_key"


@pytest.mark.parametrize(
    ("reason", "ends"),
    [
        ("unreachable", (RunState.DONE, 2, [("respond/answer:0", 2), ("respond/retrieve:0", 1)])),
        # It would be as slow once more: the run fails, with what it has done.
        ("too_slow", (RunState.FAILED, 1, [("respond/retrieve:0", 1)])),
    ],
)
async def test_a_run_whose_first_effect_stands_without_its_owner_knowing_is_not_refused_and_goes_on_from_it(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch, reason: str, ends: object
) -> None:
    lost, commit = list[str](), Effects._commit  # pyright: ignore[reportPrivateUsage]

    async def loses_the_reply(effects: Effects, finished: Finished) -> None:
        await commit(effects, finished)
        # The worker has runs of other tests too.
        is_ours = effects._claim.tenant_id == caller.tenant_id  # pyright: ignore[reportPrivateUsage]
        if is_ours and not lost:
            lost.append(finished.step_key)
            effects._committed = 0  # pyright: ignore[reportPrivateUsage]
            raise StoreUnavailable("the connection died", store="postgres", reason=reason)

    async with opened(settings_for(servers, node)) as (platform,), worked(platform):
        caller = await add_caller(platform)
        monkeypatch.setattr(Effects, "_commit", loses_the_reply)
        handle = await platform.runner.start(caller, ask())
        result = await platform.runner.result(caller, handle.run_id, END_S)
        stored = [(row["step_key"], row["fence"]) for row in await rows(platform, EFFECTS, handle.run_id)]
        assert (result.state, result.attempt, stored) == ends
        assert lost == ["respond/retrieve:0"]
