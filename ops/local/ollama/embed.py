"""`POST /api/embed` (server/routes.go, EmbedHandler)."""

import math
from collections.abc import Sequence

from ops.local.ollama import names
from ops.local.ollama.faults import Refused, bad_request, model_not_found
from ops.local.ollama.gojson import Json, encode
from ops.local.ollama.llama import message_of
from ops.local.ollama.node import Node
from ops.local.ollama.replies import Stopwatch
from ops.local.ollama.runner import Runner
from ops.local.ollama.scheduler import Wanted
from ops.local.ollama.wire import EmbedRequest

_TOO_LONG = "the input length exceeds the context length"
_LIMIT_WORDS = ("too large", "context size", "context length", "physical batch size", "exceeds the available context")
_TEXTS_AT_ONCE = 64


async def reply(node: Node, asked: EmbedRequest) -> bytes:
    """The JSON body of the reply. Raises Refused."""
    watch = Stopwatch()
    name = names.resolve(asked.model, model_not_found(asked.model))
    texts = _texts(asked.input)
    model = await node.model(name, Refused(404, f'model "{asked.model}" not found, try pulling it first'))
    options = node.options(model, asked.options)
    async with node.scheduler.lease(Wanted(model, options, asked.keep_alive_ns)) as runner:
        watch.loaded()
        if not texts:
            return encode({"model": asked.model, "embeddings": []})
        fitted = [await _fitted(runner, text, truncate=asked.truncate) for text in texts]
        vectors, tokens = await _vectors(runner, fitted)
    rows = ",".join(_row(vector, asked.dimensions) for vector in vectors)
    counts = {"total_duration": watch.total_ns, "load_duration": watch.load_ns, "prompt_eval_count": tokens}
    ending = encode({key: value for key, value in counts.items() if value})[1:]
    return b'{"model":' + encode(asked.model) + b',"embeddings":[' + rows.encode() + b"]," + ending


def _texts(given: Json) -> list[str]:
    if given is None or given == "":
        return []
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return [item for item in given if isinstance(item, str)]
    raise bad_request("invalid input type")


async def _vectors(runner: Runner, texts: Sequence[str]) -> tuple[list[list[float]], int]:
    vectors: list[list[float]] = []
    total = 0
    async with runner.slots.one():
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            try:
                found, tokens = await runner.llama.embed(texts[first : first + _TEXTS_AT_ONCE])
            except Refused as refused:
                raise _translated(refused) from refused
            vectors += found
            total += tokens
    return vectors, total


def _translated(refused: Refused) -> Refused:
    """llama.cpp's words for a text that does not fit become Ollama's (normalizeEmbeddingError)."""
    words = message_of(refused)
    if any(word in words.lower() for word in _LIMIT_WORDS):
        return bad_request(_TOO_LONG)
    return Refused(refused.status, words)


async def _fitted(runner: Runner, text: str, *, truncate: bool) -> str:
    """The text cut to the model's context; Refused(400) instead when the caller forbids that."""
    values = runner.model.header.values
    trained = runner.model.header.number("context_length")
    limit = min(runner.num_ctx, trained) if trained else runner.num_ctx
    # Two tokens may be added, and none is shorter than a byte.
    if len(text.encode("utf-8", "replace")) <= limit - 2:
        return text
    tokens = await runner.llama.tokenize(text)
    for edge, token in (("bos", tokens[:1]), ("eos", tokens[-1:])):
        is_added = values.get(f"tokenizer.ggml.add_{edge}_token") is not False
        if token and is_added and token[0] != values.get(f"tokenizer.ggml.{edge}_token_id"):
            limit -= 1
    if limit <= 0:
        raise bad_request("input after truncation exceeds maximum context length")
    if len(tokens) <= limit:
        return text
    if not truncate:
        raise bad_request(_TOO_LONG)
    return await runner.llama.detokenize(tokens[:limit])


def _row(vector: Sequence[float], dimensions: int) -> str:
    unit = _normalised(vector)
    if 0 < dimensions < len(unit):
        unit = _normalised(unit[:dimensions])
    # Nine digits give a 32-bit float back exactly.
    return "[" + ",".join(f"{value:.9g}" for value in unit) + "]"


def _normalised(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector))
    if not math.isfinite(length):
        raise bad_request("embedding contains NaN or Inf values")
    scale = 1.0 / max(length, 1e-12)
    return [value * scale for value in vector]
