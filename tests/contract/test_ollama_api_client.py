"""The documented examples of the official Python client (github.com/ollama/ollama-python, v0.6: README, examples/)."""

from collections.abc import AsyncGenerator, Generator

import ollama as official
import pytest
from pydantic import BaseModel

from tests.contract.ollama_server import ANSWER_WITHIN_S, SHORT, Json, Server, user

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

OPTIONS = official.Options(temperature=0, seed=7, num_predict=8)


def add_two_numbers(a: int, b: int) -> int:
    """
    Add two numbers

    Args:
      a (int): The first number
      b (int): The second number

    Returns:
      int: The sum of the two numbers
    """
    return int(a) + int(b)


SUBTRACT = {
    "type": "function",
    "function": {
        "name": "subtract_two_numbers",
        "description": "Subtract two numbers",
        "parameters": {
            "type": "object",
            "required": ["a", "b"],
            "properties": {
                "a": {"type": "integer", "description": "The first number"},
                "b": {"type": "integer", "description": "The second number"},
            },
        },
    },
}


class FriendInfo(BaseModel):
    name: str
    age: int
    is_available: bool


class FriendList(BaseModel):
    friends: list[FriendInfo]


@pytest.fixture
def client(ollama: Server) -> Generator[official.Client]:
    found = official.Client(host=ollama.url, timeout=ANSWER_WITHIN_S)
    yield found
    found.close()


@pytest.fixture
async def async_client(ollama: Server) -> AsyncGenerator[official.AsyncClient]:
    found = official.AsyncClient(host=ollama.url, timeout=ANSWER_WITHIN_S)
    yield found
    await found.close()


@pytest.mark.source("ollama-python: examples/chat.py")
def test_chat(ollama: Server, client: official.Client) -> None:
    """README, Usage; examples/chat.py."""
    response = client.chat(model=ollama.model, messages=[user("Why is the sky blue?")], options=OPTIONS)
    assert response["message"]["content"] == response.message.content
    assert response.message.role == "assistant"
    assert response.done
    assert response.eval_count == 8
    assert response.prompt_eval_count


@pytest.mark.source("ollama-python: examples/chat-stream.py")
def test_chat_stream(ollama: Server, client: official.Client) -> None:
    """README, Streaming responses; examples/chat-stream.py."""
    parts = list(client.chat(model=ollama.model, messages=[user("Why is the sky blue?")], stream=True, options=OPTIONS))
    assert "".join(part["message"]["content"] for part in parts)
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].done_reason == "length"
    assert parts[-1].total_duration


@pytest.mark.source("ollama-python: examples/chat-with-history.py")
def test_chat_with_history(ollama: Server, client: official.Client) -> None:
    messages = [user("Why is the sky blue?"), {"role": "assistant", "content": "Air scatters blue light."}]
    response = client.chat(ollama.model, messages=[*messages, user("And at night?")], options=OPTIONS)
    assert response.message.content


@pytest.mark.source("ollama-python: README.md")
async def test_async_chat(ollama: Server, async_client: official.AsyncClient) -> None:
    """README, Async Client."""
    response = await async_client.chat(model=ollama.model, messages=[user("Why is the sky blue?")], options=OPTIONS)
    assert response.message.content


@pytest.mark.source("ollama-python: README.md")
async def test_async_chat_stream(ollama: Server, async_client: official.AsyncClient) -> None:
    """README, Async Client: stream=True."""
    stream = await async_client.chat(
        model=ollama.model, messages=[user("Why is the sky blue?")], stream=True, options=OPTIONS
    )
    parts = [part async for part in stream]
    assert parts[-1].done
    assert len(parts) > 2


@pytest.mark.source("ollama-python: examples/generate.py", "ollama-python: examples/generate-stream.py")
def test_generate(ollama: Server, client: official.Client) -> None:
    """examples/generate.py and generate-stream.py."""
    response = client.generate(ollama.model, "Why is the sky blue?", options=OPTIONS)
    assert response["response"]
    told = client.generate(ollama.model, "Why is the sky blue?", stream=True, options=OPTIONS)
    assert "".join(part["response"] for part in told) == response.response


@pytest.mark.source("ollama-python: examples/async-generate.py")
async def test_async_generate(ollama: Server, async_client: official.AsyncClient) -> None:
    response = await async_client.generate(ollama.model, "Why is the sky blue?", options=OPTIONS)
    assert response["response"]


@pytest.mark.source("ollama-python: examples/embed.py")
def test_embed(ollama: Server, client: official.Client) -> None:
    """examples/embed.py; README, Embed (batch)."""
    one = client.embed(model=ollama.embed_model, input="Hello, world!")
    two = client.embed(model=ollama.embed_model, input=["The sky is blue.", "Grass is green."])
    assert (len(one.embeddings), len(two["embeddings"])) == (1, 2)


@pytest.mark.source("ollama-python: README.md")
async def test_async_embed(ollama: Server, async_client: official.AsyncClient) -> None:
    """README, Async Client."""
    found = await async_client.embed(model=ollama.embed_model, input="Hello, world!")
    assert len(found.embeddings[0]) > 100


@pytest.mark.source("ollama-python: examples/list.py")
def test_list(ollama: Server, client: official.Client) -> None:
    found = next(model for model in client.list().models if model.model == ollama.model)
    assert found.size
    assert found.size.real > 0
    assert found.details
    assert (found.details.format, bool(found.details.family)) == ("gguf", True)
    assert found.details.parameter_size
    assert found.details.quantization_level


@pytest.mark.source("ollama-python: examples/ps.py")
def test_ps(ollama: Server, client: official.Client) -> None:
    client.chat(ollama.model, messages=[user("Hi")], options=OPTIONS)
    found = next(model for model in client.ps().models if model.model == ollama.model)
    assert found.digest
    assert found.expires_at
    assert found.size
    assert found.size_vram is not None
    assert found.context_length


@pytest.mark.source("ollama-python: examples/show.py")
def test_show(ollama: Server, client: official.Client) -> None:
    found = client.show(ollama.model)
    assert found.modified_at
    assert found.template
    assert found.modelfile
    assert found.details
    assert found.modelinfo
    assert found.modelinfo["general.architecture"]
    assert found.capabilities
    assert "completion" in found.capabilities


@pytest.mark.source("ollama-python: examples/structured-outputs.py")
def test_structured_outputs(ollama: Server, client: official.Client) -> None:
    """examples/structured-outputs.py; its schema has $defs and $ref."""
    question = "I have two friends. The first is Ollama 22 years old and the second is Alonso 23. Answer in JSON."
    response = client.chat(
        ollama.model,
        messages=[user(question)],
        format=FriendList.model_json_schema(),
        options=official.Options(temperature=0, seed=7, num_predict=120),
    )
    assert response.message.content
    if response.done_reason == "stop":
        FriendList.model_validate_json(response.message.content)


@pytest.mark.source("ollama-python: examples/async-structured-outputs.py")
async def test_async_structured_outputs(ollama: Server, async_client: official.AsyncClient) -> None:
    response = await async_client.chat(
        ollama.model,
        messages=[user("Ann is 31 and free today. Answer in JSON.")],
        format=FriendInfo.model_json_schema(),
        options=official.Options(temperature=0, seed=7, num_predict=80),
    )
    assert FriendInfo.model_validate_json(response.message.content or "").age >= 0


def tool_model(ollama: Server) -> str:
    if "tools" not in ollama.ok("/api/show", model=ollama.tool_model)["capabilities"]:
        pytest.skip(f"{ollama.tool_model} has no tools")
    return ollama.tool_model


def check_calls(response: official.ChatResponse) -> None:
    """api/types.go, ToolCall: a name and an object of arguments."""
    assert response.message.tool_calls
    for call in response.message.tool_calls:
        assert call.function.name in {"add_two_numbers", "subtract_two_numbers"}
        assert set(call.function.arguments) == {"a", "b"}
    assert response.message.content == ""
    assert response.done_reason == "stop"


@pytest.mark.source("ollama-python: examples/tools.py")
def test_tools(ollama: Server, client: official.Client) -> None:
    """examples/tools.py: the call, its result sent back, the final answer."""
    model = tool_model(ollama)
    messages: list[Json | official.Message] = [user("What is three plus one?")]
    options = official.Options(temperature=0, seed=7, num_predict=80)
    response = client.chat(model, messages=messages, tools=[add_two_numbers, SUBTRACT], options=options)
    check_calls(response)
    messages.append(response.message)
    calls = response.message.tool_calls or ()
    messages.extend({"role": "tool", "content": "4", "tool_name": call.function.name} for call in calls)
    final = client.chat(model, messages=messages, options=OPTIONS)
    assert final.message.content


@pytest.mark.source("ollama-python: examples/async-tools.py")
async def test_async_tools(ollama: Server, async_client: official.AsyncClient) -> None:
    options = official.Options(temperature=0, seed=7, num_predict=80)
    response = await async_client.chat(
        tool_model(ollama),
        messages=[user("What is three plus one?")],
        tools=[add_two_numbers, SUBTRACT],
        options=options,
    )
    check_calls(response)


@pytest.mark.source("ollama: docs/capabilities/tool-calling.mdx", "ollama: server/routes.go")
def test_streamed_tools(ollama: Server) -> None:
    """docs/capabilities/tool-calling.mdx, streaming; server/routes.go, toolCallId."""
    lines = ollama.lines(
        "/api/chat",
        model=tool_model(ollama),
        messages=[user("What is three plus one?")],
        tools=[SUBTRACT],
        options={**SHORT, "num_predict": 80},
    )
    calls = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert calls
    assert set(calls[0]["function"]) == {"index", "name", "arguments"}
    assert calls[0]["function"]["name"] == "subtract_two_numbers"
    assert isinstance(calls[0]["function"]["arguments"], dict)
    assert calls[0]["id"]
    assert lines[-1]["done"] is True


@pytest.mark.source("ollama-python: examples/fill-in-middle.py")
def test_fill_in_the_middle(ollama: Server, client: official.Client) -> None:
    if "insert" not in ollama.ok("/api/show", model=ollama.infill_model)["capabilities"]:
        pytest.skip(f"{ollama.infill_model} has no infill")
    response = client.generate(
        model=ollama.infill_model, prompt="def add(a, b):", suffix="    return total", options=OPTIONS
    )
    assert response.response


@pytest.mark.source("ollama-python: README.md")
def test_errors(client: official.Client) -> None:
    """README, Errors."""
    with pytest.raises(official.ResponseError) as caught:
        client.chat("does-not-yet-exist")
    assert caught.value.status_code == 404
    assert caught.value.error == "model 'does-not-yet-exist' not found"


@pytest.mark.source("ollama-python: ollama/_client.py")
def test_an_error_in_a_stream_is_raised(client: official.Client) -> None:
    """ollama/_client.py, Client._request: a status of 400 or more."""
    with pytest.raises(official.ResponseError) as caught:
        list(client.chat("does-not-yet-exist", messages=[user("Hi")], stream=True))
    assert caught.value.status_code == 404
