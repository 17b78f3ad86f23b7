"""A run outlives its nodes: it waits for one, says so, and goes on where it stood."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import httpx
import msgspec
import pytest

from app.agents.events import EventKind, Restart, RunEvent, WaitingForNode
from app.agents.life import RunState
from app.agents.values import OnDisconnect, RunOptions, WaitReason
from app.breaker import BreakerState
from app.ids import Caller, RunId
from app.inference.fleet.nodes import routable
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.fakes.words import numbers_of
from tests.integration.platforms import (
    CHAT,
    DIED,
    EMBED,
    END_S,
    Servers,
    add_caller,
    ask,
    chat_of,
    fake_node,
    opened,
    rows,
    settings_for,
    until,
)
from tests.integration.replica_fixtures import behind_nginx
from tests.integration.test_execution import read, result_of, text_of

pytestmark = pytest.mark.integration

CALLS = "SELECT kind, outcome, output_tokens FROM usage WHERE run_id = %s ORDER BY started_at"
ROW = (
    "SELECT state, attempt, fence, lost, lease_owner, lease_until, now() > lease_until AS free FROM runs WHERE id = %s"
)

HELLO = [{"role": "user", "content": "hello there"}]
NEW_WORK: dict[str, dict[str, object]] = {
    "/api/v1/chat": {"message": "What is new?"},
    "/v1/chat/completions": {"model": "auto", "messages": HELLO},
    "/ollama/api/chat": {"model": "auto", "messages": HELLO, "stream": False},
}


@pytest.fixture
async def other() -> AsyncGenerator[FakeNode]:
    """A second node, like the first."""
    node = fake_node()
    await node.start()
    yield node
    await node.stop()


async def until_it_waits(platform: Platform, caller: Caller, run_id: RunId) -> WaitingForNode:
    """Follow a run until it says that it waits."""
    async with asyncio.timeout(END_S), aclosing(platform.runner.events(caller, run_id)) as events:
        async for event in events:
            if isinstance(event.body, WaitingForNode):
                return event.body
    pytest.fail("the run never said that it waits")


async def is_renewed(platform: Platform, run_id: RunId) -> bool:
    """Wait until the run's lease was extended."""
    before = (await rows(platform, ROW, run_id))[0]["lease_until"]
    async with asyncio.timeout(END_S):
        while True:
            if (await rows(platform, ROW, run_id))[0]["lease_until"] != before:
                return True
            await asyncio.sleep(0.05)


async def answer_through_two_kills(
    platform: Platform, caller: Caller, nodes: tuple[FakeNode, FakeNode]
) -> tuple[RunId, list[RunEvent]]:
    """Kill both nodes in mid-answer, whichever is asked first, and start that one again once the run waits."""
    for one in nodes:
        one.script(model=CHAT, hang_after=6)
    handle = await platform.runner.start(caller, ask())
    reading = asyncio.create_task(read(platform, caller, handle.run_id))
    await until(lambda: any(chat_of(one).tokens >= 6 for one in nodes))
    first, second = sorted(nodes, key=lambda one: chat_of(one).tokens, reverse=True)
    await first.stop()
    await until(lambda: chat_of(second).tokens >= 6)
    await second.stop()
    await until_it_waits(platform, caller, handle.run_id)
    await first.start()
    return handle.run_id, await reading


async def test_an_answer_goes_on_after_both_nodes_were_killed_in_the_middle_of_it(
    servers: Servers, node: FakeNode, other: FakeNode
) -> None:
    async with opened(settings_for(servers, node, other)) as (platform,):
        caller = await add_caller(platform)
        run_id, events = await answer_through_two_kills(platform, caller, (node, other))
        result = result_of(events)
        assert (result.state, result.attempt, result.degraded) == (RunState.DONE, 1, ())
        assert numbers_of(text_of(events)) == list(range(24))
        assert text_of(events) == result.message
        assert not any(isinstance(event.body, Restart) for event in events)
        assert EventKind.WAITING_FOR_NODE in [event.kind for event in events]
        calls = [(row["kind"], row["outcome"], row["output_tokens"]) for row in await rows(platform, CALLS, run_id)]
        assert [call for call in calls if call[1] == "done"] == [("embed", "done", 0), ("chat", "done", 12)]
        assert [tokens for _, outcome, tokens in calls if outcome == "failed" and tokens] == [6, 6]
        assert len(calls) == len(result.routes)
        assert result.routes[-1].reason == "continued"


async def test_an_answer_that_cannot_be_continued_begins_again_when_a_node_is_back(
    servers: Servers, node: FakeNode, other: FakeNode
) -> None:
    async with opened(settings_for(servers, node, other, continues=False)) as (platform,):
        caller = await add_caller(platform)
        _, events = await answer_through_two_kills(platform, caller, (node, other))
        result = result_of(events)
        assert result.state is RunState.DONE
        assert any(isinstance(event.body, Restart) for event in events)
        assert numbers_of(text_of(events)) == list(range(24))
        assert text_of(events) == result.message


async def test_with_every_node_down_new_work_is_refused_at_once_and_served_again_without_a_restart(
    servers: Servers, node: FakeNode, tmp_path: Path
) -> None:
    async with opened(settings_for(servers, node)) as (platform,), behind_nginx(platform, tmp_path) as made:
        caller = await platform.keys.find(made.key)
        headers = {"authorization": f"Bearer {made.key}"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{made.edge.port}", headers=headers, timeout=END_S, trust_env=False
        ) as client:
            node.script(model=CHAT, hang_after=6)
            handle = await platform.runner.start(caller, ask())
            await until(lambda: bool(node.calls) and chat_of(node).tokens >= 6)
            await node.stop()
            await until_it_waits(platform, caller, handle.run_id)
            for path, body in NEW_WORK.items():
                refused = await client.post(path, json=body)
                assert (path, refused.status_code, int(refused.headers["retry-after"]) > 0) == (path, 503, True)
            await node.start()
            assert (await platform.runner.result(caller, handle.run_id, END_S)).state is RunState.DONE
            for path, body in NEW_WORK.items():
                assert (path, (await client.post(path, json=body)).status_code) == (path, 200)


async def test_a_run_waits_before_its_search_too_and_is_not_without_documents_for_it(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        await node.stop()
        handle = await platform.runner.start(caller, ask())
        waiting = await until_it_waits(platform, caller, handle.run_id)
        assert waiting.reason in {WaitReason.NODE_FAILED, WaitReason.NO_NODE_AVAILABLE}
        assert await is_renewed(platform, handle.run_id)
        await node.start()
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert (result.state, result.attempt, result.degraded) == (RunState.DONE, 1, ())
        assert [route.kind for route in result.routes if route.outcome == "done"] == ["embed", "chat"]


async def test_a_reader_that_leaves_ends_the_wait_at_once(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, status=503, times=-1)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        handle = await platform.runner.start(caller, ask())
        await until_it_waits(platform, caller, handle.run_id)
        platform.runner.left(handle.run_id)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert (result.state, result.error_code) == (RunState.CANCELLED, "cancelled")


async def test_a_run_that_waits_is_let_go_by_a_drain_and_that_does_not_count_as_a_death(
    servers: Servers, node: FakeNode
) -> None:
    node.script(model=CHAT, status=503, times=-1)
    one = settings_for(servers, node, run_attempts=1, replica="replica-1")
    async with opened(one) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
        await until_it_waits(first, caller, handle.run_id)
        await first.runner.close(drain_s=0)
        (row,) = await rows(first, ROW, handle.run_id)
        assert (row["state"], row["lease_owner"], row["free"]) == ("running", None, True)
        async with opened(settings_for(servers, node, run_attempts=1, replica="worker-1")) as (second,):
            resuming = asyncio.create_task(second.runner.resume(handle.run_id))
            await until(lambda: second.runner.routed(handle.run_id) is not None)
            node.scripts.clear()
            result = await resuming
            assert result is not None
            assert (result.state, result.attempt) == (RunState.DONE, 2)
            (row,) = await rows(second, ROW, handle.run_id)
            assert (row["fence"], row["lost"]) == (2, 0)


async def test_the_time_of_a_run_counts_over_its_owners(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=2)
    async with opened(settings_for(servers, node, replica="replica-1")) as (first,):
        caller = await add_caller(first)
        handle = await first.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
        await until(lambda: chat_of(node).tokens >= 2)
        await first.runner.close(drain_s=0)
        await rows(first, DIED, handle.run_id)
        ago = "UPDATE runs SET started_at = started_at - interval '299.9 seconds' WHERE id = %s RETURNING id"
        await rows(first, ago, handle.run_id)
        node.script(model=CHAT, hang_after=0)
        async with opened(settings_for(servers, node, replica="worker-1")) as (second,):
            result = await second.runner.resume(handle.run_id)
            assert result is not None
            assert (result.state, result.error_code) == (RunState.FAILED, "time_limit")
            assert (await rows(second, ROW, handle.run_id))[0]["lost"] == 1


@pytest.mark.parametrize("where", ["chat", "wait", "search"])
async def test_a_deadline_that_the_request_set_ends_the_run_wherever_it_is_and_blames_no_node(
    servers: Servers, node: FakeNode, where: str
) -> None:
    match where:
        case "chat":
            node.script(model=CHAT, hang_after=3)
        case "wait":
            node.script(model=CHAT, status=503, times=-1)
        case _:
            node.models[EMBED] = FakeModel(name=EMBED, kind="embed", load_s=30.0)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        # Long enough to come that far on any machine, and over a second: a refusal before that is raised by `start`.
        deadline_s = 1.5
        start = msgspec.structs.replace(ask(), options=RunOptions(deadline_s=deadline_s))
        handle = await platform.runner.start(caller, start)
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert (result.error_code, result.error_facts) == ("deadline_exceeded", {"deadline_s": deadline_s})
        assert result.state is (RunState.REFUSED if where == "search" else RunState.FAILED)
        breakers = platform.fleet.view("a").breakers.values()
        assert set(breakers) <= {BreakerState.CLOSED}
        failures = {
            sample.labels["failure"]
            for metric in platform.metrics.call_failures.collect()
            for sample in metric.samples
            if sample.value
        }
        assert failures <= {"busy"}
        outcomes = {
            sample.labels["outcome"]: sample.value
            for metric in platform.metrics.runs.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.value
        }
        assert outcomes == {"deadline_exceeded": 1.0}
        assert not [one for metric in platform.metrics.agent_errors.collect() for one in metric.samples if one.value]


async def test_a_limit_that_passes_while_a_run_waits_says_what_it_waited_for(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node, run_limit_s=3.0)) as (platform,):
        caller = await add_caller(platform)
        node.script(model=CHAT, hang_after=3)
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 3)
        await node.stop()
        await until(lambda: not routable(platform.fleet.views()))
        result = await platform.runner.result(caller, handle.run_id, END_S)
        assert (result.state, result.error_code) == (RunState.FAILED, "no_node_available")
