"""`POST /api/generate` (server/routes.go, GenerateHandler)."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from ops.local.ollama import go_templates, names
from ops.local.ollama.completion import Completion, run
from ops.local.ollama.faults import bad_request, model_not_found
from ops.local.ollama.go_templates import Values
from ops.local.ollama.gojson import Json
from ops.local.ollama.llama import Piece
from ops.local.ollama.node import Node, conversation, thinking_of
from ops.local.ollama.prompt import Writer, Written
from ops.local.ollama.replies import Line, Stopwatch, done_reason, ending, head, logprobs, thought
from ops.local.ollama.runner import Runner
from ops.local.ollama.scheduler import Wanted
from ops.local.ollama.store import Model
from ops.local.ollama.thinking import Parser, begun
from ops.local.ollama.wire import GenerateRequest, Message, Think

_VARIABLE = re.compile(r"{{-?\s*\.(Prompt|Suffix)\s*-?}}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The prompt, and what tells thinking apart from what the model says after it."""

    prompt: str
    parser: Parser | None


async def lines(node: Node, asked: GenerateRequest) -> AsyncGenerator[Line]:
    """The lines of the reply. Raises Refused, also between lines; closing it stops the generation."""
    watch, call = Stopwatch(), asked.call
    missing = model_not_found(call.model)
    model = await node.model(names.resolve(call.model, missing), missing)
    if not asked.prompt and call.keep_alive_ns == 0:
        node.scheduler.expire(model)
        yield Line({**_said(call.model, "", is_done=True), "done_reason": "unload"}, is_whole=True)
        return
    if asked.raw and (asked.template or asked.system or asked.context):
        raise bad_request("raw mode does not support template, system, or context")
    think = thinking_of(model, call)
    _check(asked, model)
    options = node.options(model, call.options)
    async with node.scheduler.lease(Wanted(model, options, call.keep_alive_ns, call.shift)) as runner:
        watch.loaded()
        if not asked.prompt:
            yield Line({**_said(call.model, "", is_done=True), "done_reason": "load"}, is_whole=True)
            return
        prompt = await _prompt(runner, model, asked, think)
        if call.render_only:
            rendered: dict[str, Json] = {"rendered_template": prompt.text}
            yield Line({**_said(call.model, "", is_done=False), "_debug_info": rendered}, is_whole=True)
            return
        completion = Completion(
            prompt=prompt,
            sample=options.sample,
            truncate=call.truncate,
            response_format=call.response_format,
            logprobs=call.logprobs,
            top_logprobs=call.top_logprobs,
        )
        async with aclosing(run(runner, completion)) as pieces:
            is_free = think and not call.response_format
            parser = begun(model.tags, prompt.text) if is_free and model.tags else None
            async with aclosing(_told(runner, asked, Reading(prompt.text, parser), pieces, watch)) as found:
                async for line in found:
                    yield line


def _check(asked: GenerateRequest, model: Model) -> None:
    call = asked.call
    if "completion" not in model.capabilities:
        raise bad_request(f'"{call.model}" does not support generate')
    if asked.suffix and "insert" not in model.capabilities:
        raise bad_request(f"{model.name.full} does not support insert")
    if asked.template:
        raise bad_request("this server cannot run Go templates: leave out template, or use raw")


async def _prompt(runner: Runner, model: Model, asked: GenerateRequest, think: Think) -> Written:
    if asked.raw:
        return Written(asked.prompt, asked.images)
    if asked.suffix:
        render = go_templates.find(model.template)
        if render is not None:
            return Written(render(Values(prompt=asked.prompt, suffix=asked.suffix)))
        return Written(_infilled(model.infill, {"Prompt": asked.prompt, "Suffix": asked.suffix}))
    messages = (Message("user", asked.prompt, images=asked.images),)
    if asked.system:
        messages = (Message("system", asked.system), *messages)
    writer = Writer(runner.llama, model, runner.num_ctx)
    written = await writer.write(conversation(model, messages), truncate=asked.call.truncate, think=think)
    before = await runner.llama.detokenize(asked.context) if asked.context else ""
    return Written(before + written.text, written.images)


def _infilled(template: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values[found[1]], template)


async def _told(
    runner: Runner, asked: GenerateRequest, reading: Reading, pieces: AsyncGenerator[Piece], watch: Stopwatch
) -> AsyncGenerator[Line]:
    call, told = asked.call, ""
    async for piece in pieces:
        told += piece.content
        thinking, text = reading.parser.feed(piece.content) if reading.parser else ("", piece.content)
        if piece.stop:
            # What a next request may send back as `context`.
            context: dict[str, Json] = {}
            if not asked.raw:
                context = {"context": list(await runner.llama.tokenize(reading.prompt + told))}
            last = {**_said(call.model, text, is_done=True, thinking=thinking), "done_reason": done_reason(piece)}
            yield Line({**last, **context, **ending(piece, watch)})
        elif piece.content:
            found = logprobs(piece.completion_probabilities, top=call.top_logprobs > 0)
            yield Line({**_said(call.model, text, is_done=False, thinking=thinking), **found})


def _said(model: str, response: str, *, is_done: bool, thinking: str = "") -> dict[str, Json]:
    return {**head(model), "response": response, **thought(thinking), "done": is_done}
