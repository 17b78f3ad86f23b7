"""llama-index, by both dialects: chat, stream, embeddings, errors. Arguments: the address, the key."""

import importlib
import sys

URL, KEY = sys.argv[1:]

messages = importlib.import_module("llama_index.core.llms")
ollama = importlib.import_module("llama_index.llms.ollama")
like = importlib.import_module("llama_index.llms.openai_like")
embeddings = importlib.import_module("llama_index.embeddings.ollama")
client = importlib.import_module("ollama")
headers = {"Authorization": f"Bearer {KEY}"}


def said(name: str) -> None:
    """Say that something works."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def check() -> None:
    """Do what a user does."""
    ask = [messages.ChatMessage(role="user", content="say-text")]
    by_ollama = ollama.Ollama(
        model="auto", base_url=f"{URL}/ollama", headers=headers, request_timeout=30.0, context_window=2048
    )
    by_openai = like.OpenAILike(
        model="auto", api_base=f"{URL}/v1", api_key=KEY, is_chat_model=True, context_window=2048, max_retries=0
    )
    for model in (by_ollama, by_openai):
        assert model.chat(ask).message.content == "Hello."
    assert by_ollama.complete("say-text").text == "Hello."
    said("chat")
    for model in (by_ollama, by_openai):
        assert "".join(piece.delta or "" for piece in model.stream_chat(ask)) == "Hello."
    said("stream")
    vectors = embeddings.OllamaEmbedding(
        model_name="all-minilm:22m", base_url=f"{URL}/ollama", client_kwargs={"headers": headers}
    )
    assert len(vectors.get_text_embedding("one")) == 384
    said("embeddings")
    try:
        ollama.Ollama(model="llama9", base_url=f"{URL}/ollama", headers=headers, context_window=2048).chat(ask)
    except client.ResponseError as error:
        said("errors" if error.status_code == 404 else str(error))


check()
