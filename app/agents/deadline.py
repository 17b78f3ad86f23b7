"""When a run must have ended, over all of its owners, and what it is told then."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.agents.values import Claim
from app.errors import SwitchyardError, TimeLimitReached, Unavailable
from app.inference.slots.patience import deadline_exceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a run's time: the request's own if it set one, never later than the platform's limit."""

    ends_at: float
    limit_s: float
    is_own: bool
    clock: Callable[[], float] = time.monotonic

    @property
    def left_s(self) -> float:
        """How many seconds are left."""
        return max(0.0, self.ends_at - self.clock())

    def passed(self, trouble: Unavailable | None) -> SwitchyardError:
        """Return how a run ends whose time is over, and which waited because of `trouble` or was at work."""
        if self.is_own:
            return deadline_exceeded(self.limit_s)
        return trouble or TimeLimitReached(f"took longer than {self.limit_s:g} s", limit_s=self.limit_s)


def deadline_of(claim: Claim, run_limit_s: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
    """Return the deadline of a claimed run; what earlier owners have spent counts."""
    own_s, now = claim.options.deadline_s, clock()
    last_at = now + run_limit_s - claim.spent_s
    if own_s is not None and now + own_s - claim.waited_s - claim.spent_s <= last_at:
        return Deadline(now + own_s - claim.waited_s - claim.spent_s, own_s, is_own=True, clock=clock)
    return Deadline(last_at, run_limit_s, is_own=False, clock=clock)
