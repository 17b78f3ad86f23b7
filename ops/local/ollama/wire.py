"""The requests of Ollama's API as typed values (api/types.go names every field)."""

from typing import TypeAlias

import msgspec

from ops.local.ollama import duration, fields
from ops.local.ollama.faults import bad_request
from ops.local.ollama.fields import Fields, Place, Reader
from ops.local.ollama.gojson import Json, Object, parse

_EFFORTS = ("high", "medium", "low", "max")
Think: TypeAlias = bool | str | None
"""Whether to think, and how hard (api/types.go, ThinkValue); None is a request that does not say."""


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a tool that an earlier assistant message made."""

    name: str
    arguments: Object
    id: str = ""


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation; `images` are base64 texts."""

    role: str
    content: str = ""
    thinking: str = ""
    images: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    tool_call_id: str = ""


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may ask for; `whole` is the entry as the caller sent it."""

    name: str
    parameters: Object
    whole: Object


class Inference(msgspec.Struct, frozen=True):
    """What chat and generate requests have together; None is a field that the caller left out."""

    model: str
    stream: bool
    response_format: Json
    keep_alive_ns: int | None
    options: Object
    think: Think
    truncate: bool
    shift: bool | None
    render_only: bool
    logprobs: bool
    top_logprobs: int


class ChatRequest(msgspec.Struct, frozen=True):
    """`POST /api/chat`."""

    call: Inference
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]


class GenerateRequest(msgspec.Struct, frozen=True):
    """`POST /api/generate`."""

    call: Inference
    prompt: str
    suffix: str
    system: str
    template: str
    context: tuple[int, ...]
    raw: bool
    images: tuple[str, ...]


class EmbedRequest(msgspec.Struct, frozen=True):
    """`POST /api/embed`; `truncate` is true when left out."""

    model: str
    input: Json
    keep_alive_ns: int | None
    truncate: bool
    dimensions: int
    options: Object


class ShowRequest(msgspec.Struct, frozen=True):
    """`POST /api/show`."""

    model: str
    system: str
    verbose: bool
    options: Object


def _keep_alive(value: Json, _place: Place) -> int:
    return duration.keep_alive(value)


def _think(value: Json, _place: Place) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise bad_request('think must be a boolean or string ("high", "medium", "low", "max", true, or false)')
    if value not in _EFFORTS:
        raise bad_request(
            f'invalid think value: "{value}" (must be "high", "medium", "low", "max", true, or false)',
        )
    return value


def _tool_call(value: Json, place: Place) -> ToolCall:
    call = Fields(value, place, {"id": fields.string, "function": fields.anything}, "api.ToolCall")
    function = Fields(
        call.json("function"),
        place.inside("function", "ToolCallFunction"),
        {"name": fields.string, "arguments": fields.mapping},
        "api.ToolCallFunction",
    )
    return ToolCall(function.text("name"), function.object("arguments"), call.text("id"))


_MESSAGE: dict[str, Reader[object]] = {
    "role": fields.string,
    "content": fields.string,
    "thinking": fields.string,
    "images": fields.sequence(fields.picture, "[]api.ImageData"),
    "tool_calls": fields.sequence(_tool_call, "[]api.ToolCall"),
    "tool_name": fields.string,
    "tool_call_id": fields.string,
}


def _message(value: Json, place: Place) -> Message:
    found = Fields(value, place, _MESSAGE, "api.Message")
    return Message(
        role=found.text("role").lower(),
        content=found.text("content"),
        thinking=found.text("thinking"),
        images=found.many("images", str),
        tool_calls=found.many("tool_calls", ToolCall),
        tool_name=found.text("tool_name"),
        tool_call_id=found.text("tool_call_id"),
    )


def _tool(value: Json, place: Place) -> Tool:
    whole = fields.mapping(value, place) if isinstance(value, dict) else None
    if whole is None:
        raise place.refuse(value, "api.Tool")
    function = Fields(
        whole.get("function"),
        place.inside("function", "Tool"),
        {"name": fields.string, "description": fields.string, "parameters": _parameters},
        "api.ToolFunction",
    )
    return Tool(function.text("name"), function.object("parameters"), whole)


def _parameters(value: Json, place: Place) -> Object:
    if not isinstance(value, dict):
        raise place.refuse(value, "api.ToolFunctionParameters")
    return value


_INFERENCE: dict[str, Reader[object]] = {
    "model": fields.string,
    "stream": fields.boolean,
    "format": fields.anything,
    "keep_alive": _keep_alive,
    "options": fields.mapping,
    "think": _think,
    "truncate": fields.boolean,
    "shift": fields.boolean,
    "_debug_render_only": fields.boolean,
    "logprobs": fields.boolean,
    "top_logprobs": fields.integer,
}
_CHAT = _INFERENCE | {
    "messages": fields.sequence(_message, "[]api.Message"),
    "tools": fields.sequence(_tool, "api.Tools"),
}
_GENERATE = _INFERENCE | {
    "prompt": fields.string,
    "suffix": fields.string,
    "system": fields.string,
    "template": fields.string,
    "context": fields.sequence(fields.integer, "[]int"),
    "raw": fields.boolean,
    "images": fields.sequence(fields.picture, "[]api.ImageData"),
}
_EMBED: dict[str, Reader[object]] = {
    "model": fields.string,
    "input": fields.anything,
    "keep_alive": _keep_alive,
    "truncate": fields.boolean,
    "dimensions": fields.integer,
    "options": fields.mapping,
}
_SHOW: dict[str, Reader[object]] = {
    "model": fields.string,
    "name": fields.string,
    "system": fields.string,
    "verbose": fields.boolean,
    "options": fields.mapping,
}


def chat_request(body: bytes) -> ChatRequest:
    """Raises Refused(400)."""
    found = Fields(parse(body), Place("ChatRequest"), _CHAT, "api.ChatRequest")
    return ChatRequest(
        call=_inference(found), messages=found.many("messages", Message), tools=found.many("tools", Tool)
    )


def generate_request(body: bytes) -> GenerateRequest:
    """Raises Refused(400)."""
    found = Fields(parse(body), Place("GenerateRequest"), _GENERATE, "api.GenerateRequest")
    return GenerateRequest(
        call=_inference(found),
        prompt=found.text("prompt"),
        suffix=found.text("suffix"),
        system=found.text("system"),
        template=found.text("template"),
        context=found.many("context", int),
        raw=found.get("raw", bool) or False,
        images=found.many("images", str),
    )


def embed_request(body: bytes) -> EmbedRequest:
    """Raises Refused(400)."""
    found = Fields(parse(body), Place("EmbedRequest"), _EMBED, "api.EmbedRequest")
    return EmbedRequest(
        model=found.text("model"),
        input=found.json("input"),
        keep_alive_ns=found.get("keep_alive", int),
        truncate=found.get("truncate", bool) is not False,
        dimensions=found.get("dimensions", int) or 0,
        options=found.object("options"),
    )


def show_request(body: bytes) -> ShowRequest:
    """Raises Refused(400); `name` is the older word for `model`."""
    found = Fields(parse(body), Place("ShowRequest"), _SHOW, "api.ShowRequest")
    return ShowRequest(
        model=found.get("model", str) or found.text("name"),
        system=found.text("system"),
        verbose=found.get("verbose", bool) or False,
        options=found.object("options"),
    )


def _inference(found: Fields) -> Inference:
    top_logprobs = found.get("top_logprobs", int) or 0
    if not 0 <= top_logprobs <= 20:
        raise bad_request("top_logprobs must be between 0 and 20")
    return Inference(
        model=found.text("model"),
        stream=found.get("stream", bool) is not False,
        response_format=found.json("format"),
        keep_alive_ns=found.get("keep_alive", int),
        options=found.object("options"),
        think=found.get("think", bool) if found.get("think", str) is None else found.get("think", str),
        truncate=found.get("truncate", bool) is not False,
        shift=found.get("shift", bool),
        render_only=found.get("_debug_render_only", bool) or False,
        logprobs=found.get("logprobs", bool) or False,
        top_logprobs=top_logprobs,
    )
