"""`POST /api/chat` (server/routes.go, ChatHandler)."""

import secrets
import string
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ops.local.ollama import names, tools
from ops.local.ollama.completion import Completion, run
from ops.local.ollama.faults import bad_request, model_not_found
from ops.local.ollama.gojson import Json
from ops.local.ollama.llama import Piece
from ops.local.ollama.node import Node, conversation, thinking_of
from ops.local.ollama.options import SampleOptions
from ops.local.ollama.prompt import Writer
from ops.local.ollama.replies import Line, Stopwatch, done_reason, ending, head, logprobs, thought
from ops.local.ollama.runner import Runner
from ops.local.ollama.scheduler import Wanted
from ops.local.ollama.store import Model
from ops.local.ollama.thinking import Parser, begun
from ops.local.ollama.wire import ChatRequest, Think, ToolCall

_ID_LETTERS = string.ascii_lowercase + string.digits


async def lines(node: Node, asked: ChatRequest) -> AsyncGenerator[Line]:
    """The lines of the reply. Raises Refused, also between lines; closing it stops the generation."""
    watch, call = Stopwatch(), asked.call
    name = names.resolve(call.model, bad_request("model is required"))
    model = await node.model(name, model_not_found(call.model))
    if not asked.messages and call.keep_alive_ns == 0:
        node.scheduler.expire(model)
        yield Line({**_said(call.model, "", is_done=True), "done_reason": "unload"}, is_whole=True)
        return
    think = thinking_of(model, call)
    _check(asked, model)
    options = node.options(model, call.options)
    async with node.scheduler.lease(Wanted(model, options, call.keep_alive_ns, call.shift)) as runner:
        watch.loaded()
        if not asked.messages:
            yield Line({**_said(call.model, "", is_done=True), "done_reason": "load"}, is_whole=True)
            return
        completion = await _completion(runner, model, asked, options.sample, think)
        if call.render_only:
            rendered: dict[str, Json] = {"rendered_template": completion.prompt.text}
            yield Line({**_said(call.model, "", is_done=False), "_debug_info": rendered}, is_whole=True)
            return
        async with aclosing(run(runner, completion)) as pieces:
            reading = Reading(_reader(runner, completion), _parser(model, asked, completion, think))
            async with aclosing(_told(asked, reading, pieces, watch)) as found:
                async for line in found:
                    yield line


@dataclass(frozen=True, slots=True)
class Reading:
    """How what the model generates is read."""

    calls: tools.Reader | None
    thinking: Parser | None

    def feed(self, text: str) -> tuple[str, str]:
        """The thinking and the text that can be told now."""
        thinking, answer = self.thinking.feed(text) if self.thinking else ("", text)
        return thinking, self.calls.feed(answer) if self.calls else answer

    def finish(self) -> tools.Answer:
        """What is left at the end."""
        return self.calls.finish() if self.calls else tools.Answer()


def _parser(model: Model, asked: ChatRequest, completion: Completion, think: Think) -> Parser | None:
    if not think or model.tags is None or asked.call.response_format or completion.constraint:
        return None
    return begun(model.tags, completion.prompt.text)


def _reader(runner: Runner, completion: Completion) -> tools.Reader | None:
    is_known = tools.template_knows(runner.model.chat_template)
    return tools.Reader(is_known=is_known) if completion.constraint else None


def _check(asked: ChatRequest, model: Model) -> None:
    call = asked.call
    if "completion" not in model.capabilities:
        raise bad_request(f'"{call.model}" does not support chat')
    if asked.tools and "tools" not in model.capabilities:
        raise bad_request(f"{model.name.full} does not support tools")


async def _completion(
    runner: Runner, model: Model, asked: ChatRequest, sample: SampleOptions, think: Think
) -> Completion:
    call = asked.call
    messages = conversation(model, asked.messages)
    writer = Writer(runner.llama, model, runner.num_ctx)
    is_free = not asked.tools or bool(call.response_format)
    is_known = tools.template_knows(runner.model.chat_template)
    return Completion(
        prompt=await writer.write(messages, asked.tools, truncate=call.truncate, think=think),
        sample=sample,
        truncate=call.truncate,
        response_format=call.response_format,
        constraint=None if is_free else tools.constraint(asked.tools, is_known=is_known),
        logprobs=call.logprobs,
        top_logprobs=call.top_logprobs,
    )


async def _told(
    asked: ChatRequest, reading: Reading, pieces: AsyncGenerator[Piece], watch: Stopwatch
) -> AsyncGenerator[Line]:
    call = asked.call
    async for piece in pieces:
        thinking, text = reading.feed(piece.content)
        if thinking or text:
            found = logprobs(piece.completion_probabilities, top=call.top_logprobs > 0)
            yield Line({**_said(call.model, text, is_done=False, thinking=thinking), **found})
        if not piece.stop:
            continue
        answer = reading.finish()
        if answer.text:
            yield Line(_said(call.model, answer.text, is_done=False))
        if answer.calls:
            yield Line(_asking(call.model, answer.calls))
        yield Line(_last(call.model, piece, watch))


def _asking(model: str, calls: Sequence[ToolCall]) -> dict[str, Json]:
    asking: list[Json] = [_call(index, item) for index, item in enumerate(calls)]
    return {**head(model), "message": {"role": "assistant", "content": "", "tool_calls": asking}, "done": False}


def _call(index: int, call: ToolCall) -> Json:
    identity = "call_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(8))
    return {"id": identity, "function": {"index": index, "name": call.name, "arguments": call.arguments}}


def _said(model: str, content: str, *, is_done: bool, thinking: str = "") -> dict[str, Json]:
    message: dict[str, Json] = {"role": "assistant", "content": content, **thought(thinking)}
    return {**head(model), "message": message, "done": is_done}


def _last(model: str, piece: Piece, watch: Stopwatch) -> dict[str, Json]:
    return {**_said(model, "", is_done=True), "done_reason": done_reason(piece), **ending(piece, watch)}
