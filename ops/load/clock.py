"""The run's own time."""

import time


class RunClock:
    """Seconds since the run's start; over after `duration_s`. Waiting lets others go on where threads are light."""

    def __init__(self, duration_s: float) -> None:
        self.started_at_s = time.monotonic()
        self._duration_s = duration_s

    def now(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started_at_s

    def wait(self, seconds: float) -> None:
        """Return after so many seconds; at least everybody else has a turn."""
        time.sleep(seconds)

    def is_over(self) -> bool:
        """Say whether nothing new may begin."""
        return self.now() >= self._duration_s
