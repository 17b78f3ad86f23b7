"""How long a client waits before it asks again what was refused, and when it gives up."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 30.0
"""Of a wait that the stack does not name."""
LEAST_WAIT_S = 1.0
WAIT_LIMIT_S = 60.0
"""All waits for one answer together, unless told otherwise."""


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` names (RFC 9110, 10.2.3), as a number or a date; else None."""
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


class Waits:
    """The waits for one answer: each as long as the stack asks for, else twice the one before; together bounded."""

    def __init__(self, limit_s: float = WAIT_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._next_s = FIRST_WAIT_S
        self.waited_s = 0.0

    def take(self, problem: Mapping[str, Any], retry_after_s: float | None) -> float | None:
        """Return how long to wait now; None when asking again is no use or would come too late."""
        if problem.get("retryable") is not True:
            return None
        wait_s = self.wanted(retry_after_s)
        if self.waited_s + wait_s > self._limit_s:
            return None
        self.waited_s += wait_s
        self._next_s = min(2 * self._next_s, LONGEST_WAIT_S)
        return wait_s

    def wanted(self, retry_after_s: float | None) -> float:
        """Return how long the next wait would have to be, in whole seconds."""
        return float(math.ceil(max(LEAST_WAIT_S, self._next_s if retry_after_s is None else retry_after_s)))
