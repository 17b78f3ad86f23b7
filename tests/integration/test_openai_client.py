"""The official client of OpenAI against a replica behind nginx, whose nodes do as the test says."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionToolParam
from pydantic import BaseModel

from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.fakes.words import numbers_of
from tests.integration.platforms import CHAT, EMBED, Servers, opened, settings_for, until
from tests.integration.replica_fixtures import Behind, behind_nginx

pytestmark = pytest.mark.integration

ADD: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    },
}
CALL: dict[str, Any] = {"id": "call_1", "function": {"name": "add", "arguments": {"a": 1}}}
USAGE = "SELECT outcome, purpose, agent, run_id FROM usage WHERE tenant_id = %s ORDER BY started_at"


class Sum(BaseModel):
    """What an answer must look like."""

    total: int


@pytest.fixture
async def tools() -> AsyncGenerator[FakeNode]:
    """A node whose chat model knows tools."""
    node = FakeNode([FakeModel(name=CHAT, knows_tools=True), FakeModel(name=EMBED, kind="embed")])
    node.scripts_trials = False
    await node.start()
    yield node
    await node.stop()


@pytest.fixture
async def behind(servers: Servers, tools: FakeNode, tmp_path: Path) -> AsyncGenerator[Behind]:
    """A replica over that node, behind nginx."""
    async with opened(settings_for(servers, tools)) as (platform,), behind_nginx(platform, tmp_path) as made:
        yield made


@pytest.fixture
async def client(behind: Behind) -> AsyncGenerator[AsyncOpenAI]:
    """The official client, which tries nothing twice."""
    url = f"http://127.0.0.1:{behind.edge.port}/v1"
    async with AsyncOpenAI(base_url=url, api_key=behind.key, max_retries=0, timeout=20.0) as made:
        yield made


async def usage(behind: Behind) -> list[dict[str, object]]:
    """Return the rows of the tenant's calls."""
    async with behind.platform.database.connection("test") as conn:
        return await (await conn.execute(USAGE, [behind.tenant_id])).fetchall()


async def test_a_chat_is_answered_and_its_route_can_be_read_soon(
    client: AsyncOpenAI, behind: Behind, tools: FakeNode
) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hello there"}],
        temperature=0.0,
        top_p=0.5,
        seed=7,
        stop=["END"],
        max_completion_tokens=9,
        presence_penalty=0.1,
    )
    answer = raw.parse()
    assert numbers_of(answer.choices[0].message.content or "") == list(range(9))
    assert (answer.choices[0].finish_reason, answer.model) == ("length", "auto")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 9
    sent = tools.calls[-1].body
    assert sent["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello there"}]
    options = sent["options"]
    assert isinstance(options, dict)
    assert {name: options[name] for name in ("temperature", "top_p", "seed", "stop", "num_predict")} == {
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["END"],
        "num_predict": 9,
    }
    assert float(raw.headers["x-cost-usd"]) >= 0
    async with asyncio.timeout(5.0), behind.edge.client() as http:
        path, key = f"/api/v1/routes/{raw.headers['x-route-id']}", {"authorization": f"Bearer {behind.key}"}
        found = await http.get(path, headers=key)
        while found.status_code == 404:
            await asyncio.sleep(0.05)
            found = await http.get(path, headers=key)
    assert (found.json()["node"], found.json()["model"]) == ("a", CHAT)
    (row,) = await usage(behind)
    assert row == {"outcome": "done", "purpose": "chat", "agent": "openai", "run_id": None}


async def test_a_stream_brings_pieces_thinking_and_usage(client: AsyncOpenAI, tools: FakeNode) -> None:
    tools.script(thinking="hm")
    stream = await client.chat.completions.create(
        model="complex",
        messages=[{"role": "user", "content": "hello there"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert deltas[0].role == "assistant"
    assert numbers_of("".join(delta.content or "" for delta in deltas)) == list(range(24))
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == "hm"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    last = chunks[-1].usage
    assert last is not None
    assert last.prompt_tokens > 0


async def test_a_model_asks_for_a_tool_and_gets_its_result(client: AsyncOpenAI, tools: FakeNode) -> None:
    tools.script(text="", tool_calls=[CALL])
    asked = await client.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "1 and?"}], tools=[ADD]
    )
    choice = asked.choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert (call.id, json.loads(call.function.arguments)) == ("call_1", {"a": 1})
    told = await client.chat.completions.create(
        model=CHAT,
        messages=[
            {"role": "user", "content": "1 and?"},
            {"role": "assistant", "tool_calls": [call.model_dump()]},  # pyright: ignore[reportArgumentType]
            {"role": "tool", "tool_call_id": call.id, "content": "2"},
        ],
        tools=[ADD],
    )
    assert told.choices[0].finish_reason == "stop"
    assert tools.calls[-1].body["messages"] == [
        {"role": "user", "content": "1 and?"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "function": CALL["function"]}]},
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "call_1"},
    ]
    tools.script(text='{"name":"add","arguments":{"a":5}}')
    chosen = await client.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "5"}], tools=[ADD], tool_choice="required", stream=True
    )
    deltas = [chunk.choices[0].delta async for chunk in chosen]
    (part,) = [part for delta in deltas for part in delta.tool_calls or ()]
    assert part.function is not None
    assert (part.function.name, part.function.arguments) == ("add", '{"a":5}')
    assert "".join(delta.content or "" for delta in deltas) == ""


async def test_an_answer_has_the_form_of_a_schema(client: AsyncOpenAI, tools: FakeNode) -> None:
    tools.script(text='{"total": 3}')
    parsed = await client.chat.completions.parse(
        model="auto", messages=[{"role": "user", "content": "1+2"}], response_format=Sum
    )
    assert parsed.choices[0].message.parsed == Sum(total=3)
    form = tools.calls[-1].body["format"]
    assert isinstance(form, dict)
    assert form["required"] == ["total"]


async def test_vectors_and_names_are_there(client: AsyncOpenAI) -> None:
    made = await client.embeddings.create(model=EMBED, input=["the warranty", "a lamp"])
    assert [len(one.embedding) for one in made.data] == [384, 384]
    short = await client.embeddings.create(model="auto", input="the warranty", dimensions=300, encoding_format="float")
    assert sum(value * value for value in short.data[0].embedding) == pytest.approx(1.0)
    names = {model.id async for model in client.models.list()}
    assert {"auto", "simple", "medium", "complex", "team:assistant", CHAT, EMBED} <= names
    assert (await client.models.retrieve("team:assistant")).id == "team:assistant"
    text = await client.completions.create(model="simple", prompt="hello there", max_tokens=5)
    assert numbers_of(text.choices[0].text) == list(range(5))


async def test_a_client_that_leaves_stops_the_node(client: AsyncOpenAI, behind: Behind, tools: FakeNode) -> None:
    tools.script(tokens_per_s=50.0)
    stream = await client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": "hello there"}], stream=True
    )
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    await until(lambda: tools.calls[-1].aborted)
    async with asyncio.timeout(5.0):
        rows = await usage(behind)
        while not rows:
            await asyncio.sleep(0.05)
            rows = await usage(behind)
    assert [row["outcome"] for row in rows] == ["cancelled"]


async def test_a_team_answers_from_the_turns_that_were_sent(client: AsyncOpenAI, behind: Behind) -> None:
    stream = await client.chat.completions.create(
        model="team:assistant",
        messages=[
            {"role": "user", "content": "How long is the warranty?"},
            {"role": "assistant", "content": "Five years."},
            {"role": "user", "content": "And of the lamp in the hall?"},
        ],
        stream=True,
    )
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text
    sessions = await behind.platform.sessions.list(behind.tenant_id, limit=2)
    (session,) = [await behind.platform.sessions.get(behind.tenant_id, one.session_id) for one in sessions]
    assert [message.content for message in session.messages] == [
        "How long is the warranty?",
        "Five years.",
        "And of the lamp in the hall?",
        text,
    ]


async def test_what_goes_wrong_is_the_clients_own_errors(client: AsyncOpenAI, tools: FakeNode) -> None:
    hello: Any = {"messages": [{"role": "user", "content": "hello there"}]}
    with pytest.raises(openai.AuthenticationError) as unknown:
        await client.with_options(api_key="sy_wrong").chat.completions.create(model="auto", **hello)
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="gpt-9", **hello)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="auto", logprobs=True, **hello)
    assert (refused.value.param, refused.value.code) == ("logprobs", "field_refused")
    tools.script(die_after=3, times=-1)
    with pytest.raises(openai.APIError) as broken:
        async for _ in await client.chat.completions.create(
            model="auto", stream=True, response_format={"type": "json_object"}, **hello
        ):
            pass
    assert broken.value.code == "answer_broken"
    tools.scripts.clear()
    await tools.stop()
    with pytest.raises(openai.InternalServerError) as nobody:
        await client.chat.completions.create(model="auto", stream=True, **hello)
    assert nobody.value.status_code == 503
    assert int(nobody.value.response.headers["retry-after"]) > 0
