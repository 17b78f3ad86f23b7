"""What a call takes of a node: predicted before, measured after, and divided among those that share it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

US_PER_S = 1_000_000
US_PER_HOUR = 3_600_000_000

# The share of a prompt that a node need not read again when it served the session's last turn.
CACHED_SHARE = 0.8
# How much of `max_tokens` answers use on average, before any was seen.
EXPECTED_SHARE = 0.5
# A new measurement's weight in the moving averages: about the last six calls count.
_NEWEST = 0.3
# Shorter measurements than these are mostly noise.
_LEAST_TOKENS = 16
_LEAST_US = 2_000


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a node is with a model: decoding and prefill in tokens a second, load in seconds; 0 is not known."""

    tokens_per_s: float
    prefill_per_s: float
    load_s: float

    def or_else(self, expected: "Speed") -> "Speed":
        """Return this speed, with what is expected in place of what is not known."""
        return Speed(
            self.tokens_per_s or expected.tokens_per_s,
            self.prefill_per_s or expected.prefill_per_s,
            self.load_s or expected.load_s,
        )

    def blend(self, new: "Speed") -> "Speed":
        """Return the moving average; a term of 0 in `new` was not measured and keeps the old value."""
        return Speed(
            _mix(self.tokens_per_s, new.tokens_per_s),
            _mix(self.prefill_per_s, new.prefill_per_s),
            _mix(self.load_s, new.load_s),
        )


UNKNOWN = Speed(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The seconds that a call is expected to take on a node that does nothing else."""

    load_s: float
    prefill_s: float
    decode_s: float

    @property
    def total_s(self) -> float:
        """All of them."""
        return self.load_s + self.prefill_s + self.decode_s

    def gpu_us(self, gpus: int) -> int:
        """Return the microseconds of GPU time that this is on a node of so many."""
        return int(self.total_s * US_PER_S) * gpus


@dataclass(frozen=True, slots=True)
class Reported:
    """What the node says of a call that it brought to its end; durations in microseconds."""

    input_tokens: int
    output_tokens: int
    load_us: int
    prefill_us: int
    decode_us: int
    total_us: int = 0
    """All of it, waiting inside the node too; 0 where it does not say."""

    @property
    def worked_us(self) -> int | None:
        """How long the node worked on it, None if it does not say."""
        return (self.load_us + self.prefill_us + self.decode_us) or None


def expected_output(known: float | None, max_tokens: int) -> float:
    """Return how many tokens an answer is expected to have; `known` is what such answers had, None if nobody knows."""
    return min(known, max_tokens) if known is not None else max_tokens * EXPECTED_SHARE


def predict(speed: Speed, *, prompt_tokens: float, output_tokens: float, is_resident: bool) -> Prediction:
    """Return what a call is expected to take; `prompt_tokens` are those that the node must read."""
    return Prediction(
        load_s=0.0 if is_resident else speed.load_s,
        prefill_s=prompt_tokens / speed.prefill_per_s,
        decode_s=output_tokens / speed.tokens_per_s,
    )


def turn_s(whole_s: float, slots: int) -> float:
    """Return after how long a node whose slots are all taken is expected to have a free one.

    Its calls are taken to be like the one that asks, each at some point of its time: the first of n to end does so
    after 1/(n + 1) of it.
    """
    return whole_s / (slots + 1)


def measure(reported: Reported, *, was_resident: bool, was_cached: bool) -> Speed:
    """Return what a call tells about its node; 0 for what it is too short to tell."""
    return Speed(
        tokens_per_s=_rate(reported.output_tokens, reported.decode_us),
        # A prompt that was in the cache is not read again: that says nothing about reading.
        prefill_per_s=0.0 if was_cached else _rate(reported.input_tokens, reported.prefill_us),
        load_s=0.0 if was_resident else reported.load_us / US_PER_S,
    )


def stand_in(prompt_tokens: int, output_tokens: int, *, seen_us: int, life_us: int) -> Reported:
    """Return what was seen from here, in place of the report of a node that did not come to its end.

    It went on for `seen_us`; the first sign of life came after `life_us` of them, 0 if there was none.
    """
    return Reported(
        input_tokens=prompt_tokens if life_us else 0,
        output_tokens=output_tokens,
        load_us=0,
        prefill_us=life_us or seen_us,
        decode_us=seen_us - life_us if life_us else 0,
    )


def crowded(score: float, crowding: float, *, taken: int, slots: int) -> float:
    """Return a candidate's score with so many of its slots taken. `register.lua` computes the same."""
    return score + crowding * taken / slots


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


def _rate(tokens: int, duration_us: int) -> float:
    enough = tokens >= _LEAST_TOKENS and duration_us >= _LEAST_US
    return tokens * US_PER_S / duration_us if enough else 0.0


def _mix(before: float, now: float) -> float:
    if now <= 0 or before <= 0:
        return max(before, now)
    return before + _NEWEST * (now - before)
