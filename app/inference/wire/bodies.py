"""Ollama's bodies and lines: what is sent, what is read, and text made safe to store."""

import json
import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from app.inference.fleet.keep_alive import KeepAlive
from app.inference.words.failures import Failure
from app.inference.words.messages import Message, ToolCall
from app.inference.words.records import ChatCall
from app.inference.words.sampling import Sampling
from app.inference.words.thinking import Think

# A line holds one token; Ollama's own limit is 512 kB.
LINE_LIMIT_BYTES = 1_048_576
# A body without stream: vectors of an embedding of many texts.
BODY_LIMIT_BYTES = 64_000_000

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Ollama has no error codes: these are its words (server/routes.go, llm/llama_server.go at v0.33).
_CONTEXT_WORDS = re.compile(r"context (length|size)|exceeds? the available context|too (long|large)", re.IGNORECASE)
# The same said with a 5xx or in a line of a stream, where other words are about the node: `errorInputTooLong` and
# `Failed to create new sequence: …` (runner/ollamarunner/runner.go at v0.24), llama.cpp's (tools/server/server.cpp).
_INPUT_LENGTH_WORDS = re.compile(
    r"(input|prompt)( \([^)]*\))?( length)?( is)? (exceeds?|longer than|too (large|long))|"
    r"exceeds? the (available )?context|longer than the context",
    re.IGNORECASE,
)
# What is wrong with an input, whatever the status: a schema or format (llm/llama_server.go and llm/server.go,
# `Completion`; llama.cpp, tools/server and common/json-schema-to-grammar.cpp), options (api/types.go, `FromMap`), and
# pictures (server/routes.go, `GenerateHandler`; server/prompt.go; llm/llama_server.go; llama.cpp, tools/mtmd).
_INPUT_WORDS = re.compile(
    r"invalid (format|json schema|image|grammar)|(parse|parsing|initialize|create).{0,20} (grammar|sampler)|"
    r"json[ _]schema|option \"[^\"]*\" must be|failed to process inputs|no input provided|"
    r"only supports one image|(decode|load|process|decoding|loading|processing|encode|unsupported)[ \w]{0,20} image|"
    r"image input is not supported|illegal base64",
    re.IGNORECASE,
)
# EmbedHandler answers 400 whatever broke between it and its runner (server/routes.go); these are the words of
# llm/llama_server.go's `Embedding`, of Go's transport below it, and of `normalize`, for what is no fault of the input.
_RUNNER_WORDS = re.compile(
    r"(do|creating|reading|marshaling|unmarshal) embed|unexpected server status|\bEOF\b|connection re|"
    r"context (canceled|deadline)|NaN or Inf",
    re.IGNORECASE,
)
_THINKING_WORDS = "does not support thinking"
# What Ollama, or a proxy that limits bodies, says of the request itself.
_OF_THE_REQUEST = frozenset({400, 413, 422})


class Options(Sampling, frozen=True, omit_defaults=True, kw_only=True):
    """The only options that are ever sent."""

    num_ctx: int
    num_predict: int | None = None
    temperature: float | None = None
    seed: int | None = None


class ChatBody(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`POST /api/chat`. `truncate` and `shift` are false: a prompt that does not fit is refused, never cut.

    `think` is always said: without it a model that can think does, and one that cannot takes `false`
    (ollama, server/routes.go, ChatHandler).
    """

    model: str
    messages: tuple[Message, ...]
    options: Options
    think: Think
    keep_alive: KeepAlive = None
    format: msgspec.Raw | None = None
    tools: tuple[msgspec.Raw, ...] = ()
    stream: Literal[True] | None = None
    truncate: bool | None = None
    shift: bool | None = None


class EmbedBody(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`POST /api/embed`."""

    model: str
    input: tuple[str, ...]
    options: Options
    keep_alive: KeepAlive = None
    truncate: bool | None = None


class LineMessage(msgspec.Struct, frozen=True):
    """The message of a line; `thinking` is what a node has separated from the content itself."""

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class ChatLine(msgspec.Struct, frozen=True):
    """One line of a streamed chat; counts and durations (nanoseconds) are in the last one."""

    message: LineMessage | None = None
    done: bool = False
    done_reason: str | None = None
    error: str | None = None
    prompt_eval_count: int = 0
    eval_count: int = 0
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_duration: int = 0
    eval_duration: int = 0


class EmbedReply(msgspec.Struct, frozen=True):
    """The reply of `/api/embed`; durations in nanoseconds."""

    embeddings: tuple[tuple[float, ...], ...] = ()
    prompt_eval_count: int = 0
    total_duration: int = 0
    load_duration: int = 0


class ErrorReply(msgspec.Struct, frozen=True):
    """The body of a reply that is not 200."""

    error: str = ""


_line_decoder = msgspec.json.Decoder(ChatLine)


def chat_body(
    call: ChatCall,
    *,
    model: str,
    keep_alive: KeepAlive,
    num_ctx: int,
    prefix: str,
    max_tokens: int,
    think: Think = False,
) -> bytes:
    """Return the body of a chat; a `prefix` goes last, as the assistant's own message, to be continued."""
    messages = call.messages
    if prefix:
        messages = (*messages, Message("assistant", prefix))
    return msgspec.json.encode(
        ChatBody(
            model=model,
            messages=tuple(map(_storable, messages)),
            options=_options(call, num_ctx, max_tokens),
            think=think,
            keep_alive=keep_alive,
            format=call.response_schema,
            tools=call.tools,
            stream=True,
            truncate=False,
            shift=False,
        )
    )


def embed_body(texts: tuple[str, ...], *, model: str, keep_alive: KeepAlive, num_ctx: int) -> bytes:
    """Return the body of an embedding."""
    texts = tuple(sanitise(text) for text in texts)
    return msgspec.json.encode(
        EmbedBody(model=model, input=texts, options=Options(num_ctx=num_ctx), keep_alive=keep_alive, truncate=False)
    )


def _storable(message: Message) -> Message:
    content = sanitise(message.content)
    if message.is_plain:
        return message if content is message.content else Message(message.role, content)
    thinking, name = sanitise(message.thinking), sanitise(message.tool_name)
    return msgspec.structs.replace(message, content=content, thinking=thinking, tool_name=name)


def _options(call: ChatCall, num_ctx: int, max_tokens: int) -> Options:
    own = {} if call.sampling is None else msgspec.structs.asdict(call.sampling)
    return Options(num_ctx=num_ctx, num_predict=max_tokens, temperature=call.temperature, seed=call.seed, **own)


def sanitise(text: str) -> str:
    """Return the text without NUL and lone surrogates: PostgreSQL and UTF-8 take neither."""
    return text if _UNSTORABLE.search(text) is None else _UNSTORABLE.sub("", text)


class LineTooLong(Exception):
    """A line exceeds LINE_LIMIT_BYTES."""


class Lines:
    """Cuts a stream of bytes into lines of bounded length."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that `piece` ends. Raises LineTooLong."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        # A line may end in CRLF: one of that alone is empty too.
        yield from (line for line in lines if line.strip())
        if len(self._rest) > LINE_LIMIT_BYTES:
            raise LineTooLong

    def close(self) -> bytes:
        """Return what came after the last line end."""
        rest, self._rest = self._rest, b""
        return rest.strip()


def read_line(line: bytes) -> ChatLine:
    """Decode one line; invalid UTF-8 and lone surrogates are dropped. Raises ValueError if it is not the protocol."""
    try:
        return _line_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Rare: the tolerant way costs ten times as much.
        loose = json.dumps(json.loads(line.decode("utf-8", "ignore")), ensure_ascii=False)
        return _line_decoder.decode(sanitise(loose))


def read_error(body: bytes) -> str:
    """Return Ollama's words for what is wrong, at most 300 characters of one line; nothing of what is not Ollama's."""
    try:
        error = msgspec.json.decode(body, type=ErrorReply).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return " ".join(sanitise(error).split())[:300]


def failure_of(status: int, error: str) -> Failure:
    """Return what a status other than 200 means, with the words that came with it."""
    if status in {429, 503}:
        return Failure.BUSY
    if status == 404:
        return Failure.MODEL_MISSING
    if status >= 500 or (status == 400 and _RUNNER_WORDS.search(error)):
        return _of_the_input(error) or Failure.SERVER_ERROR
    if status not in _OF_THE_REQUEST:
        return Failure.REJECTED
    if _THINKING_WORDS in error:
        return Failure.CANNOT_THINK
    return Failure.CONTEXT if status == 400 and _CONTEXT_WORDS.search(error) else Failure.BAD_REQUEST


def failure_of_line(error: str) -> Failure:
    """Return what an error line in a stream means."""
    return _of_the_input(error) or Failure.ERROR_LINE


def _of_the_input(error: str) -> Failure | None:
    """Return what the words blame the input for, None if they are about the node."""
    if _INPUT_LENGTH_WORDS.search(error):
        return Failure.CONTEXT
    return Failure.BAD_REQUEST if _INPUT_WORDS.search(error) else None
