"""Requests that correct themselves: the last word counts."""

import re
from collections.abc import Callable
from typing import TypeVar

from app.agents.scheduler.spans import Spans

T = TypeVar("T")

_CORRECTS = re.compile(
    r"[\s.\u2026,;(\u2013\u2014-]+(?:oh\s+)?(?:no,?\s+(?:wait|sorry|actually|make)|wait,?(?:\s+no)?|sorry|actually|i\s+mean|i\s+meant|"
    r"scratch\s+that|correction|or\s+rather|make\s+(?:it|that)|better\s+(?:yet|make\s+it)|no(?=,|\s*[-\u2013\u2014]))\b"
    r"(?:\s+(?:it|that))?[,:.!]*",
    re.IGNORECASE,
)


def find_correction(spans: Spans) -> int:
    """Return where the last correction begins, and blank the words that announce it; 0 where there is none."""
    found = list(_CORRECTS.finditer(spans.left))
    for one in found:
        spans.take_match(one)
    return found[-1].end() if found else 0


def last_word(spans: Spans, turn: int, read: Callable[[Spans], T | None]) -> T | None:
    """Return what is read after a correction, and blank what it corrects; without one, what is read at all."""
    if turn:
        later = Spans(spans.left)
        later.take(0, turn)
        told = read(later)
        if told is not None:
            spans.left = spans.left[:turn] + later.left[turn:]
            read(spans)
            return told
    return read(spans)
