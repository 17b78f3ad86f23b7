"""What a fake node says of itself, of its models, and of what it refuses; and the words of its answers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from ops.local.ollama.faults import Refused
from ops.local.ollama.options import SampleOptions
from ops.local.ollama.wire import Message
from tests.fakes.asked import Asked
from tests.fakes.scripts import FakeModel, Script
from tests.fakes.words import words_after


def now() -> str:
    """Return the time as Ollama writes it."""
    return datetime.now(UTC).isoformat()


async def running(_request: web.Request) -> web.Response:
    """Answer `GET /`."""
    return web.Response(text="Ollama is running")


def entry(model: FakeModel) -> dict[str, object]:
    """Return a model as `/api/tags` lists it."""
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "fake",
        "families": ["fake"],
        "parameter_size": "1M",
        "quantization_level": "Q8_0",
    }
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": now(),
        "size": model.size_bytes,
        "digest": model.sha,
        "details": details,
    }


def shown(model: FakeModel) -> dict[str, object]:
    """Return a model as `/api/show` describes it (server/images.go, Capabilities)."""
    can = {"tools": model.knows_tools, "vision": model.sees, "thinking": model.thinks}
    return {
        "details": entry(model)["details"],
        "model_info": {"general.architecture": "fake", "fake.context_length": model.context_length},
        "capabilities": [
            "embedding" if model.kind == "embed" else "completion",
            *(word for word, is_so in can.items() if is_so),
        ],
        "modified_at": now(),
        "template": model.template,
        "parameters": "",
    }


@web.middleware
async def refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a refusal in Ollama's shape, or in that of its OpenAI dialect (openai/openai.go, NewError)."""
    try:
        return await handler(request)
    except Refused as refused:
        error: object = refused.text
        if request.path.startswith("/v1/"):
            kind = {400: "invalid_request_error", 404: "not_found_error"}.get(refused.status, "api_error")
            error = {"message": refused.text, "type": kind, "param": None, "code": None}
        return web.json_response({"error": error}, status=refused.status)


_PASSAGE = re.compile(r"^\[1\] [^\n]*\n([^.\n]{12,200}\.)", re.MULTILINE)

_WANTED = re.compile(r"\bin (\d{1,4}) words\b")


def words_wanted(messages: Sequence[Message]) -> int | None:
    """Return how long the last question wants its answer to be ("in 12 words"), None where it does not say."""
    found = next((_WANTED.search(one.content) for one in reversed(messages) if one.role == "user"), None)
    return None if found is None else int(found.group(1))


def thinking_of(model: FakeModel, asked: Asked, script: Script) -> list[str]:
    """Return what the fake thinks; a model that can does so unasked (server/routes.go, ChatHandler)."""
    if script.thinking is not None:
        return list(script.thinking)
    return ["let ", "me ", "see"] if model.thinks and asked.think is not False else []


def done_reason_of(wanted: SampleOptions, tokens: int) -> str:
    """Return why the fake stopped: it had no more to say, or was allowed no more."""
    return "length" if 0 <= wanted.num_predict <= tokens else "stop"


def rest_of(script: Script, messages: Sequence[Message]) -> list[str]:
    """Return what is left to say of a script's text, a character a token, after what a final assistant message has."""
    is_begun = messages[-1].role == "assistant" and not script.anew
    return list((script.text or "").removeprefix(messages[-1].content if is_begun else ""))


def tokens_of(
    messages: Sequence[Message], sample: SampleOptions, answer_tokens: int, *, quotes: bool = False
) -> list[str]:
    """Return what the fake answers: numbered words that go on where a final assistant message ends.

    With `quotes`, those of an answer to passages come after the first passage's first sentence, in quotation marks.
    """
    ends_with_answer = messages[-1].role == "assistant"
    before = messages[:-1] if ends_with_answer else messages
    given = messages[-1].content if ends_with_answer else ""
    opening = _PASSAGE.search("\n".join(message.content for message in before)) if quotes else None
    quote = "" if opening is None else f'"{opening.group(1)}" '
    if quote and not given:
        return [quote, *tokens_of(messages, sample, answer_tokens)]
    given = given.removeprefix(quote)
    left = max(0, answer_tokens - len(given.split()))
    return words_after(
        "\n".join(message.content for message in before),
        given,
        left if sample.num_predict < 0 else min(left, sample.num_predict),
        temperature=sample.temperature,
        seed=None if sample.seed == -1 else sample.seed,
    )
