"""Does with litellm what its users do, and says what worked. Arguments: the address, the key."""

import importlib
import json
import os
import sys

URL, KEY = sys.argv[1:]
SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}

# Its prices are fetched otherwise, and it talks to whoever meets an error.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
lib = importlib.import_module("litellm")
vars(lib)["suppress_debug_info"] = True
OPENAI = {"model": "openai/auto", "api_base": f"{URL}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
OLLAMA = {"model": "ollama_chat/auto", "api_base": f"{URL}/ollama", "api_key": KEY, "timeout": 30}


def said(name: str) -> None:
    """Say that something works."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def ask(text: str) -> list[dict[str, str]]:
    """Return the messages of one question."""
    return [{"role": "user", "content": text}]


def check() -> None:
    """Do what a user does."""
    for given in (OPENAI, OLLAMA):
        assert lib.completion(messages=ask("say-text"), **given).choices[0].message.content == "Hello."
    said("chat")
    for given in (OPENAI, OLLAMA):
        pieces = lib.completion(messages=ask("say-text"), stream=True, **given)
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "Hello."
    said("stream")
    for given in (OPENAI, OLLAMA):
        (call,) = lib.completion(messages=ask("say-tool"), tools=[TOOL], **given).choices[0].message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("add", {"a": 1}), call
    said("tools")
    form = {"type": "json_schema", "json_schema": {"name": "total", "schema": SCHEMA}}
    for given in (OPENAI, OLLAMA):
        told = lib.completion(messages=ask("say-json"), response_format=form, **given).choices[0].message.content
        assert json.loads(told) == {"total": 3}
    said("schema")
    made = lib.embedding(model="openai/all-minilm:22m", input=["one"], api_base=f"{URL}/v1", api_key=KEY)
    assert len(made.data[0]["embedding"]) == 384
    said("embeddings")
    names = lib.get_valid_models(
        check_provider_endpoint=True, custom_llm_provider="openai", api_base=f"{URL}/v1", api_key=KEY
    )
    assert {"auto", "team:assistant"} <= {name.removeprefix("openai/") for name in names}, names
    said("list")
    pieces = lib.completion(messages=ask("say-long"), stream=True, **OPENAI)
    assert next(iter(pieces)) is not None
    pieces.completion_stream.close()
    said("cancel")
    try:
        lib.completion(messages=ask("say-text"), **{**OPENAI, "model": "openai/llama9"})
    except lib.NotFoundError:
        said("errors")


check()
