"""How long a node keeps a model in memory after a call, as Ollama takes it."""

import math
import re
from fractions import Fraction
from typing import TypeAlias

KeepAlive: TypeAlias = str | int | float | None
"""What is sent: a Go duration, seconds, or nothing, which leaves it to the node. Negative is for ever, 0 unloads."""

FOR_EVER = -1
_MOST_NS = 2**63 - 1
_UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = re.compile(rf"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)({'|'.join(sorted(_UNITS_NS, key=len, reverse=True))})")
_SECONDS = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NODES_OWN = "none"


class KeepAliveWrong(Exception):
    """A text or number is no `keep_alive`; the message is the reason."""


def read_keep_alive(value: KeepAlive) -> KeepAlive:
    """Return what to send to a node. Raises KeepAliveWrong.

    Ollama (api/types.go, Duration.UnmarshalJSON) takes a number as seconds and a text by Go's time.ParseDuration, which
    refuses `"-1"` for want of a unit: a text that is a whole number is sent as one.
    """
    if isinstance(value, str):
        if value.lower() == _NODES_OWN:
            return None
        if _SECONDS.fullmatch(value):
            value = int(value)
        elif _is_go_duration(value):
            return value
        else:
            raise KeepAliveWrong("must be a duration like 30m or 1h30m, seconds, -1 for ever, 0 to unload, or none")
    if value is not None and not (math.isfinite(value) and abs(value) * 10**9 <= _MOST_NS):
        raise KeepAliveWrong("must be seconds, at most 292 years of them; -1 is for ever")
    return value


def kept_s(value: KeepAlive) -> float | None:
    """Return the seconds that a value of `read_keep_alive` means; negative is for ever, None the node's own."""
    if isinstance(value, str):
        sign = -1.0 if value.startswith("-") else 1.0
        return sign * float(_go_duration_ns(value) or 0) / _UNITS_NS["s"]
    return None if value is None else float(value)


def _is_go_duration(text: str) -> bool:
    duration_ns = _go_duration_ns(text)
    return duration_ns is not None and duration_ns <= _MOST_NS


def _go_duration_ns(text: str) -> Fraction | None:
    """Return how long a duration is, whatever its sign; None for what is none."""
    rest = text[1:] if text[:1] in "+-" else text
    if rest == "0":
        return Fraction(0)
    total, end = Fraction(0), 0
    for part in _PART.finditer(rest):
        if part.start() != end:
            return None
        end = part.end()
        amount = part[1]
        total += Fraction(f"0{amount}" if amount.startswith(".") else amount.removesuffix(".")) * _UNITS_NS[part[2]]
    return total if 0 < end == len(rest) else None
