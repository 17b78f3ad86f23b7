"""Stops calls to a (node, model) that keeps failing, and tries it again later."""

from collections.abc import Callable
from enum import StrEnum

OPEN_FOR_S = 10.0


class BreakerState(StrEnum):
    """Closed lets calls through, open none, half-open one at a time."""

    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """No call goes through, after failures in a row."""
    HALF_OPEN = "half_open"
    """One call goes through, to try."""


class Breaker:
    """Opens after `failures` in a row; `open_for_s` later one trial decides whether it closes."""

    def __init__(self, *, clock: Callable[[], float], failures: int = 3, open_for_s: float = OPEN_FOR_S) -> None:
        self._clock = clock
        self._failures = failures
        self._open_for_s = open_for_s
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._trial_at: float | None = None

    @property
    def state(self) -> BreakerState:
        """The state now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        now = self._clock()
        if now - self._opened_at < self._open_for_s:
            return BreakerState.OPEN
        # A trial that never reports back (its process was cancelled, say) must not keep the breaker open for ever.
        if self._trial_at is not None and now - self._trial_at < self._open_for_s:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def start(self) -> None:
        """Note that a call begins; in half-open it is the trial."""
        if self._opened_at is not None:
            self._trial_at = self._clock()

    def succeed(self) -> None:
        """Note that a call produced something; closes the breaker."""
        self._in_a_row = 0
        self._opened_at = None
        self._trial_at = None

    def fail(self, *, at_once: bool = False) -> None:
        """Note a failure; `at_once` opens without waiting for more of them."""
        self._in_a_row += 1
        if at_once or self._in_a_row >= self._failures or self._opened_at is not None:
            self._opened_at = self._clock()
            self._trial_at = None
