"""`POST /api/generate`: stream shapes, raw prompts, context, long prompts."""

import json

import pytest

from tests.contract.ollama_server import SHORT, Server, assert_error, assert_metrics, assert_time

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = pytest.mark.integration

LAST = {
    "model", "created_at", "response", "done", "done_reason", "context", "total_duration", "load_duration",
    "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
}  # fmt: skip
LONG = "word " * 700
SMALL = {**SHORT, "num_ctx": 512}


@pytest.mark.source("ollama: docs/api.md", "ollama: api/types.go")
def test_generate_streams_by_default_in_json_lines(ollama: Server) -> None:
    """docs/api.md, Generate a completion; api/types.go, GenerateResponse."""
    lines = ollama.lines("/api/generate", model=ollama.model, prompt="Say hello.", options=SHORT)
    for line in lines[:-1]:
        assert set(line) == {"model", "created_at", "response", "done"}
        assert (line["model"], line["done"]) == (ollama.model, False)
        assert line["response"]
        assert_time(line["created_at"])
    last = lines[-1]
    assert set(last) == LAST
    assert (last["done"], last["response"]) == (True, "")
    assert_metrics(last)
    assert all(isinstance(token, int) for token in last["context"])


@pytest.mark.source("ollama: server/routes.go")
def test_an_unstreamed_reply_is_one_object_with_the_same_text(ollama: Server) -> None:
    """server/routes.go, GenerateHandler."""
    lines = ollama.lines("/api/generate", model=ollama.model, prompt="Say hello.", options=SHORT)
    whole = ollama.ok("/api/generate", model=ollama.model, prompt="Say hello.", options=SHORT)
    assert set(whole) == LAST
    assert whole["response"] == "".join(line["response"] for line in lines)
    assert_metrics(whole)


@pytest.mark.source("ollama: server/routes.go")
def test_generate_and_chat_write_the_same_prompt(ollama: Server) -> None:
    """server/routes.go, GenerateHandler: "generate the prompt the same way"."""
    whole = ollama.ok("/api/generate", model=ollama.model, prompt="Say hello.", options=SHORT)
    assert whole["response"] == ollama.chat("Say hello.")["message"]["content"]
    assert whole["prompt_eval_count"] == ollama.chat("Say hello.")["prompt_eval_count"]


@pytest.mark.source("ollama: docs/api.md")
def test_a_system_text_is_a_system_message(ollama: Server) -> None:
    """docs/api.md, system."""
    system = "You answer with one word."
    whole = ollama.ok("/api/generate", model=ollama.model, prompt="Hello", system=system, options=SHORT)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "Hello"}]
    chat = ollama.ok("/api/chat", model=ollama.model, messages=messages, options=SHORT)
    assert whole["prompt_eval_count"] == chat["prompt_eval_count"]


@pytest.mark.source("ollama: docs/api.md")
def test_a_raw_prompt_is_used_as_it_is_and_has_no_context(ollama: Server) -> None:
    """docs/api.md, Request (Raw Mode)."""
    body = {"model": ollama.model, "prompt": "One two three four", "options": SHORT}
    raw = ollama.ok("/api/generate", **body, raw=True)
    assert set(raw) == LAST - {"context"}
    assert raw["prompt_eval_count"] < ollama.ok("/api/generate", **body)["prompt_eval_count"]


@pytest.mark.source("ollama: server/routes.go")
def test_raw_forbids_a_system_text(ollama: Server) -> None:
    """server/routes.go, GenerateHandler."""
    body = {"model": ollama.model, "prompt": "Hi", "raw": True, "system": "x"}
    reply = ollama.post("/api/generate", body)
    assert_error(reply, 400, "raw mode does not support template, system, or context")


@pytest.mark.source("ollama: docs/api.md")
def test_context_goes_before_the_next_prompt(ollama: Server) -> None:
    """docs/api.md, context (deprecated)."""
    first = ollama.ok("/api/generate", model=ollama.model, prompt="My name is Ann.", options=SHORT)
    body = {"model": ollama.model, "prompt": "What is my name?", "options": SHORT}
    alone = ollama.ok("/api/generate", **body)
    after = ollama.ok("/api/generate", **body, context=first["context"])
    grown = after["prompt_eval_count"] - alone["prompt_eval_count"]
    assert abs(grown - len(first["context"])) <= 3


@pytest.mark.source("ollama: docs/api.md")
def test_a_json_schema_is_kept(ollama: Server) -> None:
    """docs/api.md, Request (Structured outputs)."""
    schema = {"type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"]}
    options = {**SHORT, "num_predict": 40}
    prompt = "Is the shop open? Answer in JSON."
    whole = ollama.ok("/api/generate", model=ollama.model, prompt=prompt, format=schema, options=options)
    assert isinstance(json.loads(whole["response"])["open"], bool)


@pytest.mark.source("ollama: api/types.go", "llama.cpp: tools/server/server.cpp")
def test_without_truncate_a_long_prompt_is_refused(ollama: Server) -> None:
    """api/types.go, Truncate; llama.cpp's body is the text since 0.30, errorInputTooLong before."""
    for stream in (False, True):
        body = {"model": ollama.model, "prompt": LONG, "truncate": False, "options": SMALL, "stream": stream}
        reply = ollama.post("/api/generate", body)
        assert reply.status_code == 400
        assert set(reply.json()) == {"error"}
        assert "context" in reply.json()["error"]


@pytest.mark.source("ollama: llm/llama_server.go")
def test_a_refused_chat_names_the_context_too(ollama: Server) -> None:
    """As above, for chat."""
    messages = [{"role": "user", "content": LONG}]
    body = {"model": ollama.model, "messages": messages, "truncate": False, "shift": False, "options": SMALL}
    reply = ollama.post("/api/chat", body)
    assert reply.status_code == 400
    assert "context" in reply.json()["error"]


@pytest.mark.source("ollama: server/prompt.go")
def test_with_truncate_old_messages_are_dropped_and_system_messages_stay(ollama: Server) -> None:
    """server/prompt.go, chatPrompt."""
    last = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}]
    old = [{"role": "user", "content": LONG}, {"role": "assistant", "content": "Yes."}]
    short = ollama.ok("/api/chat", model=ollama.model, messages=last, options=SMALL)
    long = ollama.ok("/api/chat", model=ollama.model, messages=[last[0], *old, last[1]], options=SMALL)
    assert 0 <= long["prompt_eval_count"] - short["prompt_eval_count"] <= 10


@pytest.mark.source("ollama: llm/llama_server.go")
def test_a_single_long_message_is_cut_to_fit(ollama: Server) -> None:
    """llm/llama_server.go, completionPromptForRequest: about half of the context stays."""
    whole = ollama.ok("/api/generate", model=ollama.model, prompt=LONG, raw=True, options=SMALL)
    assert 0 < whole["prompt_eval_count"] <= 512


@pytest.mark.source("ollama: llm/llama_server.go")
def test_a_single_long_message_is_refused_when_the_context_may_not_shift(ollama: Server) -> None:
    """llm/llama_server.go, completionPromptForRequest; older versions say it in other words."""
    body = {"model": ollama.model, "prompt": LONG, "raw": True, "shift": False, "options": SMALL}
    reply = ollama.post("/api/generate", body)
    assert reply.status_code in {200, 400}
    if reply.status_code == 400:
        assert "context" in reply.json()["error"]
