"""Turns messages into the text that a model reads, and drops the oldest when they do not fit."""

from collections.abc import Sequence

import msgspec

from ops.local.ollama import tools
from ops.local.ollama.gojson import Json, Object
from ops.local.ollama.llama import Llama
from ops.local.ollama.wire import Message, Tool


class Written(msgspec.Struct, frozen=True):
    """A prompt and the images (base64) of the messages that are in it."""

    text: str
    images: tuple[str, ...] = ()


class Writer:
    """Writes prompts for one loaded model with the chat template of its weights."""

    def __init__(self, llama: Llama, chat_template: str, num_ctx: int) -> None:
        self._llama = llama
        self._knows_tools = tools.template_knows(chat_template)
        self._num_ctx = num_ctx

    async def write(self, messages: Sequence[Message], offered: Sequence[Tool] = (), *, truncate: bool) -> Written:
        """The prompt of a conversation; a last assistant message is left open, so that the model goes on with it.

        With `truncate`, messages are dropped from the front until the rest fits the context; system messages and the
        last message always stay (server/prompt.go, chatPrompt). Raises Refused when the template declines.
        """
        last = len(messages) - 1
        for first in range(last + 1):
            system = [message for message in messages[:first] if message.role == "system"]
            kept = [*system, *messages[first:]]
            text = await self._render(kept, offered)
            if first == last or not truncate or await self._fits(text):
                return Written(text, tuple(image for message in messages[first:] for image in message.images))
        return Written("")

    async def _fits(self, text: str) -> bool:
        # No token is shorter than a byte, so a short text needs no count.
        if len(text.encode("utf-8", "replace")) <= self._num_ctx:
            return True
        return len(await self._llama.tokenize(text)) <= self._num_ctx

    async def _render(self, messages: Sequence[Message], offered: Sequence[Tool]) -> str:
        if not self._knows_tools:
            messages = tools.in_words(messages, offered)
        body: dict[str, Json] = {"messages": [_said(message) for message in merged(messages)]}
        if offered and self._knows_tools:
            body["tools"] = [tool.whole for tool in offered]
        return await self._llama.apply_template(body)


def merged(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of the same role become one message, except tool results (template/template.go, collate)."""
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role != "tool":
            before = found[-1]
            found[-1] = msgspec.structs.replace(
                before,
                content=f"{before.content}\n\n{message.content}",
                tool_calls=before.tool_calls + message.tool_calls,
            )
        else:
            found.append(message)
    return found


def _said(message: Message) -> Object:
    said: dict[str, Json] = {"role": message.role, "content": message.content}
    if message.tool_name:
        said["name"] = message.tool_name
    if message.tool_call_id:
        said["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        said["tool_calls"] = [
            {
                "type": "function",
                "id": call.id,
                "function": {"name": call.name, "arguments": msgspec.json.encode(call.arguments).decode()},
            }
            for call in message.tool_calls
        ]
    return said
