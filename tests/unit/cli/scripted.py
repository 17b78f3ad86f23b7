"""A stack that answers by a script, and a person who types by one."""

import io
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeAlias

from app.chat_command import ChatCommand
from app.console import Console
from app.conversation import Stack, StackRefused, StreamEvent
from app.inference.words.thinking import Think

WAITS_LIMIT = 50
Told: TypeAlias = StreamEvent | BaseException

ANSWER: dict[str, Any] = {
    "session_id": "s-1",
    "message": "ok",
    "metadata": {
        "input_tokens": 10,
        "output_tokens": 2,
        "first_token_ms": None,
        "processing_time_ms": 1500,
        "gpu_seconds": 0.5,
        "cost_usd": 0.00005,
        "routes": [
            {
                "kind": "embed",
                "tier": None,
                "model": "all-minilm:22m",
                "node": "b",
                "reason": None,
                "cost_usd": 0.000001,
            }
        ],
    },
    "citations": [{"document": "a.md", "heading": "", "quote": "one\n  two"}],
    "degraded": ["retrieval"],
}
QUEUED = StreamEvent("r:1:0", "queued", {"run_id": "r", "session_id": "s-1"})


class ScriptedStack(Stack):
    """Tells the given events each time it is asked; an exception among them is raised."""

    def __init__(self, *events: Told, then: tuple[Told, ...] | None = None) -> None:
        """With `then`, the events are for the first time only, and those follow."""
        super().__init__("http://127.0.0.1:1", "k")
        self._events_to_tell = events
        self._then = events if then is None else then
        self.asked: list[Mapping[str, object]] = []
        self.keys: list[str | None] = []
        self.cancelled: list[str] = []
        self.answers: list[tuple[str, str, str]] = []

    def ask(self, body: Mapping[str, object], key: str | None = None) -> Generator[StreamEvent]:
        """Tell them."""
        self.asked.append(body)
        self.keys.append(key)
        events, self._events_to_tell = self._events_to_tell, self._then
        for event in events:
            if isinstance(event, BaseException):
                raise event
            yield event

    def resume(self, run_id: str, interrupt_id: str, answer: str) -> None:
        """Note it, and refuse what is no option."""
        if answer == "perhaps":
            raise StackRefused({"code": "bad_input", "detail": "the answer must be one of the options"})
        self.answers.append((run_id, interrupt_id, answer))

    def cancel(self, run_id: str) -> None:
        """Note it."""
        self.cancelled.append(run_id)


class Conversation:
    """A chat command with a script for its stack; what it wrote and how long it waited."""

    def __init__(
        self,
        stack: Stack,
        *lines: str,
        as_json: bool = False,
        think: Think | None = None,
        encoding: str = "utf-8",
        wait: Callable[[float], None] | None = None,
    ) -> None:
        """`wait` stands in for the waits, which else are noted."""
        self._bytes = io.BytesIO()
        self._out = io.TextIOWrapper(self._bytes, encoding=encoding, newline="\n")
        self._notes = io.StringIO()
        self.waits: list[float] = []
        self.command = ChatCommand(
            stack,
            Console(self._out),
            Console(self._notes),
            options={"team": "assistant", "temperature": None, "think": think},
            as_json=as_json,
            read=reader(*lines),
            wait=wait or self._note_wait,
        )

    def _note_wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        assert len(self.waits) < WAITS_LIMIT, "it waits without end"

    @property
    def out(self) -> str:
        """What went to standard output."""
        self._out.flush()
        return self._bytes.getvalue().decode(self._out.encoding)

    @property
    def notes(self) -> str:
        """What went to standard error."""
        return self._notes.getvalue()


def thought(offset: int, text: str) -> StreamEvent:
    """Return a piece of what the model thinks."""
    return StreamEvent("r:1:0", "thinking", {"offset": offset, "text": text})


def delta(text: str) -> StreamEvent:
    """Return a piece of text."""
    return StreamEvent("r:1:1", "delta", {"text": text})


def done() -> StreamEvent:
    """Return the end of an answer."""
    return StreamEvent("r:1:2", "done", ANSWER)


def reader(*lines: str) -> Callable[[], str]:
    """Return a person who types `lines` and then Ctrl-D."""
    waiting = list(lines)

    def read() -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    return read


def converse(stack: Stack, *lines: str) -> tuple[int, str, str]:
    """Type lines; return status, output and notes."""
    conversation = Conversation(stack, *lines)
    return conversation.command.talk(), conversation.out, conversation.notes
