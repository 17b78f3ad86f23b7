"""What a run leaves in the metrics, the log and the usage rows, on real stores and a scriptable node."""

from datetime import UTC, datetime
from time import perf_counter

import pytest
import structlog

from app.agents.life import RunState
from app.health import Services
from app.inference.fleet.nodes import routable
from app.wiring import Platform
from tests.fakes.node import FakeCall, FakeNode
from tests.fakes.words import count_tokens
from tests.integration.platforms import (
    CHAT,
    EMBED,
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
)

pytestmark = pytest.mark.integration

TOOL = "document_search"
FACT = "What is the warranty period?"
COMPARISON = "Compare the two plans for a team of 12 over three years and explain which is cheaper and why."
USAGE = """
    SELECT tenant_id, key_id, session_id, purpose, agent, cost_usd_micro, input_tokens, output_tokens, started_at
    FROM usage WHERE run_id = %s AND kind = 'chat'
"""


def prompt_tokens(call: FakeCall) -> int:
    """Return what the node counts of a call's messages."""
    messages = call.body["messages"]
    assert isinstance(messages, list)
    texts = [str(message["content"]) for message in messages]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return count_tokens(texts)


def count(platform: Platform, name: str, **labels: str) -> float:
    """Return a sample of the platform's metrics, 0 if it is not there."""
    return platform.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.mark.requirement("UPL-32.chats")
@pytest.mark.requirement("FIN-61.executions", "FIN-62.executions", "FIN-65.executions", "ORC-23.exported")
@pytest.mark.requirement("INS-64.executions", "FAM-13.time")
async def test_an_answer_is_counted_by_its_agent_query_type_model_and_tool(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, text="Two years.", tokens_per_s=20.0)
    async with opened(settings_for(servers, node)) as (platform,):
        caller, began_s = await add_caller(platform), perf_counter()
        result = await answered(platform, caller, ask())
        elapsed_s = perf_counter() - began_s
        agent, tier = result.agent_used, result.routes[-1].tier
        await until(lambda: count(platform, "agent_invocations_total", agent_name=agent) == 1)
        took = {"agent_name": agent, "query_type": str(tier)}
        assert count(platform, "agent_execution_duration_seconds_count", **took) == 1
        # Ten tokens, twenty a second.
        assert 0.4 < count(platform, "agent_execution_duration_seconds_sum", **took) < elapsed_s + 1.0
        used = count(platform, "agent_token_usage_sum", agent_name=agent, model=CHAT)
        assert used == result.input_tokens + result.output_tokens > 0
        assert count(platform, "tool_calls_total", tool_name=TOOL, success="true") == 1
        assert count(platform, "tool_calls_total", tool_name=TOOL, success="false") == 0
        assert count(platform, "tool_duration_seconds_count", tool_name=TOOL) == 1


@pytest.mark.requirement("FIN-63.executions", "ORC-23.exported", "INS-65.executions")
async def test_a_run_that_fails_is_counted_by_its_agent_and_error(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, status=400, error="invalid message")
    async with opened(settings_for(servers, node)) as (platform,):
        result = await answered(platform, await add_caller(platform), ask())
        assert result.state is RunState.FAILED
        assert result.error_code is not None
        agent = result.agent_used or "assistant"
        labels = {"agent_name": agent, "error_type": result.error_code}
        await until(lambda: count(platform, "agent_errors_total", **labels) == 1)
        assert count(platform, "agent_invocations_total", agent_name=agent) == 1


@pytest.mark.requirement("FIN-64.executions")
async def test_a_run_under_way_is_an_active_query_until_it_ends(servers: Servers, node: FakeNode) -> None:
    node.script(model=CHAT, hang_after=2)
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        assert count(platform, "active_queries") == 0
        handle = await platform.runner.start(caller, ask())
        await until(lambda: chat_of(node).tokens >= 2)
        assert count(platform, "active_queries") == 1
        platform.runner.left(handle.run_id)
        await platform.runner.result(caller, handle.run_id, END_S)
        await until(lambda: count(platform, "active_queries") == 0)


@pytest.mark.requirement("FIN-76.agent", "FIN-76.session", "FIN-76.query-type", "FAM-16.start")
async def test_the_start_of_an_agent_is_told_with_who_and_what(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
            results = [await answered(platform, caller, ask(question)) for question in (FACT, COMPARISON)]
        told = [entry for entry in entries if entry["event"] == "agent_execution_started"]
        assert [entry["agent"] for entry in told] == ["assistant", "assistant"]
        assert [entry["query_type"] for entry in told] == ["simple", "complex"]
        assert [entry["session_id"] for entry in told] == [str(result.session_id) for result in results]
        assert [entry["run_id"] for entry in told] == [str(result.run_id) for result in results]
        assert {entry["tenant_id"] for entry in told} == {str(caller.tenant_id)}


@pytest.mark.requirement("FIN-76.tool", "FIN-76.error")
async def test_a_tool_that_fails_is_counted_and_told_as_an_event(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        node.script(model=EMBED, times=1000, status=500)
        with structlog.testing.capture_logs() as entries:
            result = await answered(platform, caller, ask())
        assert (result.state, result.degraded) == (RunState.DONE, ("retrieval",))
        assert count(platform, "tool_calls_total", tool_name=TOOL, success="false") == 1
        (told,) = [entry for entry in entries if entry["event"] == "tool_execution_failed"]
        assert (told["tool"], told["log_level"], told["error"]) == (TOOL, "warning", "node_failed")


async def test_an_answer_says_when_earlier_turns_had_no_room(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        first = await answered(platform, caller, ask("What is the price?"))
        async with platform.database.connection("test") as conn:
            await conn.execute(
                "INSERT INTO messages (tenant_id, session_id, run_id, role, content)"
                " SELECT tenant_id, session_id, run_id, role, repeat('cheap ', 20000) FROM messages"
                " WHERE session_id = %s ORDER BY messages.id",
                [first.session_id],
            )
        again = await answered(platform, caller, ask("And for ten?", session_id=first.session_id))
        assert (first.degraded, again.state, again.degraded) == ((), RunState.DONE, ("history",))
        assert len(chat_of(node).body["messages"]) == 2  # pyright: ignore[reportArgumentType]
        assert count(platform, "switchyard_degraded_total", reason="history") == 1


@pytest.mark.requirement(
    "ORC-50.session", "ORC-50.kept", "ORC-50.agent", "ORC-50.cost", "ORC-50.input", "ORC-50.output", "ORC-50.time"
)
async def test_every_call_leaves_a_row_with_session_agent_tokens_cost_and_time(
    servers: Servers, node: FakeNode
) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller, before = await add_caller(platform), datetime.now(UTC)
        asked: list[tuple[int, int]] = []
        for question, said in (
            ("What is the price?", "Nine."),
            ("And what is the weight of all of it?", "Seven kilograms."),
        ):
            node.script(model=CHAT, text=said)
            result = await answered(platform, caller, ask(question))
            (row,) = await rows(platform, USAGE, result.run_id)
            call = chat_of(node)
            asked.append((prompt_tokens(call), call.tokens))
            assert (row["session_id"], row["agent"]) == (result.session_id, "direct_agent")
            assert (row["input_tokens"], row["output_tokens"]) == asked[-1]
            assert row["cost_usd_micro"] == round(result.routes[-1].cost_usd * 1_000_000) > 0
            started_at = row["started_at"]
            assert isinstance(started_at, datetime)
            assert before < started_at < datetime.now(UTC)
            before = started_at
            assert (row["tenant_id"], row["key_id"], row["purpose"]) == (caller.tenant_id, caller.key_id, "chat")
            await platform.sessions.remove(caller.tenant_id, result.session_id)
            assert await rows(platform, USAGE, result.run_id) == [row]
        assert [output for _, output in asked] == [5, 16]
        assert asked[0][0] != asked[1][0]


@pytest.mark.requirement("INS-68.models")
async def test_health_asks_every_store_and_node(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        assert (await platform.health.report()).services == Services(
            database=True, redis=True, vector_store=True, llm=True
        )
        await node.stop()
        await until(lambda: not routable(platform.fleet.views()))
        assert (await platform.health.report()).services == Services(
            database=True, redis=True, vector_store=True, llm=False
        )
