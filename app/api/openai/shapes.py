"""The JSON that clients of OpenAI's interface get (openai-openapi: CreateChatCompletionResponse, and its stream)."""

from typing import TypeAlias

import msgspec


class FunctionOut(msgspec.Struct, frozen=True):
    """The function of a tool call; `arguments` is JSON in a string."""

    name: str
    arguments: str


class ToolCallOut(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call."""

    id: str
    function: FunctionOut
    type: str = "function"


class ToolCallPart(ToolCallOut, frozen=True, kw_only=True):
    """A tool call in a stream: it comes whole."""

    index: int


class TokenDetails(msgspec.Struct, frozen=True):
    """At least so many of the answer's tokens were thinking."""

    reasoning_tokens: int


class UsageOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls took, all together."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    completion_tokens_details: TokenDetails


UsageIf: TypeAlias = UsageOut | msgspec.UnsetType | None
"""In a stream: not there, or null until the last chunk."""


class Switchyard(msgspec.Struct, frozen=True, kw_only=True):
    """Not OpenAI's: where each answer came from, what it cost, and what it had to do without."""

    route_id: str
    tier: str
    model: str
    node: str
    reason: str
    cost_usd: float
    degraded: tuple[str, ...]


class MessageOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said; `content` is null beside tool calls alone."""

    role: str
    content: str | None
    refusal: None
    reasoning_content: str = ""
    tool_calls: tuple[ToolCallOut, ...] = ()


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    index: int
    message: MessageOut
    logprobs: None = None
    finish_reason: str


class TextChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of /v1/completions, or a part of it."""

    text: str
    index: int
    logprobs: None = None
    finish_reason: str | None


class ChatReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply of /v1/chat/completions."""

    id: str
    object: str
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: UsageOut
    switchyard: tuple[Switchyard, ...]


class CompletionReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply of /v1/completions."""

    id: str
    object: str
    created: int
    model: str
    choices: tuple[TextChoice, ...]
    usage: UsageOut
    switchyard: tuple[Switchyard, ...]


class DeltaOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chunk adds to an answer."""

    role: str = ""
    content: str | None = None
    reasoning_content: str = ""
    tool_calls: tuple[ToolCallPart, ...] = ()


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a chunk."""

    index: int
    delta: DeltaOut
    logprobs: None = None
    finish_reason: str | None = None


class EmbeddingOut(msgspec.Struct, frozen=True, kw_only=True):
    """One vector: numbers, or their bytes in base64."""

    object: str
    index: int
    embedding: tuple[float, ...] | str


class EmbeddingsUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What the vectors took."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply of /v1/embeddings."""

    object: str
    data: tuple[EmbeddingOut, ...]
    model: str
    usage: EmbeddingsUsage


class ModelOut(msgspec.Struct, frozen=True, kw_only=True):
    """A name that may be given as `model`. `created` is 0: nobody knows."""

    id: str
    object: str
    created: int
    owned_by: str


class ModelsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The reply of /v1/models."""

    object: str
    data: tuple[ModelOut, ...]


class Chunk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A chunk of a stream. `usage` is null until the last one, and only there if it was asked for."""

    id: str
    object: str
    created: int
    model: str
    choices: tuple[ChunkChoice | TextChoice, ...]
    usage: UsageIf = msgspec.UNSET
    switchyard: tuple[Switchyard, ...] = ()
