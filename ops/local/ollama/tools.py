"""Offers tools to a model and reads the calls that it makes.

llama.cpp's own reading of tool calls finds none in what small coder models write, so the answer is constrained:
either plain text, or calls that fit the offered schemas.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import cast

import msgspec

from ops.local.ollama.formats import closed, schema_constraint
from ops.local.ollama.gojson import Json, Object
from ops.local.ollama.wire import Message, Tool, ToolCall

_OFFER = (
    "You can call these functions:\n{tools}\n\n"
    'To call one, answer with a JSON object {{"name": <function name>, "arguments": <object>}} and nothing else.'
)
# Lark for llguidance: text that does not look like a call, or calls, one a line.
_TEXT_OR_CALLS = """%llguidance {}
start: TEXT | call ("\\n" call)*
TEXT: /[^{`<\\s](.|\\n)*/
call: %json """


class _Call(msgspec.Struct, frozen=True):
    name: str
    arguments: dict[str, object]


class _Reply(msgspec.Struct, frozen=True):
    reply: str


_CALLS = msgspec.json.Decoder(_Call)


class Answer(msgspec.Struct, frozen=True):
    """What an answer says: text that is still to be told, and calls."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


def template_knows(chat_template: str) -> bool:
    """Whether a chat template writes tools itself (server/images.go, chatTemplateHasToolSupport)."""
    return "tools" in chat_template or "tool_call" in chat_template


def in_words(messages: Sequence[Message], offered: Sequence[Tool]) -> list[Message]:
    """The conversation for a template that knows no tools: offers, calls and results become plain text."""
    said: list[Message] = []
    if offered:
        listing = "\n".join(msgspec.json.encode(tool.whole.get("function")).decode() for tool in offered)
        said.append(Message(role="system", content=_OFFER.format(tools=listing)))
    for message in messages:
        if message.role == "tool":
            said.append(Message(role="user", content=f"Result of {message.tool_name or 'the call'}: {message.content}"))
        elif message.tool_calls:
            calls = "\n".join(_call_text(call) for call in message.tool_calls)
            said.append(msgspec.structs.replace(message, content=f"{message.content}{calls}", tool_calls=()))
        else:
            said.append(message)
    return said


def _call_text(call: ToolCall) -> str:
    return msgspec.json.encode({"name": call.name, "arguments": call.arguments}).decode()


def constraint(offered: Sequence[Tool], *, is_known: bool) -> Object:
    """What the answer must look like.

    A model that was taught tools (`is_known`) chooses well by itself between text and calls. One that was not would
    never call, so its answer is always an object: a call, or `{"reply": …}`.
    """
    calls: list[Json] = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": _arguments(tool)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in offered
    ]
    if is_known:
        schema: Object = {"anyOf": calls, "x-guidance": {"whitespace_flexible": False}}
        return {"grammar": _TEXT_OR_CALLS + msgspec.json.encode(schema).decode()}
    reply: Json = {
        "type": "object",
        "properties": {"reply": {"type": "string"}},
        "required": ["reply"],
        "additionalProperties": False,
    }
    return schema_constraint({"anyOf": [*calls, reply]})


def _arguments(tool: Tool) -> Object:
    if isinstance(tool.parameters.get("properties"), Mapping):
        return closed({**tool.parameters, "type": "object"})
    return {"type": "object", "additionalProperties": False}


class _State(Enum):
    UNDECIDED = "undecided"
    TEXT = "text"
    OBJECTS = "objects"


class Reader:
    """Reads a constrained answer as it comes: text is told at once, objects when they are whole."""

    def __init__(self, *, is_known: bool) -> None:
        self._state = _State.UNDECIDED if is_known else _State.OBJECTS
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text that can be told now."""
        self._held += piece
        if self._state is _State.UNDECIDED and (seen := self._held.lstrip()):
            self._state = _State.OBJECTS if seen.startswith("{") else _State.TEXT
        if self._state is not _State.TEXT:
            return ""
        told, self._held = self._held, ""
        return told

    def finish(self) -> Answer:
        """What is left at the end: calls or a reply, or the text as it is when it was cut short."""
        if self._state is not _State.OBJECTS or not self._held.strip():
            return Answer(text=self._held)
        try:
            calls = _CALLS.decode_lines(self._held.replace("}\n{", "}\0{").replace("\n", " ").replace("\0", "\n"))
        except msgspec.DecodeError:
            return Answer(text=self._replied())
        return Answer(calls=tuple(ToolCall(call.name, cast("Object", call.arguments)) for call in calls))

    def _replied(self) -> str:
        try:
            return msgspec.json.decode(self._held, type=_Reply).reply
        except msgspec.DecodeError:
            return self._held
