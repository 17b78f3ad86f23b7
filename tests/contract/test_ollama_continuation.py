"""What the platform finds out of a model is what the server does with a final assistant message."""

import pytest

from app.inference.calls.continuation import Continuation, find_out
from tests.contract.ollama_server import CHAT_MODEL, TOOL_MODEL, Server, user

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.source("ollama: server/prompt.go", "ollama: template/template.go"),
]


async def _found(ollama: Server, model: str) -> Continuation:
    async def say(question: str, prefix: str, max_tokens: int) -> str:
        messages = [user(question), *([{"role": "assistant", "content": prefix}] if prefix else [])]
        options = {"temperature": 0, "seed": 7, "num_predict": max_tokens}
        return ollama.ok("/api/chat", model=model, messages=messages, options=options)["message"]["content"]

    return await find_out(ollama.ok("/api/show", model=model)["template"], say)


@pytest.mark.parametrize("name", ["model", "tool_model", "infill_model"])
async def test_a_model_is_found_to_go_on_exactly_if_its_prompt_ends_with_the_last_message(
    ollama: Server, name: str
) -> None:
    """Measured on Ollama 0.24: qwen2.5-coder goes on, smollm2 does not."""
    model = getattr(ollama, name)
    messages = [user("Count from 1 to 9."), {"role": "assistant", "content": "1, 2, 3,"}]
    shown = ollama.ok("/api/chat", model=model, messages=messages, _debug_render_only=True)["_debug_info"]
    is_open = shown["rendered_template"].endswith("1, 2, 3,")
    assert (await _found(ollama, model) is Continuation.GOES_ON) is is_open


@pytest.mark.usefixtures("own_store")
async def test_the_packaged_templates_differ_in_it(ollama: Server) -> None:
    found = [await _found(ollama, model) for model in (CHAT_MODEL, TOOL_MODEL)]
    assert found == [Continuation.CLOSED, Continuation.GOES_ON]
