"""`switchyard chat`: shows an answer as it comes, then where it came from and what it cost."""

import readline
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.console import Console
from app.conversation import Stack, StackAway, StackRefused, StreamEvent

INTERRUPTED = 130
HISTORY_LINES = 1000


class ChatCommand:
    """One conversation: the session goes on from question to question."""

    def __init__(
        self,
        stack: Stack,
        console: Console,
        notes: Console,
        *,
        options: Mapping[str, object],
        session_id: str | None = None,
        as_json: bool = False,
        read: Callable[[str], str] = input,
    ) -> None:
        self._stack = stack
        self._console = console
        self._notes = notes
        self._options = {name: value for name, value in options.items() if value is not None}
        self._session_id = session_id
        self._as_json = as_json
        self._read = read
        self._run_id = ""
        self._text = ""

    def talk(self) -> int:
        """Read questions until the end of input; return 0."""
        readline.set_history_length(HISTORY_LINES)
        self._console.say("Ask away. /new begins a new session, /quit or Ctrl-D ends.")
        while True:
            try:
                question = self._read("> ").strip()
            except (EOFError, KeyboardInterrupt):
                self._console.say("")
                return 0
            if question in {"/quit", "/exit"}:
                return 0
            if question == "/new":
                self._session_id = None
                self._console.say("a new session begins with the next question")
            elif question:
                self.ask(question)

    def ask(self, question: str) -> int:
        """Ask once; return 0 with an answer, 1 without, 130 when interrupted."""
        body: dict[str, object] = {"message": question, **self._options}
        if self._session_id is not None:
            body["session_id"] = self._session_id
        self._run_id, self._text = "", ""
        try:
            return self._follow(body)
        except KeyboardInterrupt:
            return self._stop()
        except (StackRefused, StackAway) as error:
            self._console.end_line()
            self._notes.say(f"switchyard: {error}")
            return 1

    def _follow(self, body: Mapping[str, object]) -> int:
        for event in self._stack.ask(body):
            if event.kind in {"done", "error"}:
                return self._finish(event)
            self._show(event)
        return 1

    def _show(self, event: StreamEvent) -> None:
        match event.kind:
            case "queued":
                self._run_id = str(event.body["run_id"])
                self._session_id = str(event.body["session_id"])
            case "loading":
                self._notes.say(f"({event.body['node']} loads {event.body['model']})")
            case "waiting_for_node":
                self._notes.say(f"(waiting for a node: {event.body['reason']})")
            case "delta":
                self._text += str(event.body["text"])
                self._write(str(event.body["text"]))
            case "restart":
                self._text = self._text[: int(event.body["offset"])]
                self._notes.say("(the answer begins again)")
                self._write(self._text)
            case _:
                pass

    def _write(self, text: str) -> None:
        if not self._as_json:
            self._console.write(text)

    def _finish(self, event: StreamEvent) -> int:
        self._console.end_line()
        if event.kind == "error":
            self._notes.say(f"switchyard: {event.body.get('code')}: {event.body.get('detail')}")
            return 1
        self._session_id = str(event.body["session_id"])
        if self._as_json:
            self._console.show_json(event.body)
            return 0
        for line in describe_answer(event.body):
            self._console.say(line)
        return 0

    def _stop(self) -> int:
        self._console.end_line()
        if self._run_id:
            try:
                self._stack.cancel(self._run_id)
                self._notes.say("(stopped)")
            except (StackRefused, StackAway) as error:
                self._notes.say(f"switchyard: {error}")
        return INTERRUPTED


def describe_answer(answer: Mapping[str, Any]) -> list[str]:
    """Return the lines below an answer: routes, totals, citations, what was missing."""
    took = answer["metadata"]
    lines = ["", *(describe_route(route) for route in took["routes"])]
    lines.append(
        f"total: {took['input_tokens']} tokens in, {took['output_tokens']} out, first after "
        f"{_ms(took['first_token_ms'])}, all after {_ms(took['processing_time_ms'])}, "
        f"{took['gpu_seconds']:.3f} GPU-seconds, ${took['cost_usd']:.6f}"
    )
    lines.extend(describe_citations(answer["citations"]))
    if answer["degraded"]:
        lines.append(f"without: {', '.join(answer['degraded'])}")
    return lines


def describe_route(route: Mapping[str, Any]) -> str:
    """Return one line: what was called, where, why, and for how much."""
    why = f" ({route['reason']})" if route["reason"] else ""
    tier = f" {route['tier']}" if route["tier"] else ""
    return f"route: {route['kind']}{tier} -> {route['model']} on {route['node']}{why}, ${route['cost_usd']:.6f}"


def describe_citations(citations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line a citation: its document, heading and quote."""
    lines: list[str] = []
    for number, citation in enumerate(citations, 1):
        heading = f" § {citation['heading']}" if citation["heading"] else ""
        quote = " ".join(str(citation["quote"]).split())
        lines.append(f'[{number}] {citation["document"]}{heading}: "{quote}"')
    return lines


def _ms(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f} ms"
