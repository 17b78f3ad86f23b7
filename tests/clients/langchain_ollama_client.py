"""Does with langchain-ollama what its users do, and says what worked. Arguments: the address, the key."""

import importlib
import sys

URL, KEY = sys.argv[1:]
SCHEMA = {
    "title": "total",
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
}
TOOL = {
    "name": "add",
    "description": "Add.",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
}

lib = importlib.import_module("langchain_ollama")
given = {"base_url": f"{URL}/ollama", "client_kwargs": {"headers": {"Authorization": f"Bearer {KEY}"}}}
chat = lib.ChatOllama(model="auto", validate_model_on_init=True, **given)


def said(name: str) -> None:
    """Say that something works."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def check() -> None:
    """Do what a user does."""
    assert chat.invoke("say-text").content == "Hello."
    said("chat")
    assert "".join(piece.content for piece in chat.stream("say-text")) == "Hello."
    assert lib.OllamaLLM(model="auto", **given).invoke("say-text") == "Hello."
    said("stream")
    (call,) = chat.bind_tools([{"type": "function", "function": TOOL}]).invoke("say-tool").tool_calls
    assert (call["name"], call["args"]) == ("add", {"a": 1}), call
    said("tools")
    assert chat.with_structured_output(SCHEMA, method="json_schema").invoke("say-json") == {"total": 3}
    said("schema")
    vectors = lib.OllamaEmbeddings(model="all-minilm:22m", **given)
    assert [len(vector) for vector in vectors.embed_documents(["one", "two"])] == [384, 384]
    said("embeddings")
    # On opening it asks for the list, and refuses a model that is not in it.
    lib.ChatOllama(model="team:assistant", validate_model_on_init=True, **given)
    said("list")
    pieces = chat.stream("say-long")
    assert next(pieces) is not None
    pieces.close()
    said("cancel")
    try:
        lib.ChatOllama(model="llama9", **given).invoke("say-text")
    except importlib.import_module("ollama").ResponseError as error:
        said("errors" if error.status_code == 404 else str(error))


check()
