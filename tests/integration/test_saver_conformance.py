"""LangGraph's own suite for savers, against ours."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import BASE_CAPABILITIES, Capability
from langgraph.checkpoint.conformance.test_utils import generate_config, put_test_checkpoint
from prometheus_client import CollectorRegistry

from app.agents.checkpoints import RunSaver, StrictSerializer, thread_of
from app.agents.sessions import Sessions
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics
from tests.fakes.committing_saver import CommittingSaver
from tests.integration.platforms import caller_in

pytestmark = pytest.mark.integration

(DECISION,) = (Path(__file__).parents[2] / "docs/adr").glob("*-a-checkpoint-stands-with-its-run.md")
DECLINED = re.compile(r"^\| `(\w+)` \| .+ \|$", re.MULTILINE)


@pytest.fixture
async def saver(postgres_url: str) -> AsyncGenerator[CommittingSaver]:
    """Our saver, as the suite wants it."""
    metrics = Metrics(CollectorRegistry())
    pool = make_pool(postgres_url, size=2, wait_s=10)
    await pool.open()
    database = Database(pool, metrics)
    yield CommittingSaver(database, await caller_in(database), Sessions(database, metrics))
    await pool.close()


async def test_the_saver_passes_langgraphs_suite_in_all_that_it_does_not_decline(saver: CommittingSaver) -> None:
    @checkpointer_test(name="RunSaver")
    async def registered() -> AsyncGenerator[BaseCheckpointSaver[str]]:
        yield saver

    report = await validate(registered)
    failures = [failure for one in report.results.values() for failure in one.failures]
    assert failures == []
    passed = {Capability(name) for name, one in report.results.items() if one.passed}
    assert passed == BASE_CAPABILITIES
    assert sum(one.tests_passed for one in report.results.values()) == 58
    declined = {Capability(name) for name in DECLINED.findall(DECISION.read_text())}
    assert declined == set(Capability) - passed


async def test_of_what_a_task_wrote_the_first_stands_and_of_its_interrupts_the_last(saver: CommittingSaver) -> None:
    # As in langgraph/checkpoint/postgres/aio.py, `aput_writes`.
    config = await put_test_checkpoint(saver, thread_id="twice")
    for value in ("first", "second"):
        await saver.aput_writes(config, [("channel", value)], "a task")
        await saver.aput_writes(config, [("__interrupt__", value)], "a task")
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.pending_writes is not None
    assert sorted(found.pending_writes) == [
        ("a task", "__interrupt__", "second"),
        ("a task", "channel", "first"),
    ]


async def test_what_is_told_twice_before_it_is_stored_stands_as_if_it_was_stored_in_between(
    saver: CommittingSaver,
) -> None:
    config = await put_test_checkpoint(saver, thread_id="staged")
    found = await saver.aget_tuple(config)
    assert found is not None
    claim = await saver.claim(config)
    staging = RunSaver(saver.database, claim, serializer=StrictSerializer())
    thread = {"thread_id": thread_of(claim.tenant_id, claim.session_id), "checkpoint_ns": ""}
    checkpoint = found.checkpoint.copy()
    checkpoint["id"] += "-later"
    for step in (1, 2):
        put = await staging.aput({"configurable": thread}, checkpoint, {"step": step}, {})
        for channel in ("channel", "__interrupt__"):
            await staging.aput_writes(put, [(channel, step)], "a task")
    async with saver.database.connection("test") as conn:
        await staging.write(conn)
    newest = await saver.aget_tuple(generate_config("staged"))
    assert newest is not None
    assert newest.metadata.get("step") == 2
    assert sorted(newest.pending_writes or ()) == [("a task", "__interrupt__", 2), ("a task", "channel", 1)]


async def test_a_run_can_remove_no_checkpoint(saver: CommittingSaver) -> None:
    config = await put_test_checkpoint(saver, thread_id="kept")
    claim = await saver.claim(config)
    of_a_run = RunSaver(saver.database, claim, serializer=StrictSerializer())
    thread = thread_of(claim.tenant_id, claim.session_id)
    with pytest.raises(NotImplementedError):
        await of_a_run.adelete_thread(thread)
    with pytest.raises(NotImplementedError):
        await of_a_run.aprune([thread])
    assert [found async for found in saver.alist(generate_config("kept"))] != []
