"""GPU-seconds and money of calls that share a node."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

US_PER_S = 1_000_000
US_PER_HOUR = 3_600_000_000


@dataclass(slots=True)
class Share:
    """A call active on a node: what it has produced, and the GPU time it was given so far (integer microseconds)."""

    call: str
    expected_rate: float
    tokens: int = 0
    ticked_us: int = 0
    rate: float | None = None
    gpu_us: int = 0

    @property
    def weight(self) -> float:
        """Tokens a second: the latest measured, or what is expected before the first token."""
        return self.expected_rate if self.rate is None else self.rate


@dataclass(slots=True)
class Meter:
    """Divides a node's time among the calls active on it.

    Between two events the elapsed microseconds times `gpus` are divided in proportion to the calls' latest token rates,
    as cumulated shares rounded down, so that the parts are integers whose sum is exactly the whole. `register.lua` is
    the same arithmetic in the same order: both use IEEE doubles and give equal integers.
    """

    gpus: int = 1
    at_us: int = 0
    shares: list[Share] = field(default_factory=list[Share])

    def start(self, call: str, now_us: int, *, expected_rate: float) -> None:
        """Add a call; until its first token it counts with `expected_rate` (tokens a second)."""
        self.advance(now_us)
        self.shares.append(Share(call, expected_rate, ticked_us=self.at_us))

    def tick(self, call: str, tokens: int, now_us: int) -> int:
        """Note how many tokens a call has produced; return its GPU microseconds so far."""
        self.advance(now_us)
        share = self._find(call)
        if tokens > share.tokens and self.at_us > share.ticked_us:
            share.rate = (tokens - share.tokens) * US_PER_S / (self.at_us - share.ticked_us)
        elif share.rate is not None and self.at_us > share.ticked_us:
            share.rate = 0.0
        share.tokens = max(share.tokens, tokens)
        share.ticked_us = self.at_us
        return share.gpu_us

    def end(self, call: str, now_us: int) -> int:
        """Remove a call; return its GPU microseconds."""
        self.advance(now_us)
        share = self._find(call)
        self.shares.remove(share)
        return share.gpu_us

    def advance(self, now_us: int) -> None:
        """Divide the time since the last event; each event does so first."""
        total = (now_us - self.at_us) * self.gpus
        if total > 0 and self.shares:
            for share, part in zip(self.shares, divide(total, [share.weight for share in self.shares]), strict=True):
                share.gpu_us += part
        self.at_us = max(self.at_us, now_us)

    def _find(self, call: str) -> Share:
        return next(share for share in self.shares if share.call == call)


def divide(total: int, weights: Sequence[float]) -> list[int]:
    """Divide `total` in proportion to `weights` (equally if all are 0) into integers whose sum is exactly `total`."""
    whole = 0.0
    for weight in weights:
        whole += weight
    if whole <= 0.0:
        weights, whole = [1.0] * len(weights), float(len(weights))
    parts: list[int] = []
    before, running = 0, 0.0
    for index, weight in enumerate(weights, start=1):
        running += weight
        after = total if index == len(weights) else min(total, math.floor(total * running / whole))
        parts.append(after - before)
        before = after
    return parts


def cost_usd_micro(gpu_us: int, price_usd_micro_per_hour: int) -> int:
    """Return GPU time times price in integer micro-dollars, rounded half up."""
    return (2 * gpu_us * price_usd_micro_per_hour + US_PER_HOUR) // (2 * US_PER_HOUR)


def attributed_us(metered_us: int, reported_us: int | None, gpus: int) -> int:
    """Return the GPU time of a call: what was metered, but no more than the node says it worked (None: it did not)."""
    return metered_us if reported_us is None else min(metered_us, reported_us * gpus)
