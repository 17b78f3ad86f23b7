"""How many tasks a tenant may have open, how many workers are there for them, and who begins one that is stopped."""

import asyncio

import pytest

from app.agents.life import RunState
from app.agents.runs import Runs
from app.agents.task_refusals import TooManyTasks
from app.agents.tasks import Wanted
from app.agents.values import RunResult
from app.ids import RunId, TenantId
from tests.fakes.node import FakeNode
from tests.integration.platforms import CHAT, END_S, Servers, add_caller, ask, opened, rows, settings_for

pytestmark = pytest.mark.integration

BEGUN = "SELECT state <> 'accepted' AS is_begun FROM runs WHERE id = %s"
# As consumers of workers of other versions leave them, whatever number each has.
HEARTBEATS = b"INSERT INTO procrastinate_workers (last_heartbeat) SELECT now() FROM generate_series(1, 7)"


async def test_a_tenant_has_no_more_open_tasks_than_it_may_and_hinders_no_other(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node, max_open_tasks=2)) as (platform,):
        caller, other = await add_caller(platform), await add_caller(platform)
        first = await platform.runner.submit(caller, ask(idempotency_key="first"))
        await platform.runner.submit(caller, ask())
        with pytest.raises(TooManyTasks) as refused:
            await platform.runner.submit(caller, ask(idempotency_key="third"))
        assert refused.value.facts["most"] == 2
        # What is refused is not kept, what is there is shown, and others have tasks of their own.
        assert len(await platform.tasks.list(caller.tenant_id, Wanted(), limit=5)) == 2
        assert (await platform.runner.submit(caller, ask(idempotency_key="first"))).run_id == first.run_id
        await platform.runner.submit(other, ask())
        await platform.runner.cancel(caller, first.run_id)
        again = await platform.runner.submit(caller, ask(idempotency_key="third"))
        assert not again.replayed


async def test_a_key_that_comes_again_is_told_how_its_task_stands(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        one = ask(idempotency_key="once")
        first = await platform.runner.submit(caller, one)
        assert (await platform.runner.submit(caller, one)).state is RunState.ACCEPTED
        await platform.runner.resume(first.run_id)
        again = await platform.runner.submit(caller, one)
        assert (again.run_id, again.replayed, again.state) == (first.run_id, True, RunState.DONE)


async def test_each_worker_counts_once_whatever_others_there_are_until_it_leaves(
    servers: Servers, node: FakeNode
) -> None:
    both = settings_for(servers, node, replica="one"), settings_for(servers, node, replica="other")
    async with opened(*both) as (one, other):
        before = (await one.task_load.get()).workers
        async with one.database.connection("test") as conn:
            await conn.execute(HEARTBEATS)
        for worker in (one, other, one):
            await worker.task_load.watch()
        assert (await one.task_load.get()).workers == before + 2
        await other.task_load.leave()
        assert (await one.task_load.get()).workers == before + 1
        await one.task_load.leave()


async def test_of_a_worker_that_begins_a_task_and_whoever_stops_it_at_that_moment_one_wins(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, get = list[asyncio.Task[object]](), Runs.get
    node.script(model=CHAT, tokens_per_s=5.0)
    both = settings_for(servers, node, replica="replica"), settings_for(servers, node, replica="worker")
    async with opened(*both) as (replica, worker):

        async def begins_meanwhile(runs: Runs, tenant_id: TenantId, run_id: RunId) -> RunResult:
            found = await get(runs, tenant_id, run_id)
            # Who stops it has seen it twice as one that nobody has begun.
            if runs is replica.runs and found.state is RunState.ACCEPTED and len(seen) == 1:
                begun.append(asyncio.create_task(worker.runner.resume(run_id)))
                async with asyncio.timeout(END_S):
                    while not (await rows(replica, BEGUN, run_id))[0]["is_begun"]:  # noqa: ASYNC110 - a row's
                        await asyncio.sleep(0.02)
            seen.append(found.state)
            return found

        caller = await add_caller(replica)
        handle = await replica.runner.submit(caller, ask())
        seen = list[RunState]()
        monkeypatch.setattr(Runs, "get", begins_meanwhile)
        await replica.runner.cancel(caller, handle.run_id)
        await asyncio.gather(*begun)
        assert seen[:2] == [RunState.ACCEPTED, RunState.ACCEPTED]
        task = await replica.tasks.get(caller.tenant_id, handle.run_id)
        assert (task.result.state, task.result.attempt, len(begun)) == (RunState.CANCELLED, 1, 1)
