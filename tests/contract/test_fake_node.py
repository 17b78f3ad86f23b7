"""The fake node answers what LiteLLM, the OpenAI dialect and the official client send, as Ollama does."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
import ollama
import openai
import pytest

from tests.contract import litellm_bodies
from tests.contract.litellm_bodies import OCTETS, PICTURE
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel

CHAT, EMBED = "m:1b", "e:1m"
TEXT = "Four"
METRICS = {
    "total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
}  # fmt: skip
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A fake node whose chat model always says the same four tokens."""
    made = FakeNode([FakeModel(name=CHAT), FakeModel(name=EMBED, kind="embed", vector_size=16)])
    made.script(times=1_000, text=TEXT)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def http(node: FakeNode) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of it."""
    async with httpx.AsyncClient(base_url=node.url, trust_env=False, timeout=10.0) as client:
        yield client


async def send(http: httpx.AsyncClient, path: str, body: Mapping[str, object]) -> httpx.Response:
    """Send a body as LiteLLM does."""
    return await http.post(path, content=json.dumps(body), headers=OCTETS)


def lines(reply: httpx.Response) -> list[dict[str, Any]]:
    """Return the JSON lines of a stream, or the one object."""
    return [json.loads(line) for line in reply.text.splitlines()]


@pytest.mark.source("ollama: server/routes.go", "ollama: api/types.go")
@pytest.mark.parametrize("what", litellm_bodies.chats(CHAT))
async def test_what_litellm_sends_to_chat_is_answered(http: httpx.AsyncClient, what: str) -> None:
    """server/routes.go, ChatHandler: one object for `stream: false`, else lines; api/types.go: null is absent."""
    body = litellm_bodies.chats(CHAT)[what]
    reply = await send(http, "/api/chat", body)
    assert reply.status_code == 200, reply.text
    parts = lines(reply)
    assert "".join(part["message"]["content"] for part in parts) == TEXT
    assert (len(parts) == 1) is (body["stream"] is False)
    assert set(parts[-1]) == {"model", "created_at", "message", "done", "done_reason"} | METRICS
    assert (parts[-1]["done"], parts[-1]["eval_count"]) == (True, len(TEXT))
    kind = "application/x-ndjson" if body["stream"] else "application/json; charset=utf-8"
    assert reply.headers["content-type"] == kind


@pytest.mark.source("ollama: server/routes.go", "ollama: api/types.go")
@pytest.mark.parametrize("what", litellm_bodies.generations(CHAT))
async def test_what_litellm_sends_to_generate_is_answered(http: httpx.AsyncClient, what: str) -> None:
    """server/routes.go, GenerateHandler; api/types.go, GenerateResponse."""
    body = litellm_bodies.generations(CHAT)[what]
    reply = await send(http, "/api/generate", body)
    assert reply.status_code == 200, reply.text
    parts = lines(reply)
    assert "".join(part["response"] for part in parts) == TEXT
    assert (len(parts) == 1) is (body["stream"] is False)
    assert set(parts[-1]) == {"model", "created_at", "response", "done", "done_reason"} | METRICS


@pytest.mark.source("ollama: api/types.go")
async def test_a_picture_comes_with_its_message(http: httpx.AsyncClient, node: FakeNode) -> None:
    messages = [{"role": "user", "content": "What is it?", "images": [PICTURE]}]
    reply = await send(http, "/api/chat", {"model": CHAT, "messages": messages, "options": {}, "stream": False})
    assert reply.json()["message"]["content"] == TEXT
    assert node.calls[-1].body["messages"] == messages


@pytest.mark.source("go: encoding/json/decode.go")
async def test_a_field_may_be_null_or_unknown(http: httpx.AsyncClient) -> None:
    """encoding/json: null leaves a field as it is, a name that the struct lacks is skipped, letter case is free."""
    body = litellm_bodies.chat(CHAT, stream=False, format=None, tools=None, think=None, more={"a": 1})
    nothing = {"role": "USER", "content": "x", "images": None, "name": "someone"}
    reply = await send(http, "/api/chat", {**body, "messages": [nothing], "options": None, "Stream": False})
    assert reply.json()["message"]["content"] == TEXT


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("word", ["model", "name"])
async def test_show_takes_the_older_word_for_model(http: httpx.AsyncClient, word: str) -> None:
    """server/routes.go, ShowHandler; LiteLLM asks by `name` and reads `template` and `model_info`."""
    reply = await http.post("/api/show", json={word: CHAT})
    assert reply.status_code == 200
    assert reply.json()["model_info"]["fake.context_length"] == 32_768
    assert reply.json()["capabilities"] == ["completion"]


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("name", ["M:1B", "library/m:1b", "registry.ollama.ai/library/m:1b"])
async def test_a_model_has_several_spellings(http: httpx.AsyncClient, name: str) -> None:
    """server/routes.go, getExistingName; an answer names the model as it was asked for."""
    reply = await send(http, "/api/chat", litellm_bodies.chat(name, stream=False))
    assert reply.json()["model"] == name


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "x"}, 404, "model 'x' not found"),
        ("/api/chat", {}, 400, "model is required"),
        ("/api/chat", {"model": EMBED, "messages": []}, 400, f'"{EMBED}" does not support chat'),
        ("/api/chat", {"model": CHAT, "think": True}, 400, f'"{CHAT}" does not support thinking'),
        (
            "/api/chat",
            {"model": CHAT, "tools": [TOOL]},
            400,
            "registry.ollama.ai/library/m:1b does not support tools",
        ),
        (
            "/api/chat",
            {"model": CHAT, "messages": 1},
            400,
            "json: cannot unmarshal number into Go struct field ChatRequest.messages of type []api.Message",
        ),
        (
            "/api/chat",
            {"model": CHAT, "messages": [{"role": "user", "content": "x"}], "options": {"seed": "3"}},
            500,
            'option "seed" must be of type integer',
        ),
        ("/api/generate", {"model": EMBED, "prompt": "x"}, 400, f'"{EMBED}" does not support generate'),
        ("/api/generate", {"model": "x"}, 404, "model 'x' not found"),
        ("/api/show", {}, 400, "model is required"),
        ("/api/show", {"name": "x:1"}, 404, "model 'x:1' not found"),
        ("/api/embed", {"model": "x", "input": "a"}, 404, 'model "x" not found, try pulling it first'),
        ("/api/embed", {"model": EMBED, "input": [1]}, 400, "invalid input type"),
    ],
)
async def test_what_ollama_refuses_is_refused_in_its_words(
    http: httpx.AsyncClient, path: str, body: Mapping[str, object], status: int, error: str
) -> None:
    """server/routes.go: ChatHandler, GenerateHandler, ShowHandler, EmbedHandler, handleScheduleError."""
    reply = await http.post(path, json=body)
    assert (reply.status_code, reply.json()) == (status, {"error": error})


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/show", "/api/embed"])
@pytest.mark.parametrize(("raw", "error"), [("", "missing request body"), ("{", "unexpected EOF")])
async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient, path: str, raw: str, error: str) -> None:
    """server/routes.go, ChatHandler: what `ShouldBindJSON` says is the answer."""
    reply = await http.post(path, content=raw)
    assert (reply.status_code, reply.json()) == (400, {"error": error})


@pytest.mark.source("ollama: server/routes.go")
@pytest.mark.parametrize(("path", "said"), [("/api/chat", "message"), ("/api/generate", "response")])
async def test_without_a_question_a_model_is_loaded_and_unloaded(
    http: httpx.AsyncClient, node: FakeNode, path: str, said: str
) -> None:
    """server/routes.go: `done_reason` is `load`, or `unload` with a keep_alive of 0."""
    loaded = (await http.post(path, json={"model": CHAT, "options": {"num_ctx": 256}})).json()
    assert (loaded["done"], loaded["done_reason"], node.loaded) == (True, "load", {CHAT: 256})
    assert said in loaded
    unloaded = (await http.post(path, json={"model": CHAT, "keep_alive": 0})).json()
    assert (unloaded["done_reason"], node.loaded) == ("unload", {})


@pytest.mark.source("ollama: server/routes.go")
async def test_an_error_before_the_one_object_is_a_status(http: httpx.AsyncClient, node: FakeNode) -> None:
    """server/routes.go, ChatHandler: what fails while an unstreamed answer is gathered is a 500."""
    node.scripts.clear()
    node.script(text=TEXT, error_after=2, error="the model broke")
    reply = await send(http, "/api/chat", litellm_bodies.chat(CHAT, stream=False))
    assert (reply.status_code, reply.json()) == (500, {"error": "the model broke"})


@pytest.mark.source("ollama: server/routes.go")
async def test_texts_to_embed_may_be_one_or_many(http: httpx.AsyncClient) -> None:
    """server/routes.go, EmbedHandler: no input gives no vector; `dimensions` cuts a vector to a shorter unit vector."""
    many = (await http.post("/api/embed", json={"model": EMBED, "input": ["a b", "c"]})).json()["embeddings"]
    one = (await http.post("/api/embed", json={"model": EMBED, "input": "a b", "dimensions": 8})).json()["embeddings"]
    none = (await http.post("/api/embed", json={"model": EMBED, "input": ""})).json()["embeddings"]
    assert ([len(vector) for vector in many], [len(vector) for vector in one], none) == ([16, 16], [8], [])
    assert sum(value * value for value in one[0]) == pytest.approx(1.0)


@pytest.fixture
async def dialect(node: FakeNode) -> AsyncGenerator[openai.AsyncOpenAI]:
    """The official client of the OpenAI dialect, which LiteLLM's provider `openai` uses."""
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with openai.AsyncOpenAI(base_url=f"{node.url}/v1", api_key="none", max_retries=0, http_client=http) as client:
        yield client


@pytest.mark.source("ollama: openai/openai.go")
async def test_the_openai_dialect_answers_whole(dialect: openai.AsyncOpenAI, node: FakeNode) -> None:
    """openai/openai.go, ToChatCompletion."""
    answer = await dialect.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "Say hello."}], max_tokens=5, temperature=0.0
    )
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (TEXT, "stop")
    assert (answer.model, answer.object) == (CHAT, "chat.completion")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (4, 4, 8)
    assert node.calls[-1].path == "/v1/chat/completions"


@pytest.mark.source("ollama: middleware/openai.go")
async def test_the_openai_dialect_streams_with_usage(dialect: openai.AsyncOpenAI) -> None:
    """middleware/openai.go, ChatWriter: the role comes once, then the reason alone, then the usage without choices."""
    stream = await dialect.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    said = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in said) == TEXT
    assert [choice.delta.role for choice in said] == ["assistant", *[None] * len(TEXT)]
    assert [choice.finish_reason for choice in said] == [*[None] * len(TEXT), "stop"]
    assert [chunk.usage is not None for chunk in chunks] == [*[False] * (len(TEXT) + 1), True]


@pytest.mark.source("ollama: openai/openai.go", "ollama: middleware/openai.go")
async def test_the_openai_dialect_refuses_in_its_own_shape(http: httpx.AsyncClient) -> None:
    """openai/openai.go, NewError; middleware/openai.go, ChatMiddleware."""
    unknown = await http.post(
        "/v1/chat/completions", json={"model": "x", "messages": [{"role": "user", "content": ""}]}
    )
    empty = await http.post("/v1/chat/completions", json={"model": CHAT, "messages": []})
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")
    expected = {"message": "[] is too short - 'messages'", "type": "invalid_request_error", "param": None, "code": None}
    assert (empty.status_code, empty.json()) == (400, {"error": expected})


@pytest.mark.source("ollama-python: ollama/_client.py")
async def test_the_official_client_gets_its_own_types(node: FakeNode) -> None:
    client = ollama.AsyncClient(host=node.url, trust_env=False)
    chat = await client.chat(model=CHAT, messages=[{"role": "user", "content": "x"}], stream=False)
    generated = await client.generate(model=CHAT, prompt="x")
    shown = await client.show(CHAT)
    await client.close()
    assert (chat.message.content, generated.response) == (TEXT, TEXT)
    assert (shown.capabilities, shown.modelinfo) == (
        ["completion"],
        {"general.architecture": "fake", "fake.context_length": 32_768},
    )
