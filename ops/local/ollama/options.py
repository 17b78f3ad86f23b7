"""Ollama's model options: defaults, the caller's changes, and the part that needs a reload."""

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

import msgspec

from ops.local.ollama.faults import Refused
from ops.local.ollama.gojson import Json, Object

DEFAULT_NUM_CTX = 4096  # what Ollama chooses below 23 GiB of GPU memory (server/routes.go, Serve)
_EMBEDDING_BATCH = 2048  # llm/llama_server.go, DefaultEmbeddingNumBatch
_OPEN_ENDED_CONTEXTS = 10  # llm/llama_server.go, openEndedGenerationContextMultiplier


class LoadOptions(msgspec.Struct, frozen=True):
    """Options that are fixed while a model is loaded; another value means a reload."""

    num_ctx: int
    num_batch: int = 512
    num_gpu: int = -1
    main_gpu: int | None = None
    use_mmap: bool | None = None
    num_thread: int = 0
    draft_num_predict: int = 0


class SampleOptions(msgspec.Struct, frozen=True):
    """Options of one call (api/types.go, DefaultOptions)."""

    num_keep: int = 4
    seed: int = -1
    num_predict: int = -1
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_last_n: int = 64
    temperature: float = 0.8
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()

    def limit(self, num_ctx: int) -> int:
        """Tokens to generate at most; open-ended calls stop after ten contexts (boundedNumPredict)."""
        most = _OPEN_ENDED_CONTEXTS * num_ctx
        return most if self.num_predict < 0 or self.num_predict > most else self.num_predict


class Options(msgspec.Struct, frozen=True):
    """All options of a call, and whether `num_ctx` and `num_batch` were left to Ollama."""

    load: LoadOptions
    sample: SampleOptions
    is_num_ctx_automatic: bool
    is_num_batch_automatic: bool


class _Kind(StrEnum):
    INTEGER = "integer"
    FLOAT = "float32"
    BOOLEAN = "boolean"
    STRINGS = "array"


_LOAD = {
    "num_ctx": _Kind.INTEGER,
    "num_batch": _Kind.INTEGER,
    "num_gpu": _Kind.INTEGER,
    "main_gpu": _Kind.INTEGER,
    "use_mmap": _Kind.BOOLEAN,
    "num_thread": _Kind.INTEGER,
    "draft_num_predict": _Kind.INTEGER,
}
_SAMPLE = {
    "num_keep": _Kind.INTEGER,
    "seed": _Kind.INTEGER,
    "num_predict": _Kind.INTEGER,
    "top_k": _Kind.INTEGER,
    "top_p": _Kind.FLOAT,
    "min_p": _Kind.FLOAT,
    "typical_p": _Kind.FLOAT,
    "repeat_last_n": _Kind.INTEGER,
    "temperature": _Kind.FLOAT,
    "repeat_penalty": _Kind.FLOAT,
    "presence_penalty": _Kind.FLOAT,
    "frequency_penalty": _Kind.FLOAT,
    "stop": _Kind.STRINGS,
}


def choose(layers: Sequence[Object], *, context_length: int | None, is_embedding: bool) -> Options:
    """The options of a call: defaults, then each layer over the one before (the model's, then the caller's).

    Unknown names are ignored. Raises Refused(500) for a value of another type, with Ollama's status and words
    (api/types.go, Options.FromMap; server/routes.go, handleScheduleError).
    """
    load: dict[str, object] = {"num_ctx": context_length or DEFAULT_NUM_CTX}
    sample: dict[str, object] = {}
    named: set[str] = set()
    for layer in layers:
        named |= layer.keys()
        for name, value in layer.items():
            if name in _LOAD and value is not None:
                load[name] = _read(name, value, _LOAD[name])
            elif name in _SAMPLE and value is not None:
                sample[name] = _read(name, value, _SAMPLE[name])
    if is_embedding and "num_batch" not in named:
        num_ctx = load["num_ctx"]
        load["num_batch"] = min(_EMBEDDING_BATCH, num_ctx) if isinstance(num_ctx, int) and num_ctx > 0 else 2048
    chosen = msgspec.convert(load, LoadOptions)
    return Options(
        load=msgspec.structs.replace(chosen, num_ctx=max(chosen.num_ctx, 4)),
        sample=msgspec.convert(sample, SampleOptions),
        is_num_ctx_automatic="num_ctx" not in named and context_length is None,
        is_num_batch_automatic="num_batch" not in named and not is_embedding,
    )


def _read(name: str, value: Json, kind: _Kind) -> object:
    match kind:
        case _Kind.INTEGER:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return _whole(value)
        case _Kind.FLOAT:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
        case _Kind.BOOLEAN:
            if isinstance(value, bool):
                return value
        case _Kind.STRINGS:
            return _strings(name, value)
        case _:
            assert_never(kind)
    raise Refused(500, f'option "{name}" must be of type {kind.value}')


def _whole(value: float) -> int:
    """A number cut to what a 32-bit llama.cpp parameter can hold."""
    return max(min(int(value), 2**31 - 1), -(2**31))


def _strings(name: str, value: Json) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Refused(500, f'option "{name}" must be of type array')
    if not all(isinstance(item, str) for item in value):
        raise Refused(500, f'option "{name}" must be of an array of strings')
    return tuple(item for item in value if isinstance(item, str))
