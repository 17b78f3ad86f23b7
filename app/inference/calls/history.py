"""Which turns of a session go into a prompt: the newest that fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.inference.calls.calibration import Size, size_of
from app.inference.words.records import Message

NOTHING = Size()


@dataclass(frozen=True, slots=True)
class Fitted:
    """The messages that fit, and how many turns were left out."""

    messages: tuple[Message, ...]
    size: Size
    left_out: int


class Draft:
    """A call's messages, measured once: those that always go, and the turns that go while there is room."""

    def __init__(self, messages: Sequence[Message], history: int, beside: Size = NOTHING) -> None:
        """The `history` messages before the last are earlier turns; `beside` always goes too, such as tools.

        What belongs to the last question always goes with it: what was asked of tools since, and their results.
        """
        end = max(0, len(messages) - 1)
        start = max(0, end - history)
        while end > start and messages[end].role != "user":
            end -= 1
        self._head, self._tail = tuple(messages[:start]), tuple(messages[end:])
        self._turns = [(turn, size_of(turn)) for turn in turns_of(messages[start:end])]
        self.fixed = size_of((*self._head, *self._tail)) + beside
        """Without earlier turns."""
        self.whole = sum((size for _, size in self._turns), self.fixed)

    def fit(self, limit_tokens: int, count: Callable[[Size], int]) -> Fitted:
        """Return what always goes with as many whole turns, newest first, as fit into `limit_tokens` with it.

        Turns follow each other: none is kept that is older than one left out.
        """
        size, first = self.fixed, len(self._turns)
        while first and count(size + self._turns[first - 1][1]) <= limit_tokens:
            first -= 1
            size += self._turns[first][1]
        kept = [message for turn, _ in self._turns[first:] for message in turn]
        return Fitted((*self._head, *kept, *self._tail), size, first)


def turns_of(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """Cut messages before each of the user's: a turn is a question with what was answered to it."""
    starts = [index for index, message in enumerate(messages) if index == 0 or message.role == "user"]
    ends = [*starts[1:], len(messages)] if starts else []
    return [tuple(messages[start:end]) for start, end in zip(starts, ends, strict=True)]
