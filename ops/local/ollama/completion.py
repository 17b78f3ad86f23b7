"""Runs one completion on a loaded model: limits, output format, and when to stop."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from ops.local.ollama import formats
from ops.local.ollama.faults import Refused, RefusedLate, bad_request
from ops.local.ollama.gojson import Json, Object
from ops.local.ollama.llama import Piece
from ops.local.ollama.options import SampleOptions
from ops.local.ollama.prompt import Written
from ops.local.ollama.runner import Runner

_MOST_REPEATS = 30  # llm/llama_server.go, Completion: the same token more often ends the stream without a last line
_TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the prompt, "
    "adjust the context length in settings, or use a model with a longer context length"
)


class Completion(msgspec.Struct, frozen=True):
    """A prompt with how to answer it; `constraint` are fields of llama.cpp's completion request."""

    prompt: Written
    sample: SampleOptions
    truncate: bool
    response_format: Json = None
    constraint: Object | None = None
    logprobs: bool = False
    top_logprobs: int = 0


async def run(runner: Runner, wanted: Completion) -> AsyncGenerator[Piece]:
    """Pieces of the answer, the last with `stop` set; none has it when the model only repeats itself.

    Holds one of the model's slots until closed. Raises RefusedLate.
    """
    try:
        async with aclosing(_pieces(runner, wanted)) as pieces:
            async for piece in pieces:
                yield piece
    except Refused as refused:
        raise RefusedLate(refused.status, refused.text) from refused


async def _pieces(runner: Runner, wanted: Completion) -> AsyncGenerator[Piece]:
    async with runner.slots.one():
        body = {
            **_sampling(wanted.sample, runner.num_ctx),
            "prompt": await _fitted(runner, wanted),
            "cache_prompt": True,
            **(wanted.constraint or formats.constraint(wanted.response_format)),
            **({"n_probs": max(wanted.top_logprobs, 1)} if wanted.logprobs else {}),
        }
        last, repeats = "", 0
        async with aclosing(runner.llama.complete(body)) as pieces:
            async for piece in pieces:
                text = piece.content.strip()
                repeats = repeats + 1 if text == last else 0
                last = text
                if repeats > _MOST_REPEATS:
                    return
                yield piece


def _sampling(sample: SampleOptions, num_ctx: int) -> dict[str, Json]:
    return {
        "n_predict": sample.limit(num_ctx),
        "n_keep": sample.num_keep,
        "temperature": sample.temperature,
        "top_k": sample.top_k,
        "top_p": sample.top_p,
        "min_p": sample.min_p,
        "typical_p": sample.typical_p,
        "repeat_penalty": sample.repeat_penalty,
        "repeat_last_n": sample.repeat_last_n,
        "frequency_penalty": sample.frequency_penalty,
        "presence_penalty": sample.presence_penalty,
        "seed": sample.seed,
        "stop": list(sample.stop),
    }


async def _fitted(runner: Runner, wanted: Completion) -> Json:
    """The prompt, with its middle cut out when it is too long and the caller allows that.

    What stays is `num_keep` tokens of the start and about half a context of the end
    (llm/llama_server.go, completionPromptForRequest and contextShiftPromptLimit).
    """
    text, num_ctx = wanted.prompt.text, runner.num_ctx
    if wanted.prompt.images:
        return {"prompt_string": text, "multimodal_data": list(wanted.prompt.images)}
    if not wanted.truncate or num_ctx <= 1 or len(text.encode("utf-8", "replace")) < num_ctx:
        return text
    tokens = await runner.llama.tokenize(text, add_special=True)
    most = num_ctx - 1
    if len(tokens) <= most:
        return text
    if not runner.launch.is_shifting:
        raise bad_request(_TOO_LONG)
    kept = wanted.sample.num_keep if wanted.sample.num_keep >= 0 else len(tokens)
    kept = min(kept + (1 if runner.model.header.values.get("tokenizer.ggml.add_bos_token") is True else 0), most)
    limit = num_ctx - max((num_ctx - kept) // 2, 1)
    return [*tokens[:kept], *tokens[kept + len(tokens) - limit :]]
