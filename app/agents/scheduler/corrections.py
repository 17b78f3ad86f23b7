"""Requests that correct themselves: the last word counts."""

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from app.agents.scheduler.spans import Spans

T = TypeVar("T")

_CORRECTS = re.compile(
    r"[\s.\u2026,;(\u2013\u2014-]+(?:oh\s+)?(?:no,?\s+(?:wait|sorry|actually|make)|wait,?(?:\s+no)?|sorry"
    r"|actually|i\s+mean|i\s+meant|"
    r"scratch\s+that|correction|or\s+rather|make\s+(?:it|that)|better\s+(?:yet|make\s+it)|no(?=,|\s*[-\u2013\u2014]))\b"
    r"(?:\s+(?:it|that))?[,:.!]*",
    re.IGNORECASE,
)


class Correction(NamedTuple):
    """Where the words stand that announce a correction; what corrects stands behind them."""

    starts: int
    ends: int


NO_CORRECTION = Correction(0, 0)


def find_correction(spans: Spans) -> Correction:
    """Return the last correction, and blank the words that announce it; NO_CORRECTION where there is none."""
    found = list(_CORRECTS.finditer(spans.left))
    for one in found:
        spans.take_match(one)
    return Correction(*found[-1].span()) if found else NO_CORRECTION


def last_word(spans: Spans, turn: Correction, read: Callable[[Spans], T | None]) -> T | None:
    """Return what is read after a correction, and blank what it corrects; without one, what is read at all."""
    told = corrected(spans, turn, read)
    return read(spans) if told is None else told


def corrected(spans: Spans, turn: Correction, read: Callable[[Spans], T | None]) -> T | None:
    """Return what is read after a correction, and blank what it corrects; None where nothing is read there."""
    if not turn.ends:
        return None
    later = Spans(spans.left)
    later.take(0, turn.ends)
    told = read(later)
    if told is not None:
        spans.left = spans.left[: turn.ends] + later.left[turn.ends :]
        read(spans)
    return told
