"""What calls bring, in the words of OpenAI's interface: chats."""

from collections.abc import Mapping, Sequence
from typing import assert_never
from uuid import uuid4

import msgspec

from app.api.direct.dialects import Dialect, tell
from app.api.direct.talk import Piece, Place, Told
from app.api.openai.shapes import (
    ChatReply,
    Choice,
    Chunk,
    ChunkChoice,
    DeltaOut,
    FunctionOut,
    MessageOut,
    Switchyard,
    TextChoice,
    TokenDetails,
    ToolCallOut,
    ToolCallPart,
    UsageIf,
    UsageOut,
)
from app.api.openai.tools import Offered, read_call
from app.api.problems import Problem
from app.inference.words.ends import FinishReason
from app.inference.words.messages import ToolCall
from app.text import json_line

EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"
ALIVE = b": alive\n\n"
DONE = b"data: [DONE]\n\n"

encode = msgspec.json.Encoder().encode


class Frames:
    """Makes the chunks of one stream, which have one id; with its usage told if that was asked for."""

    def __init__(self, kind: str, prefix: str, model: str, now_s: int, *, with_usage: bool) -> None:
        self.id = f"{prefix}-{uuid4().hex}"
        self._kind = kind
        self._model = model
        self._now_s = now_s
        self._with_usage = with_usage

    def event(self, choice: ChunkChoice | TextChoice) -> bytes:
        """Return a chunk with a part of an answer."""
        return event(self._frame((choice,), None if self._with_usage else msgspec.UNSET))

    def end(self, told: Sequence[Told]) -> bytes:
        """Return the end: before it, if it was asked for, the chunk without an answer that has the usage."""
        if not self._with_usage:
            return DONE
        last = msgspec.structs.replace(self._frame((), usage_of(told)), switchyard=tuple(map(switchyard_of, told)))
        return event(last) + DONE

    def _frame(self, choices: tuple[ChunkChoice | TextChoice, ...], usage: UsageIf) -> Chunk:
        return Chunk(
            id=self.id, object=self._kind, created=self._now_s, model=self._model, choices=choices, usage=usage
        )


class ChatTeller:
    """Writes chats: one object, or chunks."""

    alive = ALIVE

    def __init__(
        self, model: str, now_s: int, *, count: int, stream: bool, offered: Offered, with_usage: bool = False
    ) -> None:
        self.media_type = EVENTS if stream else JSON
        self._frames = Frames("chat.completion.chunk", "chatcmpl", model, now_s, with_usage=with_usage)
        self._model = model
        self._now_s = now_s
        self._count = count
        self._offered = offered

    def begin(self) -> bytes:
        """Return a chunk with the role of each answer."""
        return b"".join(self._chunk(number, DeltaOut(role="assistant", content="")) for number in range(self._count))

    def piece(self, piece: Piece) -> bytes:
        """Return a chunk; nothing of an answer that is a call, which comes whole."""
        if piece.is_thinking:
            return self._chunk(piece.number, DeltaOut(reasoning_content=piece.text))
        return b"" if self._offered.schema is not None else self._chunk(piece.number, DeltaOut(content=piece.text))

    def place(self, place: Place) -> bytes:
        """Return a comment of the stream: whoever reads events passes over it."""
        return place_of(place)

    def end(self, told: Sequence[Told]) -> bytes:
        """Return the tool calls, why each answer ended, and the usage if that was asked for."""
        parts: list[bytes] = []
        for number, one in enumerate(told):
            calls = calls_of(one, self._offered)
            if calls:
                parts.append(self._chunk(number, DeltaOut(tool_calls=_parts(calls))))
            parts.append(self._chunk(number, DeltaOut(), finish_reason=reason_of(one, calls)))
        return b"".join([*parts, self._frames.end(told)])

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """Return the error as OpenAI's clients look for it in a stream."""
        return failed(problem, request_id)

    def whole(self, told: Sequence[Told]) -> bytes:
        """Return the whole reply."""
        return encode(
            ChatReply(
                id=self._frames.id,
                object="chat.completion",
                created=self._now_s,
                model=self._model,
                choices=tuple(self._choice(number, one) for number, one in enumerate(told)),
                usage=usage_of(told),
                switchyard=tuple(map(switchyard_of, told)),
            )
        )

    def _choice(self, number: int, told: Told) -> Choice:
        calls = calls_of(told, self._offered)
        text = "" if self._offered.schema is not None else told.text
        message = MessageOut(
            role="assistant",
            content=None if calls and not text else text,
            refusal=None,
            reasoning_content=told.thinking,
            tool_calls=calls,
        )
        return Choice(index=number, message=message, finish_reason=reason_of(told, calls))

    def _chunk(self, number: int, delta: DeltaOut, *, finish_reason: str | None = None) -> bytes:
        return self._frames.event(ChunkChoice(index=number, delta=delta, finish_reason=finish_reason))


def calls_of(told: Told, offered: Offered) -> tuple[ToolCallOut, ...]:
    """Return the tool calls of an answer: those that the node found, or the one that the answer is."""
    calls = told.tool_calls
    if offered.schema is not None and not calls:
        only = read_call(told.text)
        calls = () if only is None else (only,)
    return tuple(map(_call, calls[:1] if offered.is_single else calls))


def reason_of(told: Told, calls: Sequence[ToolCallOut]) -> str:
    """Return OpenAI's word for why an answer ended."""
    match told.finish_reason:
        case FinishReason.LENGTH:
            return "length"
        case FinishReason.STOP | FinishReason.TOOL_CALLS | FinishReason.OTHER:
            return "tool_calls" if calls else "stop"
        case _:
            assert_never(told.finish_reason)


def usage_of(told: Sequence[Told]) -> UsageOut:
    """Return what the calls took together."""
    read, said = sum(one.input_tokens for one in told), sum(one.output_tokens for one in told)
    return UsageOut(
        prompt_tokens=read,
        completion_tokens=said,
        total_tokens=read + said,
        completion_tokens_details=TokenDetails(sum(one.thinking_tokens for one in told)),
    )


def failed(problem: Problem, request_id: str) -> bytes:
    """Return the end of a stream that broke, as OpenAI's clients look for it."""
    return event(tell(Dialect.OPENAI, problem, request_id)) + DONE


def place_of(place: Place) -> bytes:
    """Return a comment that says where a call stands (HTML standard, 9.2.6: a line that begins with a colon)."""
    return b": queued %b\n\n" % encode({"position": place.position, "eta_s": place.eta_s, "index": place.number})


def _call(call: ToolCall) -> ToolCallOut:
    arguments = bytes(call.function.arguments).decode("utf-8", "replace")
    return ToolCallOut(id=call.id or f"call_{uuid4().hex[:24]}", function=FunctionOut(call.function.name, arguments))


def _parts(calls: Sequence[ToolCallOut]) -> tuple[ToolCallPart, ...]:
    return tuple(ToolCallPart(index=index, id=call.id, function=call.function) for index, call in enumerate(calls))


def switchyard_of(told: Told) -> Switchyard:
    """Return where an answer came from."""
    headers: Mapping[str, str] = told.headers
    return Switchyard(
        route_id=headers.get("x-route-id", ""),
        tier=headers.get("x-route-tier", ""),
        model=told.model,
        node=headers.get("x-route-node", ""),
        reason=headers.get("x-route-reason", ""),
        cost_usd=told.cost_usd_micro / 1_000_000,
        degraded=tuple(each.value for each in told.degraded),
    )


def event(value: object) -> bytes:
    """Return a server-sent event: one line, whatever its reader takes for the end of one."""
    return b"data: %b\n\n" % json_line(encode(value))
