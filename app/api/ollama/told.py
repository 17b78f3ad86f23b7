"""The JSON that Ollama's interface answers with: lines of a stream, whole replies, vectors (ollama, api/types.go)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from app.api.direct.dialects import Dialect, tell
from app.api.direct.talk import Ask, Piece, Place, Told
from app.api.problems import Problem
from app.inference.words.ends import FinishReason
from app.inference.words.messages import ToolCall
from app.inference.words.records import Usage

_encode = msgspec.json.Encoder().encode
NS_PER_US = 1000
LINES = "application/x-ndjson"
JSON = "application/json; charset=utf-8"


class NothingSaid(StrEnum):
    """How a request without a prompt ends (ollama, server/routes.go, GenerateHandler)."""

    LOAD = "load"
    """The model can be had."""
    UNLOAD = "unload"
    """As far as the client is concerned it is gone."""


class ToldMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The message of a line."""

    role: str
    content: str
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """Where a call stands: 1 is the next, in about so many seconds."""

    position: int
    eta_s: float


class Ending(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the last line says beside its text; durations in nanoseconds, and what is 0 is left out, as Go does.

    `degraded` and `queue` are ours: what the answer had to do without, and where the call stands that waits for a slot.
    """

    done: bool
    done_reason: str = ""
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0
    degraded: tuple[str, ...] = ()
    queue: Standing | None = None


class _ChatHead(msgspec.Struct, frozen=True):
    model: str
    created_at: str
    message: ToldMessage


class _GenerateHead(msgspec.Struct, frozen=True, omit_defaults=True):
    model: str
    created_at: str
    response: str
    thinking: str = ""


class EmbedReply(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The reply of /api/embed."""

    model: str
    embeddings: Sequence[Sequence[float]]
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0


class EmbeddingsReply(msgspec.Struct, frozen=True):
    """The reply of /api/embeddings."""

    embedding: Sequence[float]


MORE = Ending(done=False)
"""It goes on."""


class OllamaTeller:
    """Writes what a model says in lines of /api/chat, or of /api/generate; `model` is the name that was asked for."""

    def __init__(self, ask: Ask, *, as_chat: bool, now: Callable[[], datetime]) -> None:
        self._model = ask.model
        self._thinks = ask.think
        self._as_chat = as_chat
        self._now = now
        self.media_type = LINES if ask.stream else JSON
        self.alive = self._line(MORE, "", "", ())

    def begin(self) -> bytes:
        """Return what comes first: nothing."""
        return b""

    def piece(self, piece: Piece) -> bytes:
        """Return a line that goes on."""
        text, thinking = ("", piece.text) if piece.is_thinking else (piece.text, "")
        return self._line(MORE, text, thinking, ())

    def place(self, place: Place) -> bytes:
        """Return a line that goes on, with a field of ours: Ollama's clients pass over those that they do not know."""
        return self._line(Ending(done=False, queue=Standing(place.position, place.eta_s)), "", "", ())

    def end(self, told: Sequence[Told]) -> bytes:
        """Return the last line of a stream, all of whose text was told, after one with the tool calls."""
        (one,) = told
        calls = self._line(MORE, "", "", one.tool_calls) if one.tool_calls else b""
        return calls + self._line(ending_of(one), "", "", ())

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """Return the line that ends a stream which broke (ollama, server/routes.go, streamResponse)."""
        return _encode(tell(Dialect.OLLAMA, problem, request_id)) + b"\n"

    def whole(self, told: Sequence[Told]) -> bytes:
        """Return the reply of a client that wants no stream."""
        (one,) = told
        thinking = "" if self._thinks is False else one.thinking
        return self._line(ending_of(one), one.text, thinking, one.tool_calls)

    def nothing(self, word: NothingSaid) -> bytes:
        """Return the reply to a request without a prompt."""
        return self._line(Ending(done=True, done_reason=word.value), "", "", ())

    def _line(self, ending: Ending, text: str, thinking: str, tool_calls: tuple[ToolCall, ...]) -> bytes:
        at = instant(self._now())
        if self._as_chat:
            message = ToldMessage(role="assistant", content=text, thinking=thinking, tool_calls=tool_calls)
            head = _encode(_ChatHead(self._model, at, message))
        else:
            head = _encode(_GenerateHead(self._model, at, text, thinking))
        # One object: Ollama's fields come in this order.
        return head[:-1] + b"," + _encode(ending)[1:] + b"\n"


def ending_of(told: Told) -> Ending:
    """Return what the last line says of an answer."""
    return Ending(
        done=True,
        done_reason=_reason(told.finish_reason),
        total_duration=told.total_us * NS_PER_US,
        load_duration=told.load_us * NS_PER_US,
        prompt_eval_count=told.input_tokens,
        prompt_eval_duration=told.prefill_us * NS_PER_US,
        eval_count=told.output_tokens,
        eval_duration=told.decode_us * NS_PER_US,
        degraded=tuple(each.value for each in told.degraded),
    )


def embed_reply(model: str, vectors: Sequence[Sequence[float]], usage: Usage | None) -> bytes:
    """Return the reply of /api/embed; without a `usage` no node was asked."""
    reply = EmbedReply(model=model, embeddings=vectors)
    if usage is not None:
        reply = msgspec.structs.replace(
            reply,
            total_duration=_total_ns(usage),
            load_duration=usage.load_us * NS_PER_US,
            prompt_eval_count=usage.input_tokens,
        )
    return _encode(reply)


def embeddings_reply(vectors: Sequence[Sequence[float]]) -> bytes:
    """Return the reply of /api/embeddings, which knows one vector, or none."""
    return _encode(EmbeddingsReply(vectors[0] if vectors else ()))


def shortened(vector: Sequence[float], dimensions: int) -> Sequence[float]:
    """Return the first so many numbers as a unit vector again (ollama, server/routes.go, EmbedHandler)."""
    if not 0 < dimensions < len(vector):
        return vector
    kept = vector[:dimensions]
    length = max(sum(value * value for value in kept) ** 0.5, 1e-12)
    return [value / length for value in kept]


def instant(at: datetime) -> str:
    """Return a time as Go writes it."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _total_ns(usage: Usage) -> int:
    return (
        round((usage.ended_at - usage.started_at).total_seconds() * 1_000_000) * NS_PER_US + usage.wait_us * NS_PER_US
    )


def _reason(reason: FinishReason) -> str:
    """Return Ollama's word: it says `stop` of tool calls too (ollama, openai/openai.go makes its own of them)."""
    return FinishReason.STOP.value if reason is FinishReason.TOOL_CALLS else reason.value
