"""What a prompt is made of: messages, their pictures, and the tools that were called."""

from typing import Literal, TypeAlias

import msgspec

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


class ToolFunction(msgspec.Struct, frozen=True):
    """The function that is called, and its arguments as a JSON object."""

    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """One asking for a tool, as Ollama words it (api/types.go, ToolCall); without an `id` the model gave none."""

    function: ToolFunction
    id: str = ""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a prompt, as Ollama words it (api/types.go, Message).

    `thinking` is what a model thought before, `images` are pictures in base64. One of role `tool` is the result of the
    call `tool_call_id` of the tool `tool_name`.
    """

    role: Role
    content: str
    thinking: str = ""
    images: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    tool_call_id: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the text is all there is."""
        return not (self.thinking or self.images or self.tool_calls or self.role == "tool")
