"""The Go templates of the packaged models, and one that thinks, each written out as a function.

There is no template engine here: a model with another template is read with the chat template of its weights, and
`/api/show` says so. Each function is held, byte for byte, by what Go's own text/template makes of the same template
(`tests/contract/go_templates`), as Ollama calls it: template/template.go, Execute and collate.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from ops.local.ollama.go_values import as_json, printed_function
from ops.local.ollama.wire import Message, Think, Tool


class Values(msgspec.Struct, frozen=True):
    """What a template reads (template/template.go, Values): messages after `collated`, or a prompt with its suffix."""

    messages: Sequence[Message] = ()
    system: str = ""
    tools: Sequence[Tool] = ()
    prompt: str = ""
    suffix: str = ""
    think: Think = None
    """None where the request says nothing of it, of a model that cannot think."""

    @property
    def level(self) -> str:
        """How hard to think (api/types.go, ThinkValue.String)."""
        return self.think if isinstance(self.think, str) else "medium" if self.think else ""


Render: TypeAlias = Callable[[Values], str]


def find(template: str) -> Render | None:
    """What renders the template, None if it is not one of the packaged ones."""
    return _RENDERS.get(sha256(template.encode()).hexdigest())


def values_of(messages: Sequence[Message], tools: Sequence[Tool] = (), *, think: Think = None) -> Values:
    """The values of a conversation (template/template.go, Execute)."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    return Values(collated(messages), system, tools, think=think)


def collated(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role become one message, except tool results; calls of the later ones are lost.

    template/template.go, collate.
    """
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role != "tool":
            content = f"{found[-1].content}\n\n{message.content}"
            found[-1] = msgspec.structs.replace(found[-1], content=content)
        else:
            found.append(message)
    return found


def _smollm2(values: Values) -> str:
    told = ""
    for number, message in enumerate(values.messages):
        if number == 0 and message.role != "system":
            told += (
                "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
            )
        told += f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n"
    return f"{told}<|im_start|>assistant\n"


_TOOLS_BEFORE = """

# Tools

You may call one or more functions to assist with the user query.

The functions are described by JSON schemas within <tools></tools>:
<tools>"""
_TOOLS_AFTER = """
</tools>

To call a function, answer with a JSON object of its name and arguments within <tool_call></tool_call>:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>"""


def _qwen(values: Values) -> str:
    if values.suffix:
        return f"<|fim_prefix|>{values.prompt}<|fim_suffix|>{values.suffix}<|fim_middle|>"
    if not values.messages:
        return "<|im_start|>assistant\n"
    last = len(values.messages) - 1
    return _qwen_system(values) + "".join(
        _qwen_message(message, is_last=number == last) for number, message in enumerate(values.messages)
    )


def _qwen_system(values: Values) -> str:
    if not values.system and not values.tools:
        return ""
    told = f"\n{values.system}" if values.system else ""
    if values.tools:
        offers = (printed_function(tool.whole.get("function")) for tool in values.tools)
        listed = "".join(f'\n{{"type": "function", "function": {offer}}}' for offer in offers)
        told += f"{_TOOLS_BEFORE}{listed}{_TOOLS_AFTER}"
    return f"<|im_start|>system{told}<|im_end|>\n"


def _qwen_message(message: Message, *, is_last: bool) -> str:
    begin = "<|im_start|>assistant\n" if is_last else ""
    match message.role:
        case "user":
            return f"<|im_start|>user\n{message.content}<|im_end|>\n{begin}"
        case "assistant":
            end = "" if is_last else "<|im_end|>\n"
            return f"<|im_start|>assistant\n{message.content or _qwen_calls(message)}{end}"
        case "tool":
            return f"<|im_start|>user\n<tool_response>\n{message.content}\n</tool_response><|im_end|>\n{begin}"
        case _:
            return begin


def _qwen_calls(message: Message) -> str:
    if not message.tool_calls:
        return ""
    calls = (f'{{"name": "{call.name}", "arguments": {as_json(call.arguments)}}}\n' for call in message.tool_calls)
    return f"<tool_call>\n{''.join(calls)}</tool_call>"


def _thinking(values: Values) -> str:
    asked = "" if values.think is None else f"\n/think {values.level}" if values.think else "\n/no_think"
    said = f"\n{values.system}" if values.system else ""
    told = f"<|im_start|>system{said}{asked}<|im_end|>\n" if said or asked else ""
    last = len(values.messages) - 1
    return told + "".join(
        _thinking_message(message, values, is_last=number == last) for number, message in enumerate(values.messages)
    )


def _thinking_message(message: Message, values: Values, *, is_last: bool) -> str:
    begin = ("<|im_start|>assistant\n" + ("<think>\n" if values.think else "")) if is_last else ""
    match message.role:
        case "user":
            return f"<|im_start|>user\n{message.content}<|im_end|>\n{begin}"
        case "assistant":
            thought = f"<think>\n{message.thinking}\n</think>\n\n" if message.thinking else ""
            end = "" if is_last else "<|im_end|>\n"
            return f"<|im_start|>assistant\n{thought}{message.content}{end}"
        case _:
            return begin


# By the SHA-256 of the template's text.
_RENDERS: Mapping[str, Render] = {
    "46f7244cbc139069bf0c32689e2481e9e1253722ec7f93e3e8279df099f1ca1f": _smollm2,
    "dc2c82a35f02d48bcfdb76c510d45186e8f24a6c022b446bf011ce93aea661ec": _qwen,
    "7bfce94ec7371f6dfa7f1b7ce2a2878d56a8e579c59d0228fc167122f28ab86a": _thinking,
}
