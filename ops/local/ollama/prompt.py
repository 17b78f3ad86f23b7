"""Turns messages into the text that a model reads, and drops the oldest when they do not fit."""

from collections.abc import Sequence

import msgspec

from ops.local.ollama import go_templates, tools
from ops.local.ollama.gojson import Json, Object
from ops.local.ollama.llama import Llama
from ops.local.ollama.store import Model
from ops.local.ollama.wire import Message, Think, Tool


class Written(msgspec.Struct, frozen=True):
    """A prompt and the images (base64) of the messages that are in it."""

    text: str
    images: tuple[str, ...] = ()


class Writer:
    """Writes prompts of a model: with its Go template if that is a packaged one, else with that of its weights."""

    def __init__(self, llama: Llama, model: Model, num_ctx: int) -> None:
        self._llama = llama
        self._in_go = go_templates.find(model.template)
        self._knows_tools = tools.template_knows(model.chat_template)
        self._num_ctx = num_ctx

    async def write(
        self,
        messages: Sequence[Message],
        offered: Sequence[Tool] = (),
        *,
        truncate: bool,
        think: Think = None,
    ) -> Written:
        """The prompt of a conversation; the template decides whether a last assistant message is left open.

        With `truncate`, messages are dropped from the front until the rest fits the context; system messages and the
        last message always stay (server/prompt.go, chatPrompt). Raises Refused when the template declines.
        """
        last = len(messages) - 1
        for first in range(last + 1):
            system = [message for message in messages[:first] if message.role == "system"]
            kept = [*system, *messages[first:]]
            text = await self._render(kept, offered, think)
            if first == last or not truncate or await self._fits(text):
                return Written(text, tuple(image for message in messages[first:] for image in message.images))
        return Written("")

    async def _fits(self, text: str) -> bool:
        # No token is shorter than a byte, so a short text needs no count.
        if len(text.encode("utf-8", "replace")) <= self._num_ctx:
            return True
        return len(await self._llama.tokenize(text)) <= self._num_ctx

    async def _render(self, messages: Sequence[Message], offered: Sequence[Tool], think: Think) -> str:
        if self._in_go is not None:
            return self._in_go(go_templates.values_of(messages, offered, think=think))
        if not self._knows_tools:
            messages = tools.in_words(messages, offered)
        body: dict[str, Json] = {"messages": [_said(message) for message in messages]}
        if offered and self._knows_tools:
            body["tools"] = [tool.whole for tool in offered]
        return await self._llama.apply_template(body)


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
