"""Does with langchain-openai what its users do, and says what worked. Arguments: the address, the key."""

import importlib
import sys

URL, KEY = sys.argv[1:]
SCHEMA = {
    "title": "total",
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}
TOOL = {
    "name": "add",
    "description": "Add.",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
}

lib = importlib.import_module("langchain_openai")
given = {"base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
chat = lib.ChatOpenAI(model="auto", **given)


def said(name: str) -> None:
    """Say that something works."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def check() -> None:
    """Do what a user does."""
    assert chat.invoke("say-text").content == "Hello."
    said("chat")
    assert "".join(piece.content for piece in chat.stream("say-text")) == "Hello."
    said("stream")
    (call,) = chat.bind_tools([{"type": "function", "function": TOOL}]).invoke("say-tool").tool_calls
    assert (call["name"], call["args"]) == ("add", {"a": 1}), call
    said("tools")
    assert chat.with_structured_output(SCHEMA, method="json_schema").invoke("say-json") == {"total": 3}
    said("schema")
    vectors = lib.OpenAIEmbeddings(model="all-minilm:22m", check_embedding_ctx_length=False, **given)
    assert [len(vector) for vector in vectors.embed_documents(["one", "two"])] == [384, 384]
    said("embeddings")
    pieces = chat.stream("say-long")
    assert next(pieces) is not None
    pieces.close()
    said("cancel")
    try:
        lib.ChatOpenAI(model="llama9", **given).invoke("say-text")
    except importlib.import_module("openai").NotFoundError:
        said("errors")


check()
