"""What `switchyard chat` shows around an answer, and what it knows besides questions."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from app.console import Console

THOUGHT = "| "
"""Begins each line of what a model thinks."""
CUT: Mapping[str, str] = {
    "length": "cut off: the model's tokens ran out before its answer was whole; ask it to go on",
    "other": "perhaps cut off: the model stopped for a reason that is not known",
}
"""What is said of an answer that is not whole, by its `finish_reason`."""


class Word(StrEnum):
    """What may be typed instead of a question."""

    HELP = "/help"
    NEW = "/new"
    SESSION = "/session"
    QUIT = "/quit"
    EXIT = "/exit"


WORDS: Mapping[Word, str] = {
    Word.HELP: "show this",
    Word.NEW: "begin a new session with the next question",
    Word.SESSION: "show the session; with an id, go on with that one",
    Word.QUIT: "end; so does Ctrl-D, and Ctrl-C where nothing is asked",
    Word.EXIT: "the same",
}
HELP = (
    *(f"{word.value:10}{meaning}" for word, meaning in WORDS.items()),
    "Ctrl-C while an answer comes stops it. // begins a question that begins with /.",
)


def is_word(line: str) -> bool:
    """Say whether a line is meant as a word for the chat: `/` and letters, not a path like `/etc/hosts`."""
    first = line.split()[0]
    return first.startswith("/") and first[1:].isalpha()


def describe_request(asked: Mapping[str, Any]) -> str:
    """Return one line: what an agent asks, and the answers that it takes."""
    options = f" ({' / '.join(asked['options'])})" if asked["options"] else ""
    return f"{asked['agent']} asks: {asked['text']}{options}"


def describe_session(session_id: str) -> str:
    """Return how a session is gone on with."""
    return f"session: {session_id}; `switchyard chat --session {session_id}` goes on with it"


class Thoughts:
    """Shows what a model thinks as it comes, apart from its answer."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text = ""

    def add(self, offset: int, text: str) -> None:
        """Show a piece that follows the first `offset` characters; what was shown after those counts no more."""
        kept = self._text[:offset]
        begins = kept == "" or len(kept) < len(self._text)
        if len(kept) < len(self._text):
            self._console.say("(it thinks again)")
        self._text = kept + text
        shown = self._text if begins else text
        self._console.write((THOUGHT if begins else "") + shown.replace("\n", f"\n{THOUGHT}"))


def describe_answer(answer: Mapping[str, Any]) -> list[str]:
    """Return the lines below an answer: whether it is whole, routes, totals, citations, what was missing."""
    took = answer["metadata"]
    cut = CUT.get(str(answer.get("finish_reason")))
    lines = ["", *([cut] if cut else []), *(describe_route(route) for route in took["routes"])]
    thought = sum(route.get("thinking_tokens", 0) for route in took["routes"])
    lines.append(
        f"total: {took['input_tokens']} tokens in, {took['output_tokens']} out"
        f"{f' ({thought} of them thinking)' if thought else ''}, first after "
        f"{_ms(took['first_token_ms'])}, all after {_ms(took['processing_time_ms'])}, "
        f"{took['gpu_seconds']:.3f} GPU-seconds, ${took['cost_usd']:.6f}"
    )
    lines.extend(describe_citations(answer["citations"]))
    lines.extend(describe_unsupported(answer["message"], answer.get("support", ())))
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


def describe_unsupported(message: str, support: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each sentence of an answer that the documents do not say."""
    return [
        f"not supported ({one['lack']}): {' '.join(message[one['start'] : one['end']].split())}"
        for one in support
        if one["supported"] == "no"
    ]


def _ms(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f} ms"
