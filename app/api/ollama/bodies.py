"""The JSON that clients of Ollama's interface send: every field that is known, wanted or not."""

from typing import Any, TypeAlias

import msgspec

Whole: TypeAlias = int | float
"""Ollama cuts a fraction off (api/types.go, Options.FromMap)."""


def _nothing() -> msgspec.Raw:
    return msgspec.Raw(b"null")


def _no_arguments() -> msgspec.Raw:
    return msgspec.Raw(b"{}")


class OptionsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `options` of a body."""

    temperature: float | None = None
    seed: Whole | None = None
    num_predict: Whole | None = None
    stop: tuple[str, ...] | str | None = None
    top_k: Whole | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repeat_last_n: Whole | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    num_ctx: Any = None
    num_keep: Any = None
    num_batch: Any = None
    num_gpu: Any = None
    main_gpu: Any = None
    use_mmap: Any = None
    num_thread: Any = None
    draft_num_predict: Any = None
    numa: Any = None
    low_vram: Any = None
    f16_kv: Any = None
    logits_all: Any = None
    vocab_only: Any = None
    use_mlock: Any = None
    embedding_only: Any = None
    tfs_z: Any = None
    mirostat: Any = None
    mirostat_tau: Any = None
    mirostat_eta: Any = None
    penalize_newline: Any = None


class FunctionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The function of a tool call."""

    name: str
    arguments: msgspec.Raw = msgspec.field(default_factory=_no_arguments)
    index: int = 0


class ToolCallIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call of a message."""

    function: FunctionIn
    id: str | None = None
    type: Any = None


class MessageIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message of a chat."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: tuple[str, ...] | None = None
    tool_calls: tuple[ToolCallIn, ...] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class ChatBody(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"debug": "_debug_render_only"}
):
    """The body of /api/chat."""

    model: str
    messages: tuple[MessageIn, ...] | None = None
    tools: tuple[msgspec.Raw, ...] | None = None
    stream: bool | None = None
    format: msgspec.Raw = msgspec.field(default_factory=_nothing)
    options: OptionsIn | None = None
    think: bool | str | None = None
    truncate: bool | None = None
    keep_alive: Any = None
    shift: Any = None
    logprobs: Any = None
    top_logprobs: Any = None
    debug: Any = None


class GenerateBody(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"debug": "_debug_render_only"}
):
    """The body of /api/generate."""

    model: str
    prompt: str | None = None
    system: str | None = None
    images: tuple[str, ...] | None = None
    stream: bool | None = None
    format: msgspec.Raw = msgspec.field(default_factory=_nothing)
    options: OptionsIn | None = None
    think: bool | str | None = None
    truncate: Any = None
    keep_alive: Any = None
    shift: Any = None
    raw: Any = None
    template: Any = None
    suffix: Any = None
    context: Any = None
    logprobs: Any = None
    top_logprobs: Any = None
    width: Any = None
    height: Any = None
    steps: Any = None
    debug: Any = None


class EmbedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /api/embed."""

    model: str
    input: str | tuple[str, ...] | None = None
    dimensions: int | None = None
    truncate: Any = None
    options: Any = None
    keep_alive: Any = None


class EmbeddingsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /api/embeddings, which knows one text."""

    model: str
    prompt: str | None = None
    options: Any = None
    keep_alive: Any = None


class ShowBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /api/show."""

    model: str | None = None
    name: str | None = None
    verbose: Any = None
    system: Any = None
    template: Any = None
    options: Any = None
