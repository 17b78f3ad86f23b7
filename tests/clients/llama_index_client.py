"""Does with llama-index what its users do, and says what worked. Arguments: the address, the key."""

import importlib
import sys
from typing import Any

URL, KEY = sys.argv[1:]

messages = importlib.import_module("llama_index.core.llms")
ollama = importlib.import_module("llama_index.llms.ollama")
like = importlib.import_module("llama_index.llms.openai_like")
embeddings = importlib.import_module("llama_index.embeddings.ollama")
tools = importlib.import_module("llama_index.core.tools")
pydantic = importlib.import_module("pydantic")
client = importlib.import_module("ollama")
headers = {"Authorization": f"Bearer {KEY}"}


def said(name: str) -> None:
    """Say that something works."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def add(a: int) -> int:
    """Add."""
    return a


def check_schema(*models: Any) -> None:  # noqa: ANN401 - a class of another environment
    """Have an answer in the form of a schema."""
    form = pydantic.create_model("Total", total=(int, ...))
    for model in models:
        told = model.as_structured_llm(form).chat([messages.ChatMessage(role="user", content="say-json")])
        assert told.raw.total == 3, told
    said("schema")


def check() -> None:
    """Do what a user does."""
    ask = [messages.ChatMessage(role="user", content="say-text")]
    by_ollama = ollama.Ollama(
        model="auto", base_url=f"{URL}/ollama", headers=headers, request_timeout=30.0, context_window=2048
    )
    by_openai = like.OpenAILike(
        model="auto", api_base=f"{URL}/v1", api_key=KEY, is_chat_model=True, is_function_calling_model=True,
        context_window=2048, max_retries=0, should_use_structured_outputs=True,
    )  # fmt: skip
    for model in (by_ollama, by_openai):
        assert model.chat(ask).message.content == "Hello."
    assert by_ollama.complete("say-text").text == "Hello."
    said("chat")
    for model in (by_ollama, by_openai):
        assert "".join(piece.delta or "" for piece in model.stream_chat(ask)) == "Hello."
    said("stream")
    for model in (by_ollama, by_openai):
        told = model.chat_with_tools([tools.FunctionTool.from_defaults(add)], user_msg="say-tool")
        (call,) = model.get_tool_calls_from_response(told)
        assert (call.tool_name, call.tool_kwargs) == ("add", {"a": 1}), call
    said("tools")
    check_schema(by_ollama, by_openai)
    vectors = embeddings.OllamaEmbedding(
        model_name="all-minilm:22m", base_url=f"{URL}/ollama", client_kwargs={"headers": headers}
    )
    assert len(vectors.get_text_embedding("one")) == 384
    said("embeddings")
    for model in (by_ollama, by_openai):
        pieces = model.stream_chat([messages.ChatMessage(role="user", content="say-long")])
        assert next(pieces) is not None
        pieces.close()
    said("cancel")
    try:
        ollama.Ollama(model="llama9", base_url=f"{URL}/ollama", headers=headers, context_window=2048).chat(ask)
    except client.ResponseError as error:
        said("errors" if error.status_code == 404 else str(error))


check()
