"""Which runs are judged, and when."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is judged. `hours` are `idle`, or from when to before when, in UTC; `exempt` are names of tenants."""

    share_percent: float
    per_hour: int
    hours: str = IDLE
    exempt: tuple[str, ...] = ()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def only_idle(self) -> bool:
        """Whether nothing is judged while a run is under way."""
        return self.hours == IDLE

    def is_due(self) -> bool:
        """Whether it is a time to judge."""
        if self.share_percent <= 0:
            return False
        if self.only_idle:
            return True
        begin, end = map(int, self.hours.split("-"))
        hour = self.now().hour
        return begin <= hour < end if begin < end else hour >= begin or hour < end

    def takes(self, run_id: UUID) -> bool:
        """Whether a run is of the sample: the same whoever asks, and whenever."""
        drawn = int.from_bytes(hashlib.sha256(run_id.bytes).digest()[:8]) / 2**64
        return drawn * 100 < self.share_percent
