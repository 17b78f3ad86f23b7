"""Whether an answer is the whole and right one: a short or wrong answer fails its row."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from ops.bench.client import Reply
from ops.bench.parts import TEXT

Check: TypeAlias = Callable[[Reply], str | None]
"""Says what is wrong with a reply, None if nothing is."""


class _Message(msgspec.Struct, frozen=True):
    content: str = ""


class _NodeLine(msgspec.Struct, frozen=True):
    message: _Message
    done: bool


class _Passed(msgspec.Struct, frozen=True):
    text: str = ""
    delta: str = ""


class _Answered(msgspec.Struct, frozen=True):
    message: str
    degraded: tuple[str, ...]
    citations: tuple[msgspec.Raw, ...]


class _Delta(msgspec.Struct, frozen=True):
    text: str


class _Choice(msgspec.Struct, frozen=True):
    message: _Message | None = None
    delta: _Message | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...] = ()


def node_lines(reply: Reply) -> str | None:
    """Check Ollama's JSON lines."""
    lines = [msgspec.json.decode(line, type=_NodeLine) for line in reply.body.splitlines()]
    if not lines or not lines[-1].done:
        return "the stream has no last line"
    return _text("".join(line.message.content for line in lines))


def passed(reply: Reply) -> str | None:
    """Check the pass-through's JSON."""
    return _text(msgspec.json.decode(reply.body, type=_Passed).text)


def passed_stream(reply: Reply) -> str | None:
    """Check the pass-through's events: the pieces and the last event's text must agree."""
    events = [msgspec.json.decode(piece, type=_Passed) for _, piece in events_of(reply.body)]
    if not events:
        return "the stream is empty"
    return _text("".join(event.delta for event in events)) or _text(events[-1].text)


def answered(reply: Reply) -> str | None:
    """Check the JSON of an agent's answer: nothing may be degraded, and it must cite."""
    return _answer(msgspec.json.decode(reply.body, type=_Answered))


def answered_stream(reply: Reply) -> str | None:
    """Check the events of an agent's answer."""
    pieces: list[str] = []
    last: _Answered | None = None
    for kind, body in events_of(reply.body):
        if kind == b"delta":
            pieces.append(msgspec.json.decode(body, type=_Delta).text)
        elif kind == b"done":
            last = msgspec.json.decode(body, type=_Answered)
        elif kind in {b"error", b"restart"}:
            return f"the stream has an event {kind.decode()}"
    if last is None:
        return "the stream has no last event"
    return _text("".join(pieces)) or _answer(last)


def completed(reply: Reply) -> str | None:
    """Check the OpenAI dialect's JSON."""
    choices = msgspec.json.decode(reply.body, type=_Completion).choices
    return _text("".join(choice.message.content for choice in choices if choice.message is not None))


def completed_stream(reply: Reply) -> str | None:
    """Check the OpenAI dialect's events."""
    bodies = [body for _, body in events_of(reply.body)]
    if not bodies or bodies[-1].strip() != b"[DONE]":
        return "the stream has no last event"
    chunks = [msgspec.json.decode(body, type=_Completion) for body in bodies[:-1]]
    deltas = (choice.delta for chunk in chunks for choice in chunk.choices)
    return _text("".join(delta.content for delta in deltas if delta is not None))


def events_of(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, body) of the server-sent events that carry something; the kind is empty where none is named."""
    for block in body.split(b"\n\n"):
        fields = dict(
            line.split(b": ", 1) for line in block.splitlines() if b": " in line and not line.startswith(b":")
        )
        if b"data" in fields:
            yield fields.get(b"event", b""), fields[b"data"]


def verdict(check: Check, reply: Reply) -> str | None:
    """Return what is wrong with a reply: its status, its form, or its words."""
    if reply.status != 200:
        return f"status {reply.status}: {reply.body[:200].decode(errors='replace')}"
    try:
        return check(reply)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"cannot be read: {error}"


def _text(text: str) -> str | None:
    return None if text == TEXT else f"the text is {text[:60]!r}"


def _answer(answer: _Answered) -> str | None:
    if answer.degraded:
        return f"degraded: {', '.join(answer.degraded)}"
    if not answer.citations:
        return "nothing is cited"
    return _text(answer.message)
