"""Tools of OpenAI's interface: what is offered to a model, and what a choice holds it to."""

import msgspec

from app.api.openai.bodies import ChatBody, Chosen, Function, Tool
from app.errors import BadInput
from app.inference.words.messages import ToolCall, ToolFunction

_ANYTHING = msgspec.Raw(b'{"type":"object","properties":{}}')


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to the node; with a `schema` the answer is one call, written as a JSON object."""

    tools: tuple[msgspec.Raw, ...] = ()
    schema: msgspec.Raw | None = None
    is_single: bool = False


class _FunctionOut(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    parameters: msgspec.Raw
    description: str = ""


class _ToolOut(msgspec.Struct, frozen=True):
    type: str
    function: _FunctionOut


class _Call(msgspec.Struct, frozen=True):
    name: str
    arguments: msgspec.Raw


def read_tools(body: ChatBody) -> Offered:
    """Return what is offered. Raises BadInput for a choice of a tool that is not there."""
    tools, choice = body.tools or (), body.tool_choice
    is_single = body.parallel_tool_calls is False
    if choice == "none" or (not tools and choice in (None, "auto")):
        return Offered()
    if isinstance(choice, Chosen):
        tools = tuple(tool for tool in tools if tool.function.name == choice.function.name)
    if not tools:
        raise BadInput("`tool_choice` names no tool of `tools`", field="tool_choice")
    offered = tuple(msgspec.Raw(msgspec.json.encode(_out(tool))) for tool in tools)
    if choice in (None, "auto"):
        return Offered(tools=offered, is_single=is_single)
    return Offered(tools=offered, schema=_schema(tools), is_single=True)


def read_call(text: str) -> ToolCall | None:
    """Return the call that an answer to a choice's schema is, None if it was cut off."""
    try:
        call = msgspec.json.decode(text, type=_Call)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return ToolCall(ToolFunction(call.name, call.arguments))


def _out(tool: Tool) -> _ToolOut:
    function = tool.function
    return _ToolOut("function", _FunctionOut(function.name, _parameters(function), function.description or ""))


def _parameters(function: Function) -> msgspec.Raw:
    return function.parameters if bytes(function.parameters).strip().startswith(b"{") else _ANYTHING


def _schema(tools: tuple[Tool, ...]) -> msgspec.Raw:
    """Return the schema of a call of one of the tools."""
    each = [
        b'{"type":"object","properties":{"name":{"type":"string","enum":[%b]},"arguments":%b},'
        b'"required":["name","arguments"],"additionalProperties":false}'
        % (msgspec.json.encode(tool.function.name), bytes(_parameters(tool.function)))
        for tool in tools
    ]
    return msgspec.Raw(each[0] if len(each) == 1 else b'{"anyOf":[%b]}' % b",".join(each))
