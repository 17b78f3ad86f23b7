"""Leaves alone for a while what keeps failing, and tries it again later."""

from collections.abc import Callable
from enum import StrEnum

REST_S = 1.0
"""Also what nothing else can stand in for is left alone for so long after it failed, or was begun to be tried."""
CALLS_KEPT = 64
"""Failed calls that are remembered; one that was forgotten counts as another call."""


class BreakerState(StrEnum):
    """Closed lets calls through, open none, half-open one at a time."""

    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """No call goes through, after distinct calls failed in a row."""
    HALF_OPEN = "half_open"
    """One call goes through, to try."""


class Breaker:
    """Opens when `failures` distinct calls failed in a row; `open_for_s` later one trial decides whether it closes.

    Each opening lasts twice as long as the last, up to `longest_s`, until it has been closed for as long as it was open
    last: what fails its trials, or breaks soon after each, is tried ever more seldom.
    A call with an identity that fails again and again, here or at another replica, is one call: it may be what breaks
    the other end. Without one each call is another.
    """

    def __init__(
        self, *, clock: Callable[[], float], failures: int, open_for_s: float, longest_s: float | None = None
    ) -> None:
        self._clock = clock
        self._failures = failures
        self._first_s = open_for_s
        self._longest_s = longest_s or open_for_s
        self._open_for_s = 0.0
        """How long the last opening lasts; 0 when that is forgotten."""
        self._closed_at: float | None = None
        self._failed: dict[object, None] = {}
        """In the order of their failures."""
        self._broke_at: float | None = None
        self._opened_at: float | None = None
        self._trial_at: float | None = None

    @property
    def reopens_in_s(self) -> float:
        """Seconds until a trial may be made; 0 when calls may go through."""
        if self.state is not BreakerState.OPEN or self._opened_at is None:
            return 0.0
        ends = self._opened_at + self._open_for_s
        if self._trial_at is not None:
            ends = max(ends, self._trial_at + self._first_s)
        return max(0.0, ends - self._clock())

    @property
    def state(self) -> BreakerState:
        """The state now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        now = self._clock()
        if now - self._opened_at < self._open_for_s:
            return BreakerState.OPEN
        # A trial that never reports back (its process was cancelled, say) must not keep the breaker open for ever.
        if self._trial_at is not None and now - self._trial_at < self._first_s:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    @property
    def is_resting(self) -> bool:
        """Whether it is open, and not even for want of anything else to be tried now."""
        if self._opened_at is None:
            return False
        return self._clock() - max(self._opened_at, self._trial_at or self._opened_at) < REST_S

    def start(self) -> None:
        """Note that a call begins; in half-open it is the trial."""
        if self._opened_at is not None:
            self._trial_at = self._clock()

    def succeed(self) -> None:
        """Note that a call produced something; closes the breaker, and forgets what failed before."""
        self._failed.clear()
        self._broke_at = None
        if self._opened_at is not None:
            self._closed_at = self._clock()
        self._opened_at = None
        self._trial_at = None

    def absolve(self) -> None:
        """Note that a call ended for a reason of its own: as a trial it proved nothing, so the next call is one."""
        self._trial_at = None

    def fail(self, call: str | None = None, *, began_at: float | None = None, at_once: bool = False) -> None:
        """Note that a call failed, by its identity if it has one; `at_once` opens without waiting for more.

        With `began_at` (by the breaker's clock), a call that was under way when another broke here does not count: when
        the process at the other end dies, all calls in it break, whichever of them ended it.
        """
        identity: object = object() if call is None else call
        if at_once:
            self._open(identity)
        elif began_at is not None and self._broke_at is not None and began_at < self._broke_at:
            self.absolve()
        elif identity in self._failed:
            self._broke_at = self._clock()
            # What failed before the trial proves nothing by failing in it: another call shall decide.
            self.absolve()
        else:
            self._broke_at = self._clock()
            self._remember(identity)
            if self._opened_at is not None or len(self._failed) >= self._failures:
                self._open(identity)

    def _open(self, call: object) -> None:
        self._remember(call)
        now = self._clock()
        if self._closed_at is not None and now - self._closed_at >= self._open_for_s:
            self._open_for_s = 0.0
        # Calls that were under way when it opened lengthen nothing: only a trial, or calls after it had closed.
        if self._opened_at is None or self._trial_at is not None:
            self._open_for_s = min(self._longest_s, max(self._first_s, 2 * self._open_for_s))
        self._closed_at = None
        self._broke_at = self._opened_at = now
        self._trial_at = None

    def _remember(self, call: object) -> None:
        self._failed[call] = None
        if len(self._failed) > CALLS_KEPT:
            del self._failed[next(iter(self._failed))]
