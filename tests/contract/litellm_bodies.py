"""What LiteLLM's providers send to an Ollama node, field by field.

Sources: litellm 1.106.2, llms/ollama/chat/transformation.py (`ollama_chat`: transform_request),
llms/ollama/completion/transformation.py (`ollama`: transform_request), llms/ollama/completion/handler.py (embeddings),
llms/ollama/common_utils.py (get_runtime_model_info), and the `openai` package for the provider `openai`. Its bodies
for a node go out as application/octet-stream.
"""

Body = dict[str, object]

NO_IMAGES: list[str] = []
OCTETS = {"content-type": "application/octet-stream"}
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)  # fmt: skip


def chat(model: str, *, stream: bool, **more: object) -> Body:
    """Return a plain question of `ollama_chat`: every message has `images`, most often an empty list."""
    messages = [{"role": "user", "content": "Say hello.", "images": NO_IMAGES}]
    options = {"temperature": 0.0, "num_predict": 4}
    return {"model": model, "messages": messages, "options": options, "stream": stream, **more}


def chats(model: str) -> dict[str, Body]:
    """Return bodies of `ollama_chat` by what is special in them."""
    answered = {"function": {"name": "f", "arguments": {"a": 1}}}
    conversation: list[Body] = [
        {"role": "system", "content": "Be brief.", "images": NO_IMAGES},
        {"role": "user", "content": "What is it?", "images": NO_IMAGES},
        {"role": "assistant", "content": "", "images": NO_IMAGES, "tool_calls": [answered]},
        {"role": "tool", "content": "7", "images": NO_IMAGES, "tool_call_id": "call_1"},
    ]
    options = {"top_p": 0.5, "stop": ["x"], "repeat_penalty": 1.1, "seed": 3, "num_predict": 4}
    # What a caller gives beside the dialect's own parameters lands among the options, known there or not.
    unknown = {"num_predict": 4, "num_ctx": 512, "user": "someone", "mirostat": 0, "tfs_z": 1.0}
    return {
        "whole": chat(model, stream=False),
        "stream": chat(model, stream=True),
        "no thinking": chat(model, stream=False, think=False),
        "no tools": chat(model, stream=False, tools=[]),
        "json": chat(model, stream=False, format="json", keep_alive="30m"),
        "schema": chat(model, stream=False, format={"type": "object"}, keep_alive=300),
        "conversation": {"model": model, "messages": conversation, "options": options, "stream": False},
        "options": chat(model, stream=False) | {"options": unknown},
    }


def generations(model: str) -> dict[str, Body]:
    """Return bodies of `ollama`, which writes the prompt itself."""
    body: Body = {"model": model, "prompt": "### User:\nSay hello.\n\n", "options": {"num_predict": 4}, "stream": False}
    return {
        "whole": body | {"images": NO_IMAGES},
        "stream": body | {"stream": True, "images": NO_IMAGES},
        "json": body | {"format": "json", "images": NO_IMAGES},
        "a completion's prompt": body | {"prompt": "Say hello."},
    }
