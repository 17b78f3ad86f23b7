"""POST /api/v2/query-multi-agent: the finance team's run in a shape of its own."""

from typing import Any

import msgspec
import pytest

from app.agents.life import RunState
from app.api.multi_agent import MultiAgentResponse
from app.errors import NoNodeAvailable
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform

PATH = "/api/v2/query-multi-agent"
DETAILS: dict[str, Any] = {
    "query_type": "complex",
    "plan": {"by": "rule", "parts": []},
    "agents": [{"name": "lead_agent", "did": "planned 1 part"}, {"name": "guide", "did": "answered"}],
    "calculations": [],
    "quality": {"groundedness": 1.0, "relevance": None, "completeness": 0.5, "judged_by": "rule"},
}


@pytest.mark.requirement("FIN-10.takes", "FIN-10.type", "FIN-10.tokens")
async def test_a_query_is_answered_in_the_promised_shape(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: msgspec.structs.replace(result, details=DETAILS)
    reply = await client.post(PATH, {"query": "What was revenue in FY2022?"})
    assert reply.status == 200
    told = msgspec.json.decode(reply.body, type=MultiAgentResponse)
    assert (told.answer, told.query_type) == ("Returns are free for 30 days.", "complex")
    assert told.token_usage.total == told.token_usage.prompt + told.token_usage.completion == 128
    assert [(agent.name, agent.did) for agent in told.agents] == [
        ("lead_agent", "planned 1 part"),
        ("guide", "answered"),
    ]
    assert (told.quality.groundedness, told.quality.relevance, told.quality.completeness) == (1.0, None, 0.5)
    assert set(told.details) == {"plan", "calculations"}
    assert [told.session_id] == list(platform.sessions.rows)


async def test_a_query_is_a_run_of_the_finance_team_with_what_the_caller_limits(
    client: Client, platform: FakePlatform
) -> None:
    body = {"query": "Revenue?", "tickers": ["bby"], "forms": ["10-K", "10Q"], "periods": ["FY2023"], "deadline_s": 9}
    assert (await client.post(PATH, body)).status == 200
    ask = platform.runner.started[0]
    assert (ask.team, ask.question, ask.options.deadline_s) == ("finance", "Revenue?", 9)
    assert ask.context == {"tickers": "bby", "forms": "10-K,10Q", "periods": "FY2023"}


async def test_an_answer_of_a_version_before_has_a_type_from_its_route(client: Client) -> None:
    reply = (await client.post(PATH, {"query": "Revenue?"})).json()
    assert (reply["query_type"], reply["quality"]["judged_by"]) == ("simple", "nobody")
    assert [agent["name"] for agent in reply["agents"]] == ["guide"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "a" * 100_000}, "query"),
        ({"query": "Revenue?", "forms": ["letter"]}, "forms"),
        ({"query": "Revenue?", "tickers": ["a b"]}, "tickers"),
        ({"query": "Revenue?", "periods": ["soon"]}, "periods"),
        ({"query": "Revenue?", "message": "x"}, "message"),
    ],
)
async def test_a_bad_query_is_refused_as_a_problem(client: Client, body: dict[str, object], field: str) -> None:
    reply = await client.post(PATH, body)
    assert reply.status == 422
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert field in reply.body.decode()


async def test_a_stream_ends_with_the_same_shape(client: Client, platform: FakePlatform) -> None:
    platform.runner.ending = lambda result: msgspec.structs.replace(result, details=DETAILS)
    reply = await client.post(PATH, {"query": "Revenue?", "stream": True})
    last = reply.body.decode().strip().split("\n\n")[-1]
    assert "event: done" in last
    data = last.split("data: ", 1)[1]
    assert msgspec.json.decode(data, type=MultiAgentResponse).query_type == "complex"


async def test_a_query_that_nothing_can_answer_is_a_problem(client: Client, platform: FakePlatform) -> None:
    platform.runner.refusal = NoNodeAvailable("no node")
    assert (await client.post(PATH, {"query": "Revenue?"})).status == 503


async def test_its_headers_are_those_of_a_chat(client: Client) -> None:
    reply = await client.post(PATH, {"query": "Revenue?"})
    assert reply.headers["x-route-tier"] == "simple"
    assert reply.headers["x-cost-usd"] == "0.000025"
    assert RunState(reply.json()["state"]) is RunState.DONE
