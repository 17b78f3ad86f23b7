"""How much model a question needs, without asking a model."""

from array import array
from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from itertools import islice
from math import exp, sqrt
from operator import mul
from pathlib import Path
from zlib import crc32

import msgspec

from app.inference.routing.cues import Cue, Reading, read
from app.inference.words.tiers import TIERS, Tier, TierReason

xor = int.__xor__

SHIPPED = Path(__file__).with_name("complexity_weights.json")
"""Weights made by `python -m ops.train.complexity`."""

SCORE_LIMIT = 2.5
"""The learned score counts for at most this many standard deviations: outside its domain it must not decide alone."""

LEAST_MOVE = 0.05
"""A part that cannot move the blend by this much is left out: it would move the need by an eightieth at most."""

UNKNOWN_NEED = 0.5
"""The need of a text that cannot be read."""

_VAGUE_WORDS = 4
_POINTING = frozenset(b"it its that this these those them they one ones other same second first more again".split())


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What training found. `table` maps hashed words and pairs of words to a learned weight."""

    bits: int
    """The table has 2**bits entries."""
    table: str
    """The entries as base64 of signed bytes."""
    scale: float
    """An entry times `scale` is its weight."""
    log_chars: float
    """Weight of the logarithm of the text's length within the learned score."""
    mean: float
    deviation: float
    """Mean and standard deviation of the learned score over its training prompts."""
    cues: dict[str, float]
    """Weight per Cue, by its lower-case name; never negative."""
    learned: float
    """Weight of the learned score for questions as users ask them."""
    exam_bias: float
    exam_learned: float
    """Bias and weight of the learned score for multiple-choice questions, where it was trained."""
    medium_at: float
    complex_at: float
    """Where, on the scale of the blend, medium and complex become as likely as not (proportional odds)."""
    simple_below: float
    complex_from: float
    """The two thresholds on the need."""
    margin: float
    """Within this distance of a threshold, on its medium side, the rating abstains."""


class Rating(msgspec.Struct, frozen=True):
    """A tier, the need in [0, 1] that it follows from, and why it was given."""

    tier: Tier
    need: float
    reason: TierReason


class Rater:
    """Rates questions with one set of weights. Costs some ten microseconds, whatever the length."""

    def __init__(self, weights: Weights) -> None:
        entries = array("b", b64decode(weights.table))
        if len(entries) != 1 << weights.bits:
            raise ValueError(f"the table has {len(entries)} entries, not 2**{weights.bits}")
        # Equal entries share one float object, which keeps the list small.
        values = {entry: entry * weights.scale for entry in set(entries)}
        self._table = [values[entry] for entry in entries]
        self._mask = len(entries) - 1
        self._cues = [weights.cues[cue.name.lower()] for cue in Cue]
        # A score that can hardly move the blend is not worth its cost.
        self._asks_score = weights.learned * SCORE_LIMIT > LEAST_MOVE
        self._weights = weights

    def rate(self, question: str, *, turns: int, session_tier: Tier | None) -> Rating:
        """Rate a question that follows `turns` earlier turns of a session whose tier is `session_tier`.

        A text that cannot be read, one that only points at what was said before, and one close to a threshold get
        `medium` with the reason `abstained`. A session keeps the highest tier that it had.
        """
        reading = read(question)
        need = self._need(reading) if reading.is_readable else UNKNOWN_NEED
        if not reading.is_readable or (turns > 0 and _is_vague(reading)):
            tier, reason = Tier.MEDIUM, TierReason.ABSTAINED
        else:
            tier, reason = self._tier(need)
        if session_tier is not None and TIERS.index(session_tier) > TIERS.index(tier):
            return Rating(session_tier, need, TierReason.SESSION_KEEPS)
        return Rating(tier, need, reason)

    def score(self, reading: Reading) -> float:
        """Return the learned score in standard deviations, within ±SCORE_LIMIT.

        Trained on prompts that a weak and a strong model answered; high means that the strong one helps.
        """
        weights = self._weights
        learned = sum_of(self._table, self._mask, reading.words) + weights.log_chars * reading.log_chars
        return max(-SCORE_LIMIT, min(SCORE_LIMIT, (learned - weights.mean) / weights.deviation))

    def _need(self, reading: Reading) -> float:
        weights = self._weights
        if reading.is_exam:
            blend = weights.exam_bias + weights.exam_learned * self.score(reading)
        else:
            blend = sum(map(mul, self._cues, reading.cues))
            if self._asks_score:
                blend += weights.learned * self.score(reading)
        return need_of(blend, weights.medium_at, weights.complex_at)

    def _tier(self, need: float) -> tuple[Tier, TierReason]:
        weights = self._weights
        if need < weights.simple_below:
            return Tier.SIMPLE, TierReason.RATED
        if need >= weights.complex_from:
            return Tier.COMPLEX, TierReason.RATED
        is_close = need < weights.simple_below + weights.margin or need >= weights.complex_from - weights.margin
        return Tier.MEDIUM, TierReason.ABSTAINED if is_close else TierReason.RATED


def hashes(mask: int, words: Sequence[bytes]) -> list[int]:
    """Return the table indices of every word and every pair of neighbours; stable across processes and versions."""
    singles = [crc32(word) & mask for word in words]
    return [*singles, *map(xor, singles, islice(singles, 1, None))]


def sum_of(table: Sequence[float], mask: int, words: Sequence[bytes]) -> float:
    """Return the entries of the words and pairs added up, over the square root of their number."""
    if not words:
        return 0.0
    # The same as adding up `hashes`, without building the list.
    singles = [crc32(word) & mask for word in words]
    get = table.__getitem__
    total = sum(map(get, singles)) + sum(map(get, map(xor, singles, islice(singles, 1, None))))
    return total / sqrt(2 * len(words) - 1)


def need_of(blend: float, medium_at: float, complex_at: float) -> float:
    """Return the mean of P(at least medium) and P(complex) under proportional odds (McCullagh 1980), in [0, 1]."""
    return (logistic(blend - medium_at) + logistic(blend - complex_at)) / 2


def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x)) for any x."""
    return 1 / (1 + exp(-max(-500.0, min(500.0, x))))


def read_weights(path: Path) -> Weights:
    """Read a weights file. Raises OSError, or msgspec.ValidationError for a file of another shape."""
    return msgspec.json.decode(path.read_bytes(), type=Weights)


@cache
def _shipped() -> Rater:
    return Rater(read_weights(SHIPPED))


def rate(question: str, *, turns: int, session_tier: Tier | None) -> Rating:
    """Rate with the weights that ship; see Rater.rate."""
    return _shipped().rate(question, turns=turns, session_tier=session_tier)


def _is_vague(reading: Reading) -> bool:
    return len(reading.words) <= _VAGUE_WORDS and not _POINTING.isdisjoint(reading.words)
