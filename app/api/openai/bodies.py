"""The JSON that clients of OpenAI's interface send: every field of openai-openapi's request schemas, wanted or not."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

CHOICES = 8
"""So many answers may be asked for at once."""

Unread: TypeAlias = Any
"""Whatever it is: only whether it is there matters."""
Temperature: TypeAlias = Annotated[float, Meta(ge=0, le=2)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Penalty: TypeAlias = Annotated[float, Meta(ge=-2, le=2)]
Tokens: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=CHOICES)]
Seed: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Stops: TypeAlias = str | Annotated[tuple[str, ...], Meta(max_length=16)]


def _nothing() -> msgspec.Raw:
    return msgspec.Raw(b"null")


class ImageUrl(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a picture is; `detail` changes nothing here."""

    url: str
    detail: str | None = None


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """A part of a message that is text."""

    text: str


class RefusalPart(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    """What an assistant said instead of an answer."""

    refusal: str


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    """A part of a message that is a picture."""

    image_url: ImageUrl | str


class AudioPart(msgspec.Struct, frozen=True, tag_field="type", tag="input_audio"):
    """A part of a message that is sound."""

    input_audio: Unread = None


class FilePart(msgspec.Struct, frozen=True, tag_field="type", tag="file"):
    """A part of a message that is a file."""

    file: Unread = None


Part: TypeAlias = TextPart | RefusalPart | ImagePart | AudioPart | FilePart


class CalledFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The function of a tool call; `arguments` is JSON in a string."""

    name: str
    arguments: str = ""


class CalledTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tool call of an assistant's message."""

    function: CalledFunction
    id: str | None = None
    type: Literal["function"] | None = None
    index: int | None = None


class MessageIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | tuple[Part, ...] | None = None
    name: str | None = None
    tool_calls: tuple[CalledTool, ...] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    function_call: Unread = None
    audio: Unread = None
    annotations: Unread = None


class Function(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A function that a model may ask for; `parameters` is a JSON schema."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    description: str | None = None
    parameters: msgspec.Raw = msgspec.field(default_factory=_nothing)
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool that a model may ask for."""

    type: Literal["function"]
    function: Function


class Named(msgspec.Struct, frozen=True):
    """The name of a function."""

    name: str


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tool that must be called."""

    type: Literal["function"]
    function: Named


class JsonSchema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an answer must look like; the name and the description change nothing here."""

    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = msgspec.field(default_factory=_nothing)
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The form of an answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a stream tells besides."""

    include_usage: bool | None = None
    include_obfuscation: Unread = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How hard a model thinks, as OpenRouter and Ollama take it."""

    effort: str | None = None


class Sampled(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the bodies of chats and completions have together."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    min_p: Share | None = None
    repeat_penalty: Annotated[float, Meta(ge=0, le=10)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: Stops | None = None
    n: Count | None = None
    user: Unread = None
    logit_bias: Unread = None


class ChatBody(Sampled, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /v1/chat/completions."""

    messages: Annotated[tuple[MessageIn, ...], Meta(min_length=1)]
    max_completion_tokens: Tokens | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: Literal["none", "auto", "required"] | Chosen | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    reasoning: Reasoning | None = None
    order: Annotated[str | None, Meta(description="`flex` waits behind others.")] = msgspec.field(
        default=None, name="service_tier"
    )
    logprobs: Unread = None
    top_logprobs: Unread = None
    modalities: tuple[str, ...] | None = None
    audio: Unread = None
    prediction: Unread = None
    functions: Unread = None
    function_call: Unread = None
    web_search_options: Unread = None
    verbosity: str | None = None
    metadata: Unread = None
    store: Unread = None
    prompt_cache_key: Unread = None
    prompt_cache_options: Unread = None
    prompt_cache_retention: Unread = None
    moderation: Unread = None
    safety_identifier: Unread = None


class CompletionBody(Sampled, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /v1/completions."""

    prompt: str | Annotated[tuple[str | int | tuple[int, ...], ...], Meta(min_length=1)]
    echo: bool | None = None
    best_of: int | None = None
    logprobs: Unread = None
    suffix: str | None = None


class EmbeddingsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of /v1/embeddings."""

    model: str
    input: str | Annotated[tuple[str | int | tuple[int, ...], ...], Meta(min_length=1, max_length=2048)]
    dimensions: Annotated[int, Meta(ge=1, le=65_536)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: Unread = None
