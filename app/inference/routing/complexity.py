"""How much model a question needs, without asking a model."""

from collections.abc import Sequence
from functools import cache
from math import exp
from operator import mul
from pathlib import Path

import msgspec

from app.inference.routing.cue_words import Cue
from app.inference.routing.cues import Reading, read
from app.inference.routing.options import Sign, signs
from app.inference.routing.prototypes import Likeness, Prototypes
from app.inference.words.tiers import TIERS, Tier, TierReason

SHIPPED = Path(__file__).with_name("complexity_weights.json")
"""Weights made by `switchyard routing train`."""

SCORE_LIMIT = 4.0
"""A score counts for at most this many standard deviations: outside its domain it must not decide alone."""

UNKNOWN_NEED = 0.5
"""The need of a text that cannot be read."""

_VAGUE_WORDS = 4


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How multiple-choice questions are rated: by Sign, each standardised and weighed; the sum is standardised too."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    mean: float
    deviation: float
    bias: float
    slope: float
    """The need is logistic(bias + slope * score)."""


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What training found."""

    cues: dict[str, float]
    """Weight per Cue, by its lower-case name; never negative."""
    medium_at: float
    complex_at: float
    """Where, on the scale of the blend, medium and complex become as likely as not (proportional odds)."""
    choice: Choice
    simple_below: float
    complex_from: float
    """The two thresholds on the need."""
    margin: float
    """Within this distance of a threshold, on its medium side, the rating abstains."""
    prototypes: Prototypes | None = None
    """For questions whose vector is known; without them, the text decides alone."""


class Rating(msgspec.Struct, frozen=True):
    """A tier, the need in [0, 1] that it follows from, and why it was given."""

    tier: Tier
    need: float
    reason: TierReason


class Rater:
    """Rates questions with one set of weights. Costs some ten microseconds, whatever the length."""

    def __init__(self, weights: Weights) -> None:
        self._cues = [weights.cues[cue.name.lower()] for cue in Cue]
        choice = weights.choice
        if not len(choice.means) == len(choice.deviations) == len(choice.weights) == len(Sign):
            raise ValueError(f"there are {len(Sign)} signs of a choice, and the weights name {len(choice.weights)}")
        # Standardising is linear, so that it is done to the weights, once.
        self._signs = [w / (d * choice.deviation) for w, d in zip(choice.weights, choice.deviations, strict=True)]
        self._at = sum(map(mul, self._signs, choice.means)) + choice.mean / choice.deviation
        self._likeness = None if weights.prototypes is None else Likeness(weights.prototypes)
        self._weights = weights

    def rate(
        self,
        question: str,
        *,
        turns: int,
        session_tier: Tier | None,
        embedding: Sequence[float] | None = None,
        embedder_digest: str | None = None,
    ) -> Rating:
        """Rate a question that follows `turns` earlier turns of a session whose tier is `session_tier`.

        `embedding` is the question's vector, a unit vector, where one was computed anyway; it counts if it is of the
        embedder that the weights were trained with. A text that cannot be read, one that only points at what was said
        before, and one close to a threshold get `medium` with the reason `abstained`. A session keeps the highest tier
        that it had.
        """
        found = signs(question)
        reading = read(question) if found is None else None
        has_part = reading is None or reading.cues[Cue.STORY] > 0
        near = self._near(embedding, embedder_digest) if has_part else None
        need = self._need(reading, found, near)
        if reading is not None and (not reading.is_readable or (turns > 0 and _is_vague(reading))):
            tier, reason = Tier.MEDIUM, TierReason.ABSTAINED
        else:
            tier, reason = self._tier(need)
        if session_tier is not None and TIERS.index(session_tier) > TIERS.index(tier):
            return Rating(session_tier, need, TierReason.SESSION_KEEPS)
        return Rating(tier, need, reason)

    def knows(self, embedder_digest: str | None) -> bool:
        """Whether vectors of the embedder with this digest count."""
        prototypes = self._weights.prototypes
        return prototypes is not None and prototypes.digest == embedder_digest

    def score(self, found: Sequence[float]) -> float:
        """Return the score of a multiple-choice question in standard deviations; high means that more model helps."""
        return sum(map(mul, self._signs, found)) - self._at

    def _near(self, embedding: Sequence[float] | None, digest: str | None) -> float | None:
        if embedding is None or self._likeness is None or not self._likeness.fits(embedding, digest):
            return None
        return _bounded(self._likeness.score(embedding))

    def _need(self, reading: Reading | None, found: Sequence[float] | None, near: float | None) -> float:
        weights, prototypes = self._weights, self._weights.prototypes
        if found is not None:
            choice = weights.choice
            score = _bounded(self.score(found))
            if near is None or prototypes is None:
                return logistic(choice.bias + choice.slope * score)
            return logistic(prototypes.bias + prototypes.slope * (score + prototypes.share * near))
        if reading is None or not reading.is_readable:
            return UNKNOWN_NEED
        blend = sum(map(mul, self._cues, reading.cues))
        if near is not None and prototypes is not None:
            blend += prototypes.story_share * near
        return need_of(blend, weights.medium_at, weights.complex_at)

    def _tier(self, need: float) -> tuple[Tier, TierReason]:
        weights = self._weights
        if need < weights.simple_below:
            return Tier.SIMPLE, TierReason.RATED
        if need >= weights.complex_from:
            return Tier.COMPLEX, TierReason.RATED
        is_close = need < weights.simple_below + weights.margin or need >= weights.complex_from - weights.margin
        return Tier.MEDIUM, TierReason.ABSTAINED if is_close else TierReason.RATED


def need_of(blend: float, medium_at: float, complex_at: float) -> float:
    """Return the mean of P(at least medium) and P(complex) under proportional odds (McCullagh 1980), in [0, 1].

    That is the expected tier, where simple is 0, medium 0.5 and complex 1.
    """
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


def rate(
    question: str,
    *,
    turns: int,
    session_tier: Tier | None,
    embedding: Sequence[float] | None = None,
    embedder_digest: str | None = None,
) -> Rating:
    """Rate with the weights that ship; see Rater.rate."""
    return _shipped().rate(
        question, turns=turns, session_tier=session_tier, embedding=embedding, embedder_digest=embedder_digest
    )


def _bounded(score: float) -> float:
    return max(-SCORE_LIMIT, min(SCORE_LIMIT, score))


def _is_vague(reading: Reading) -> bool:
    return reading.words <= _VAGUE_WORDS and reading.is_pointing
