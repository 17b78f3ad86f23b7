"""What is asked of a fake node, read as Ollama reads it: api/types.go, server/routes.go, openai/openai.go."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import assert_never, cast

import msgspec

from ops.local.ollama import names, wire
from ops.local.ollama.faults import Refused, bad_request
from ops.local.ollama.gojson import Json, Object, parse
from ops.local.ollama.wire import Message
from tests.fakes.scripts import FakeModel


class Form(StrEnum):
    """How an answer is worded: as `/api/chat`, as `/api/generate`, or as `/v1/chat/completions`."""

    CHAT = "chat"
    GENERATE = "generate"
    COMPLETION = "completion"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request for text. Without `messages` it only loads the model, or unloads it when `keep_alive_ns` is 0."""

    form: Form
    model: str
    messages: tuple[Message, ...]
    options: Object
    is_stream: bool
    truncate: bool
    keep_alive_ns: int | None
    think: bool | str | None
    has_tools: bool
    with_usage: bool = False


Read = Callable[[bytes], Asked]


def read_chat(body: bytes) -> Asked:
    """Raises Refused(400)."""
    asked = wire.chat_request(body)
    return _asked(Form.CHAT, asked.call, asked.messages, has_tools=bool(asked.tools))


def read_generate(body: bytes) -> Asked:
    """Raises Refused(400)."""
    asked = wire.generate_request(body)
    system = (Message("system", asked.system),) if asked.system else ()
    messages = (*system, Message("user", asked.prompt, images=asked.images)) if asked.prompt else ()
    return _asked(Form.GENERATE, asked.call, messages)


def read_completion(body: bytes) -> Asked:
    """Raises Refused(400). The request becomes one of `/api/chat`, as in middleware/openai.go, ChatMiddleware."""
    given = parse(body)
    if not isinstance(given, Mapping):
        raise bad_request("json: cannot unmarshal into Go value of type openai.ChatCompletionRequest")
    if not _items(given.get("messages")):
        raise bad_request("[] is too short - 'messages'")
    chat: dict[str, Json] = {
        "model": given.get("model"),
        "messages": [part for message in _items(given["messages"]) for part in _parts(message)],
        "stream": given.get("stream") or False,
        "options": _options(given),
        "tools": given.get("tools"),
        "think": _think(given.get("reasoning_effort")),
    }
    asked = read_chat(msgspec.json.encode(chat))
    usage = given.get("stream_options")
    with_usage = isinstance(usage, Mapping) and usage.get("include_usage") is True
    return msgspec.structs.replace(asked, form=Form.COMPLETION, with_usage=with_usage)


def read_input(asked: wire.EmbedRequest) -> list[str]:
    """Return the texts to embed. Raises Refused(400) (server/routes.go, EmbedHandler)."""
    match asked.input:
        case None | "":
            return []
        case str(text):
            return [text]
        case [*items] if all(isinstance(item, str) for item in items):
            return cast("list[str]", items)
        case _:
            raise bad_request("invalid input type")


def refusal(asked: Asked, model: FakeModel) -> Refused | None:
    """Say what the model cannot do (ChatHandler, GenerateHandler); `think: false` is taken by every one."""
    if asked.think and not model.thinks:
        return bad_request(f'"{asked.model}" does not support thinking')
    if model.kind != "chat":
        return bad_request(f'"{asked.model}" does not support {_verb(asked.form)}')
    if asked.has_tools and not model.knows_tools:
        return bad_request(f"{names.parse(asked.model).full} does not support tools")
    return None


def _verb(form: Form) -> str:
    match form:
        case Form.CHAT | Form.COMPLETION:
            return "chat"
        case Form.GENERATE:
            return "generate"
        case _:
            assert_never(form)


def _asked(form: Form, call: wire.Inference, messages: tuple[Message, ...], *, has_tools: bool = False) -> Asked:
    return Asked(
        form=form,
        model=call.model,
        messages=messages,
        options=call.options,
        is_stream=call.stream,
        truncate=call.truncate,
        keep_alive_ns=call.keep_alive_ns,
        think=call.think,
        has_tools=has_tools,
    )


def _parts(message: Json) -> list[Json]:
    """Return a message of the OpenAI dialect as Ollama's: each part of a list becomes one (FromChatRequest)."""
    if not isinstance(message, Mapping):
        raise bad_request("invalid message format")
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    if content is None and calls is not None:
        return [{"role": role, "content": ""}]
    if content is None:
        raise bad_request("invalid message content type: <nil>")
    return [_part(role, part) for part in _items(content)]


def _part(role: Json, part: Json) -> Json:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"role": role, "content": text}
        case {"type": "image_url", "image_url": {"url": str(url)}} | {"type": "image_url", "image_url": str(url)}:
            return {"role": role, "images": [_picture(url)]}
        case _:
            raise bad_request("invalid message format")


def _picture(url: str) -> str:
    head, comma, body = url.partition(",")
    if not comma or head not in {"data:;base64", *(f"data:image/{kind};base64" for kind in _PICTURES)}:
        raise bad_request("invalid image input")
    return body


_PICTURES = ("jpeg", "jpg", "png", "webp")
_SAME = ("seed", "frequency_penalty", "presence_penalty")


def _options(given: Object) -> Object:
    """Return the model's options; what OpenAI leaves at 1, Ollama's dialect does too (FromChatRequest)."""
    options: dict[str, Json] = {name: given.get(name) for name in _SAME if given.get(name) is not None}
    for name in ("temperature", "top_p"):
        options[name] = 1.0 if given.get(name) is None else given[name]
    if given.get("max_tokens") is not None:
        options["num_predict"] = given["max_tokens"]
    stop = given.get("stop")
    if stop is not None:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    return options


def _think(effort: Json) -> Json:
    return None if effort in (None, "") else effort not in ("none", False)


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
