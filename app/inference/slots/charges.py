"""GPU time that somebody had, and what calls lately took of it."""

from dataclasses import dataclass

PACE_KEPT = 0.95
"""What the calls before count when a new one ends: about the last twenty do."""


@dataclass(slots=True)
class Charged:
    """GPU time that somebody had; `open_us` of it is for calls that have not ended, and may turn out otherwise."""

    charged_us: int = 0
    open_us: int = 0
    served_us: int = 0
    """When last."""

    @property
    def settled_us(self) -> int:
        """What it had for certain."""
        return self.charged_us - self.open_us

    def charge(self, cost_us: int) -> None:
        """Charge what a call that begins is expected to take."""
        self.charged_us += cost_us
        self.open_us += cost_us

    def settle(self, cost_us: int, gpu_us: int) -> None:
        """Charge what a call took in place of what was expected of it."""
        self.charged_us = max(0, self.charged_us + gpu_us - cost_us)
        self.open_us = max(0, self.open_us - cost_us)


@dataclass(slots=True)
class Pace:
    """What calls of one queue took lately: how many, the GPU time guessed and metered, and the time in a slot."""

    calls: float = 0.0
    guess_us: float = 0.0
    gpu_us: float = 0.0
    held_us: float = 0.0

    def note(self, guess_us: int, gpu_us: int, held_us: int) -> None:
        """Note a call that ended."""
        self.calls = self.calls * PACE_KEPT + 1
        self.guess_us = self.guess_us * PACE_KEPT + guess_us
        self.gpu_us = self.gpu_us * PACE_KEPT + gpu_us
        self.held_us = self.held_us * PACE_KEPT + held_us

    @property
    def is_known(self) -> bool:
        """Whether it says anything."""
        return self.guess_us > 0 and self.gpu_us > 0
