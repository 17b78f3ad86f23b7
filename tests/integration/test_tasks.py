"""Tasks: runs that are accepted for a worker to begin, on real stores and a scriptable node."""

import asyncio

import msgspec
import pytest

from app.agents.effects import Effects, Finished
from app.agents.life import RunState
from app.agents.task_load import workers_wanted
from app.agents.task_refusals import TaskNotRequeuable
from app.agents.tasks import Wanted
from app.agents.values import RunHandle, StartRun
from app.errors import BadInput, DeadlineExceeded, RunCancelled, RunUnknown, SessionBusy, StoreUnavailable
from app.ids import Caller
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    CHAT,
    DIED,
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
    worked,
)

pytestmark = pytest.mark.integration

STANDS = """
    SELECT state, attempt, fence, lost, lease_owner, is_task, on_disconnect,
           (SELECT count(*) FROM procrastinate_jobs j
            WHERE j.queueing_lock = 'run:' || runs.id AND j.status = 'todo') AS errands
    FROM runs WHERE id = %s
"""
LOST_ERRANDS = "DELETE FROM procrastinate_jobs WHERE queueing_lock = 'run:' || %s::uuid RETURNING id"
LONG_AGO = "UPDATE runs SET lease_until = now() - interval '6 seconds' WHERE id = %s RETURNING id"


async def accepted(servers: Servers, node: FakeNode, *asks: StartRun) -> tuple[Caller, list[RunHandle]]:
    """Submit tasks to a replica that then goes, as no worker looks."""
    async with opened(settings_for(servers, node, replica="replica")) as (replica,):
        caller = await add_caller(replica)
        handles = [await replica.runner.submit(caller, one) for one in asks]
        await replica.runner.close(drain_s=0)
        return caller, handles


async def done(worker: Platform, caller: Caller, handle: RunHandle) -> None:
    """Return when the task is done, in its first attempt."""
    result = await worker.runner.result(caller, handle.run_id, END_S)
    assert (result.state, result.attempt) == (RunState.DONE, 1)


@pytest.mark.requirement("FAM-05.tasks", "FAM-02.queue")
async def test_a_task_is_stored_with_its_errand_and_a_worker_begins_it_when_its_replica_is_gone(
    servers: Servers, node: FakeNode
) -> None:
    caller, (handle,) = await accepted(servers, node, ask())
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        (row,) = await rows(worker, STANDS, handle.run_id)
        assert row == {
            "state": "accepted",
            **{"attempt": 0, "fence": 0, "lost": 0, "lease_owner": None, "errands": 1},
            **{"is_task": True, "on_disconnect": "continue"},
        }
        assert handle.run_id not in await worker.runs.expired()
        async with worked(worker):
            await done(worker, caller, handle)
        (row,) = await rows(worker, STANDS, handle.run_id)
        assert (row["state"], row["attempt"], row["lost"], row["errands"]) == ("done", 1, 0, 0)


@pytest.mark.parametrize(("reason", "ends"), [("unreachable", RunState.DONE), ("too_slow", RunState.FAILED)])
async def test_a_task_that_an_outage_of_postgresql_cuts_off_is_gone_on_with_and_loses_no_owner(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch, reason: str, ends: RunState
) -> None:
    commits, commit = list[str](), Effects._commit  # pyright: ignore[reportPrivateUsage]

    async def cut_off(effects: Effects, finished: Finished) -> None:
        # The worker has runs of other tests too.
        is_ours = effects._claim.run_id == handle.run_id  # pyright: ignore[reportPrivateUsage]
        if is_ours and not commits:
            commits.append(finished.step_key)
            raise StoreUnavailable("PostgreSQL went away", store="postgres", reason=reason)
        await commit(effects, finished)

    caller, (handle,) = await accepted(servers, node, ask())
    monkeypatch.setattr(Effects, "_commit", cut_off)
    async with opened(settings_for(servers, node, replica="worker")) as (worker,), worked(worker):
        result = await worker.runner.result(caller, handle.run_id, END_S)
        (row,) = await rows(worker, STANDS, handle.run_id)
        assert (result.state, row["lost"], row["attempt"]) == (ends, 0, 2 if ends is RunState.DONE else 1)


async def test_a_task_whose_errand_was_lost_is_begun_all_the_same(servers: Servers, node: FakeNode) -> None:
    caller, (handle,) = await accepted(servers, node, ask())
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        assert await rows(worker, LOST_ERRANDS, handle.run_id)
        assert await rows(worker, LONG_AGO, handle.run_id)
        async with worked(worker):
            await done(worker, caller, handle)


async def test_a_replica_that_drains_and_no_node_that_answers_are_no_reason_to_refuse_a_task(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (replica,):
        caller = await add_caller(replica)
        await replica.runner.close(drain_s=0)
        handle = await replica.runner.submit(caller, ask())
        assert (await replica.runs.get(caller.tenant_id, handle.run_id)).state is RunState.ACCEPTED
        with pytest.raises(BadInput):
            await replica.runner.submit(caller, msgspec.structs.replace(ask(), team="nobody"))


async def test_the_same_idempotency_key_is_the_same_task_and_its_session_takes_no_other(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (replica,):
        caller = await add_caller(replica)
        one = ask(idempotency_key="once")
        first, *others = await asyncio.gather(*(replica.runner.submit(caller, one) for _ in range(5)))
        assert {other.run_id for other in others} == {first.run_id}
        assert sorted(handle.replayed for handle in (first, *others)) == [False, True, True, True, True]
        (row,) = await rows(replica, STANDS, first.run_id)
        assert row["errands"] == 1
        with pytest.raises(SessionBusy):
            await replica.runner.submit(caller, ask(session_id=first.session_id))


async def test_of_two_workers_one_begins_a_task_and_the_other_gives_up_without_a_word(
    servers: Servers, node: FakeNode
) -> None:
    caller, (handle,) = await accepted(servers, node, ask())
    settings = [settings_for(servers, node, replica=name) for name in ("one", "other")]
    async with opened(*settings) as workers:
        results = await asyncio.gather(*(worker.runner.resume(handle.run_id) for worker in workers))
        (result,) = [result for result in results if result is not None]
        assert (result.state, result.attempt) == (RunState.DONE, 1)
        session = await workers[0].sessions.get(caller.tenant_id, handle.session_id)
        assert [message.role for message in session.messages] == ["user", "assistant"]


async def test_a_tasks_deadline_counts_from_its_acceptance_and_it_fails_rather_than_is_refused(
    servers: Servers, node: FakeNode
) -> None:
    late = msgspec.structs.replace(
        ask(idempotency_key="late"), options=msgspec.structs.replace(ask().options, deadline_s=0.05)
    )
    caller, (handle,) = await accepted(servers, node, late)
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        async with worked(worker):
            result = await worker.runner.result(caller, handle.run_id, END_S)
            assert (result.state, result.error_code) == (RunState.FAILED, DeadlineExceeded.code)
            # Asked for again under its key, it has its time anew.
            again = await worker.runner.submit(caller, late)
            assert (again.run_id, again.replayed) == (handle.run_id, False)
            result = await worker.runner.result(caller, handle.run_id, END_S)
            assert result.state in {RunState.FAILED, RunState.DONE}
            assert result.attempt == 2


async def test_a_task_whose_worker_died_is_gone_on_with_in_its_second_attempt(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, tokens_per_s=10.0)
    caller, (handle,) = await accepted(servers, node, ask())
    async with opened(settings_for(servers, node, replica="dying")) as (dying,):
        claim = await dying.runs.claim_expired(handle.run_id)
        assert claim is not None
        assert (claim.attempt, claim.lost, claim.is_task) == (1, 0, True)
        await rows(dying, DIED, handle.run_id)
    async with opened(settings_for(servers, node, replica="worker")) as (worker,), worked(worker):
        result = await worker.runner.result(caller, handle.run_id, END_S)
        assert (result.state, result.attempt) == (RunState.DONE, 2)


async def test_a_task_that_nobody_has_begun_is_stopped_at_once_and_no_worker_begins_it(
    servers: Servers, node: FakeNode
) -> None:
    caller, (handle,) = await accepted(servers, node, ask())
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        await worker.runner.cancel(caller, handle.run_id)
        task = await worker.tasks.get(caller.tenant_id, handle.run_id)
        assert (task.result.state, task.result.error_code) == (RunState.CANCELLED, RunCancelled.code)
        assert task.finished_at is not None
        assert await worker.runner.resume(handle.run_id) is None
        # Its session is free.
        await worker.runner.submit(caller, ask(session_id=handle.session_id))


GIVEN_UP = """
    UPDATE runs SET state = 'dead', lost = 5, attempt = 5, fence = 5, lease_owner = NULL, finished_at = now(),
                    error_code = 'run_failed' WHERE id = %s RETURNING id
"""


async def test_a_task_that_was_given_up_is_begun_again_with_nothing_held_against_it(
    servers: Servers, node: FakeNode
) -> None:
    caller, (handle, other) = await accepted(servers, node, ask(), ask("Another question"))
    async with opened(settings_for(servers, node, replica="worker")) as (worker,):
        assert await rows(worker, LOST_ERRANDS, handle.run_id)
        await rows(worker, GIVEN_UP, handle.run_id)
        task = await worker.tasks.requeue(caller.tenant_id, handle.run_id, request_id="again")
        assert (task.result.state, task.finished_at) == (RunState.ACCEPTED, None)
        (row,) = await rows(worker, STANDS, handle.run_id)
        assert (row["lost"], row["errands"], row["attempt"]) == (0, 1, 5)
        with pytest.raises(TaskNotRequeuable):
            await worker.tasks.requeue(caller.tenant_id, other.run_id, request_id="again")
        async with worked(worker):
            result = await worker.runner.result(caller, handle.run_id, END_S)
            assert (result.state, result.attempt) == (RunState.DONE, 6)
        with pytest.raises(RunUnknown):
            await worker.tasks.requeue((await add_caller(worker)).tenant_id, handle.run_id, request_id="again")


async def test_tasks_are_listed_newest_first_and_runs_that_somebody_waited_for_are_not(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (replica,):
        caller = await add_caller(replica)
        await answered(replica, caller, ask())
        handles = [await replica.runner.submit(caller, ask()) for _ in range(3)]
        tenant_id, ids = caller.tenant_id, [handle.run_id for handle in reversed(handles)]
        first = await replica.tasks.list(tenant_id, Wanted(), limit=2)
        assert [task.result.run_id for task in first] == ids[:2]
        place = (first[-1].created_at, first[-1].result.run_id)
        (last,) = await replica.tasks.list(tenant_id, Wanted(), limit=2, place=place)
        assert last.result.run_id == ids[2]
        await replica.runner.cancel(caller, ids[1])
        for wanted, found in (
            (Wanted(states=(RunState.CANCELLED,)), ids[1:2]),
            (Wanted(states=(RunState.ACCEPTED, RunState.RUNNING)), [ids[0], ids[2]]),
            (Wanted(team="insurance"), []),
            (Wanted(team="assistant", after=first[1].created_at), ids[:2]),
            (Wanted(before=first[1].created_at), ids[2:]),
        ):
            assert [task.result.run_id for task in await replica.tasks.list(tenant_id, wanted, limit=9)] == found
        assert await replica.tasks.list((await add_caller(replica)).tenant_id, Wanted(), limit=9) == []


@pytest.mark.requirement("FAM-14.queue")
async def test_what_waits_for_workers_and_who_works_is_measured(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, tokens_per_s=10.0)
    async with opened(settings_for(servers, node)) as (platform,):
        caller, before = await add_caller(platform), await platform.task_load.get()
        handles = [await platform.runner.submit(caller, ask()) for _ in range(3)]
        running = asyncio.create_task(platform.runner.resume(handles[0].run_id))
        await until(lambda: chat_of(node).tokens >= 1)
        load = await platform.task_load.get()
        assert load.waiting["assistant"] - before.waiting.get("assistant", 0) == 2
        assert load.running["assistant"] - before.running.get("assistant", 0) == 1
        assert load.oldest_s > 0
        await platform.task_load.watch()
        value = platform.metrics.registry.get_sample_value
        assert value("switchyard_tasks_waiting", {"team": "assistant"}) == load.waiting["assistant"]
        assert value("switchyard_tasks_running", {"team": "assistant"}) == load.running["assistant"]
        assert value("switchyard_tasks_waiting", {"team": "insurance"}) is not None
        assert value("switchyard_workers_wanted") == workers_wanted(load.tasks)
        await asyncio.gather(*(platform.runner.cancel(caller, handle.run_id) for handle in handles), running)


async def test_a_worker_that_gives_signs_of_life_is_counted(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        before = (await platform.task_load.get()).workers
        async with worked(platform), asyncio.timeout(END_S):
            while (await platform.task_load.get()).workers <= before:  # noqa: ASYNC110 - a row's
                await asyncio.sleep(0.1)
