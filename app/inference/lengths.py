"""How long answers are, by team and agent: quantiles of what was seen, in a bounded memory."""

from collections import OrderedDict
from itertools import accumulate

LEAST_SEEN = 5
"""Fewer answers than these say nothing."""
KEYS = 512
"""So many agents are remembered; the one that has not answered for the longest is forgotten first."""
_FADES = 0.98
"""An answer counts by this much less with each that follows: about the last fifty do."""
_FIRST = 8.0
_GROWTH = 2**0.25
_BUCKETS = 50
"""From 8 to some 40,000 tokens, each a fifth longer than the one before."""


class Lengths:
    """Learns from answers that came to their end."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._counts: dict[tuple[str, str], int] = {}

    def note(self, team: str, agent: str, tokens: int) -> None:
        """Note an answer of so many tokens."""
        key = (team, agent)
        weights = self._seen.setdefault(key, [0.0] * _BUCKETS)
        self._seen.move_to_end(key)
        weights[:] = [weight * _FADES for weight in weights]
        weights[_bucket(tokens)] += 1.0
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._seen) > KEYS:
            forgotten, _ = self._seen.popitem(last=False)
            del self._counts[forgotten]

    def quantile(self, team: str, agent: str, share: float) -> float | None:
        """Return the tokens that `share` of the answers have at most; None before enough were seen."""
        if self._counts.get((team, agent), 0) < LEAST_SEEN:
            return None
        sums = list(accumulate(self._seen[team, agent]))
        wanted = share * sums[-1]
        at = next(index for index, total in enumerate(sums) if total >= wanted)
        below = sums[at - 1] if at else 0.0
        within = (wanted - below) / (sums[at] - below) if sums[at] > below else 1.0
        return _bound(at) * _GROWTH**within

    def expected(self, team: str, agent: str) -> float | None:
        """Return the tokens that half of the answers have at most; None before enough were seen."""
        return self.quantile(team, agent, 0.5)


def _bound(index: int) -> float:
    """Return the least tokens of a bucket."""
    return _FIRST * _GROWTH**index


def _bucket(tokens: int) -> int:
    index = 0
    while index < _BUCKETS - 1 and tokens >= _bound(index + 1):
        index += 1
    return index
