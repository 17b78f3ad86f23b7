"""The JSON that clients of Ollama's interface send: every field that is known, wanted or not."""

from typing import TypeAlias

import msgspec

Whole: TypeAlias = int | float
"""Ollama cuts a fraction off (api/types.go, Options.FromMap)."""


NOTHING = msgspec.Raw(b"null")


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
    num_ctx: object = None
    num_keep: object = None
    num_batch: object = None
    num_gpu: object = None
    main_gpu: object = None
    use_mmap: object = None
    num_thread: object = None
    draft_num_predict: object = None
    numa: object = None
    low_vram: object = None
    f16_kv: object = None
    logits_all: object = None
    vocab_only: object = None
    use_mlock: object = None
    embedding_only: object = None
    tfs_z: object = None
    mirostat: object = None
    mirostat_tau: object = None
    mirostat_eta: object = None
    penalize_newline: object = None


class FunctionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The function of a tool call."""

    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")
    index: int = 0


class ToolCallIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call of a message."""

    function: FunctionIn
    id: str | None = None
    type: object = None


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
    format: msgspec.Raw = NOTHING
    options: OptionsIn | None = None
    think: bool | str | None = None
    truncate: bool | None = None
    keep_alive: object = None
    shift: object = None
    logprobs: object = None
    top_logprobs: object = None
    debug: object = None


class GenerateBody(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"debug": "_debug_render_only"}
):
    """The body of /api/generate."""

    model: str
    prompt: str | None = None
    system: str | None = None
    images: tuple[str, ...] | None = None
    stream: bool | None = None
    format: msgspec.Raw = NOTHING
    options: OptionsIn | None = None
    think: bool | str | None = None
    truncate: object = None
    keep_alive: object = None
    shift: object = None
    raw: object = None
    template: object = None
    suffix: object = None
    context: object = None
    logprobs: object = None
    top_logprobs: object = None
    width: object = None
    height: object = None
    steps: object = None
    debug: object = None


class EmbedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /api/embed."""

    model: str
    input: str | tuple[str, ...] | None = None
    dimensions: int | None = None
    truncate: object = None
    options: object = None
    keep_alive: object = None


class EmbeddingsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /api/embeddings, which knows one text."""

    model: str
    prompt: str | None = None
    options: object = None
    keep_alive: object = None


class ShowBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /api/show."""

    model: str | None = None
    name: str | None = None
    verbose: object = None
    system: object = None
    template: object = None
    options: object = None
