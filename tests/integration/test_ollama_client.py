"""The official Python client of Ollama against a replica behind nginx, whose node does as the test says."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import ollama
import pytest

from app.agents.team import find_teams
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.fakes.words import numbers_of
from tests.integration.platforms import CHAT, EMBED, Servers, opened, settings_for, until
from tests.integration.replica_fixtures import Behind, behind_nginx

pytestmark = pytest.mark.integration

TEAMS = [f"team:{team.name}" for team in find_teams()]
SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
CALL = {"function": {"name": "add", "arguments": {"a": 1, "b": 2}}}


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: the first
        b: the second
    """
    return a + b


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node whose chat model knows tools."""
    found = FakeNode([FakeModel(name=CHAT, knows_tools=True), FakeModel(name=EMBED, kind="embed")])
    found.scripts_trials = False
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def behind(servers: Servers, node: FakeNode, tmp_path: Path) -> AsyncGenerator[Behind]:
    """A replica over that node, behind nginx."""
    async with opened(settings_for(servers, node)) as (platform,), behind_nginx(platform, tmp_path) as made:
        yield made


@pytest.fixture
async def client(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[ollama.AsyncClient]:
    """The official client as its users set it up: by two variables."""
    monkeypatch.setenv("OLLAMA_HOST", f"http://127.0.0.1:{behind.edge.port}/ollama")
    monkeypatch.setenv("OLLAMA_API_KEY", behind.key)
    made = ollama.AsyncClient(timeout=20.0)
    yield made
    await made.close()


def asked(node: FakeNode) -> dict[str, object]:
    """Return the body of the last chat that the node was asked."""
    return next(call.body for call in reversed(node.calls) if call.path == "/api/chat")


async def test_a_chat_streams_with_nothing_of_the_node_s_own_affairs_sent_on(
    client: ollama.AsyncClient, node: FakeNode
) -> None:
    options = {"temperature": 0.0, "seed": 7, "num_predict": 5, "num_ctx": 99_999, "num_gpu": 1}
    pieces = [
        part
        async for part in await client.chat(
            "auto", [{"role": "user", "content": "hello there"}], stream=True, options=options, keep_alive=-1
        )
    ]
    text = "".join(part.message.content or "" for part in pieces)
    assert numbers_of(text) == [0, 1, 2, 3, 4]
    last = pieces[-1]
    assert (last.done, last.done_reason, last.model, last.eval_count) == (True, "length", "auto", 5)
    assert (last.total_duration or 0) > (last.eval_duration or 0) >= 0
    sent = asked(node)
    assert sent["model"] == CHAT
    assert "keep_alive" not in sent
    assert sent["options"] == {"num_ctx": 2048, "num_predict": 5, "temperature": 0.0, "seed": 7}


async def test_a_generation_is_answered_whole(client: ollama.AsyncClient, node: FakeNode) -> None:
    node.script(text="Hello.")
    told = await client.generate("simple", "hello there", system="Be brief.")
    assert (told.response, told.done_reason) == ("Hello.", "stop")
    assert asked(node)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello there"},
    ]


async def test_a_tool_is_asked_for_and_its_result_comes_back(client: ollama.AsyncClient, node: FakeNode) -> None:
    node.script(text="", tool_calls=[CALL])
    messages: list[ollama.Message] = [ollama.Message(role="user", content="How much is 1 + 2?")]
    first = await client.chat("auto", messages, tools=[add])
    (call,) = first.message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("add", {"a": 1, "b": 2})
    node.script(text="It is 3.")
    result = ollama.Message(role="tool", content=str(add(**call.function.arguments)), tool_name="add")
    second = await client.chat("auto", [*messages, first.message, result], tools=[add])
    assert second.message.content == "It is 3."
    sent = asked(node)["messages"]
    assert isinstance(sent, list)
    assert sent[-1] == {"role": "tool", "content": "3", "tool_name": "add"}


async def test_an_answer_has_the_form_of_a_schema(client: ollama.AsyncClient, node: FakeNode) -> None:
    node.script(text='{"total": 3}')
    told = await client.chat("auto", [{"role": "user", "content": "1 + 2?"}], format=SCHEMA)
    assert json.loads(told.message.content or "") == {"total": 3}
    assert asked(node)["format"] == SCHEMA


async def test_texts_become_vectors(client: ollama.AsyncClient) -> None:
    told = await client.embed(EMBED, ["one", "two"])
    assert [len(vector) for vector in told.embeddings] == [384, 384]
    short = await client.embed(EMBED, "one", dimensions=3)
    assert len(short.embeddings[0]) == 3
    assert len((await client.embeddings(EMBED, "one")).embedding) == 384


async def test_models_are_listed_and_shown(client: ollama.AsyncClient) -> None:
    names = [model.model for model in (await client.list()).models]
    assert names == ["auto", "simple", "medium", "complex", *TEAMS, CHAT, EMBED]
    shown = await client.show(CHAT)
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo is not None
    assert 4096 in shown.modelinfo.values()
    await client.chat(CHAT, [{"role": "user", "content": "hello"}], options={"num_predict": 1})
    (loaded,) = [model for model in (await client.ps()).models if model.model == CHAT]
    assert loaded.context_length == 2048


async def test_a_team_answers_in_a_session_of_its_own(client: ollama.AsyncClient, behind: Behind) -> None:
    told = await client.chat("team:assistant", [{"role": "user", "content": "hello there"}])
    assert told.message.content
    async with behind.platform.database.connection("test") as conn:
        found = await (
            await conn.execute("SELECT count(*) AS runs FROM runs WHERE tenant_id = %s", [behind.tenant_id])
        ).fetchone()
    assert found == {"runs": 1}


async def test_a_client_that_leaves_stops_the_node(client: ollama.AsyncClient, node: FakeNode) -> None:
    node.script(hang_after=2)
    stream: Any = await client.chat("auto", [{"role": "user", "content": "hello there"}], stream=True)
    assert await anext(stream)
    await stream.aclose()
    await until(lambda: node.calls[-1].aborted)


async def test_errors_are_the_client_s_own(client: ollama.AsyncClient, node: FakeNode, behind: Behind) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'llama9' not found") as missing:
        await client.chat("llama9", [{"role": "user", "content": "hello"}])
    assert missing.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="does not support thinking") as thinking:
        await client.chat(CHAT, [{"role": "user", "content": "hello"}], think=True)
    assert thinking.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="`pull` is not served here") as pulling:
        await client.pull("llama3")
    assert pulling.value.status_code == 403
    stranger = ollama.AsyncClient(headers={"authorization": "Bearer sy_wrong"}, timeout=20.0)
    with pytest.raises(ollama.ResponseError) as unknown:
        await stranger.list()
    await stranger.close()
    assert unknown.value.status_code == 401
    node.script(error_after=2, times=9)
    with pytest.raises(ollama.ResponseError):
        async for _ in await client.chat("auto", [{"role": "user", "content": "x"}], format=SCHEMA, stream=True):
            pass
    await node.stop()
    await until(lambda: not behind.platform.dispatcher.can_answer())
    with pytest.raises(ollama.ResponseError) as away:
        await client.chat("auto", [{"role": "user", "content": "hello"}])
    assert away.value.status_code == 503


async def test_the_first_thing_that_ollama_s_command_asks_is_answered(behind: Behind) -> None:
    """ollama, api/client.go, Heartbeat: HEAD / below OLLAMA_HOST, which becomes /ollama/."""

    def head() -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{behind.edge.port}/ollama/", method="HEAD")
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - an address of this test
            return int(reply.status)

    assert await asyncio.to_thread(head) == 200
