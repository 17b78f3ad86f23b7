"""Thinking, taken out of the text in which it came."""

from dataclasses import dataclass

from app.inference.words.ends import is_blank

_TAGS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"))
_CLOSING = _TAGS[0][1]
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a piece of text holds for the reader, and what of it is thinking.

    With `takes_back` all that was shown before turned out to be thinking.
    """

    shown: str = ""
    thinking: str = ""
    takes_back: bool = False


class Separator:
    """Takes `<think>…</think>` off the beginning of an answer that comes in pieces (as ollama, thinking/parser.go).

    Only what stands before the first word counts: whoever writes about the tag later, or in code, keeps it. White space
    waits until the first word is there. A tag that is never closed leaves thinking alone. Of a model that `thinks`, a
    closing tag alone at the beginning of a line ends thinking too: its template wrote the opening one into the prompt.
    """

    def __init__(self, *, thinks: bool = False) -> None:
        self._thinks = thinks
        self._held = ""
        self._closing: str | None = None
        self._has_thought = False
        self._is_answering = False
        self._answer = ""

    @property
    def is_settled(self) -> bool:
        """Whether all that may still come is answer."""
        return self._is_answering and (self._has_thought or not self._thinks)

    def feed(self, text: str) -> Parts:
        """Return what is certain of the text so far."""
        self._held += text
        thinking = ""
        while self._held and not self._is_answering:
            if self._closing is not None:
                said, is_closed = self._think(self._closing)
                thinking += said
                if not is_closed:
                    break
            elif not self._look():
                break
        return self._pass(thinking) if self._is_answering else Parts(thinking=thinking)

    def end(self) -> Parts:
        """Return what was held back until the text ended."""
        held, self._held = self._held, ""
        if self._closing is not None:
            return Parts(thinking=held)
        return Parts() if is_blank(held) and not self._is_answering else Parts(held)

    def _look(self) -> bool:
        """Look for the opening tag; return whether there is more to read."""
        start = self._held.lstrip()
        for opening, closing in _TAGS:
            if start.startswith(opening):
                self._closing, self._held, self._has_thought = closing, start[len(opening) :], True
                return True
        if is_blank(start) or any(opening.startswith(start) for opening, _ in _TAGS):
            return False
        self._is_answering = True
        if self._has_thought:
            self._held = start
        return True

    def _think(self, closing: str) -> tuple[str, bool]:
        """Return the thinking that is certain, and whether the closing tag came."""
        said, tag, rest = self._held.partition(closing)
        if tag:
            self._closing, self._held = None, rest
            return said, True
        kept = _overlap(said, closing)
        self._held = said[len(said) - kept :]
        return said[: len(said) - kept], False

    def _pass(self, thinking: str) -> Parts:
        """Show what is held; of a model that thinks, look for a closing tag that nobody opened."""
        text, self._held = self._held, ""
        if self.is_settled:
            return Parts(text, thinking)
        at = text.find(_CLOSING)
        if at >= 0 and self._ends_thinking(self._answer + text[:at]):
            self._has_thought, self._is_answering, self._held = True, False, text[at + len(_CLOSING) :]
            after = self.feed("")
            return Parts(after.shown, self._answer + text[:at] + after.thinking, takes_back=True)
        kept = _overlap(text, _CLOSING)
        self._held = text[len(text) - kept :]
        text = text[: len(text) - kept]
        self._answer += text
        return Parts(text, thinking)

    def _ends_thinking(self, before: str) -> bool:
        line = before.rpartition("\n")[2]
        return is_blank(line) and before.count(_FENCE) % 2 == 0 and _TAGS[0][0] not in before


def _overlap(text: str, tag: str) -> int:
    """Return how many of the last characters may be the beginning of the tag."""
    longest = min(len(text), len(tag) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(tag[:size])), 0)
