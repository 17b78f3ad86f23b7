"""Proportional odds over cues: from a few labelled questions to weights that only raise the need."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.inference.routing.complexity import need_of
from app.inference.routing.lab.outcomes import Floats, Ints
from app.inference.words.tiers import TIERS, Tier

PENALTY = 0.01
"""Weight decay per question: two hundred questions do not carry fourteen free weights."""
STEPS = 2000
RATE = 0.25
FOLDS = 12
UNDER_COST = 1.5
"""A question sent one tier too low costs this much of one sent too high: a wrong answer against a slower one."""
MARGIN = 0.03
"""About half of what separates neighbouring needs near a threshold: a word more or less should not look decided."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Texts and the index of each one's tier."""

    texts: list[str]
    tiers: Ints


def read_questions(path: Path, part: str) -> Questions:
    """Read one part (`fit` or `check`) of the labelled questions. Raises KeyError for another name."""
    part_of_file: dict[str, list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))[part]
    pairs = [(text, TIERS.index(Tier(tier))) for tier, texts in part_of_file.items() for text in texts]
    return Questions([text for text, _ in pairs], np.array([tier for _, tier in pairs]))


@dataclass(frozen=True, slots=True)
class Odds:
    """Weights of the columns, none negative, and the two cuts on their sum."""

    weights: Floats
    medium_at: float
    complex_at: float

    def needs(self, columns: Floats) -> Floats:
        """Return the need of each row."""
        return np.array([need_of(float(blend), self.medium_at, self.complex_at) for blend in columns @ self.weights])


def fit(columns: Floats, tiers: Ints) -> Odds:
    """Fit on every row."""
    return _fit_each(columns, tiers, np.ones((1, len(tiers))))[0]


def left_out_needs(columns: Floats, tiers: Ints) -> Floats:
    """Return each question's need by a fit on the questions of the other FOLDS."""
    folds = np.arange(len(tiers)) % FOLDS
    fits = _fit_each(columns, tiers, np.array([folds != fold for fold in range(FOLDS)], dtype=np.float64))
    return np.array([fits[fold].needs(columns[row : row + 1])[0] for row, fold in enumerate(folds)])


def _fit_each(columns: Floats, tiers: Ints, used: Floats) -> list[Odds]:
    """Fit once per row of `used` (fits, questions: 1 or 0), all together.

    Projected gradient descent on the mean negative log likelihood of the two cumulative splits.
    """
    share: Floats = used / used.sum(axis=1, keepdims=True)
    weights = np.zeros((len(used), columns.shape[1]))
    cuts = np.tile(np.array([-0.5, 0.5]), (len(used), 1))
    above = np.stack([tiers >= 1, tiers >= 2]).astype(np.float64)
    for _ in range(STEPS):
        blends = weights @ columns.T
        wrong: Floats = (1 / (1 + np.exp(cuts[:, :, None] - blends[:, None, :])) - above) * share[:, None, :]
        weights = np.maximum(weights - RATE * (wrong.sum(axis=1) @ columns + PENALTY * weights), 0.0)
        cuts = cuts + RATE * wrong.sum(axis=2)
    return [Odds(row, float(cut[0]), float(cut[1])) for row, cut in zip(weights, cuts, strict=True)]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Need below which a question is simple, and from which it is complex."""

    simple_below: float
    complex_from: float

    def tiers(self, needs: Floats) -> Ints:
        """Return the index of each tier."""
        return (needs >= self.simple_below).astype(np.int64) + (needs >= self.complex_from)


def thresholds(needs: Floats, tiers: Ints) -> Thresholds:
    """Return the pair of least cost; among equals the one in the middle, so that no question sits on an edge."""
    grid = np.round(np.arange(0.05, 0.96, 0.01), 2)
    pairs = [Thresholds(float(low), float(high)) for low in grid for high in grid if high >= low + 0.1]
    costs = np.array([cost(pair.tiers(needs), tiers) for pair in pairs])
    best = [pair for pair, paid in zip(pairs, costs, strict=True) if paid == costs.min()]
    low = float(np.median([pair.simple_below for pair in best]))
    high = float(np.median([pair.complex_from for pair in best]))
    return Thresholds(round(low, 3), round(high, 3))


def cost(chosen: Ints, wanted: Ints) -> float:
    """Return the summed distance of tiers, where too low costs UNDER_COST times as much as too high."""
    off = chosen - wanted
    return float(np.where(off < 0, -UNDER_COST * off, off).sum())


def confusion(chosen: Sequence[int] | Ints, wanted: Ints) -> Ints:
    """Return counts by [wanted, chosen]."""
    counts = np.zeros((len(TIERS), len(TIERS)), dtype=np.int64)
    np.add.at(counts, (wanted, np.asarray(chosen)), 1)
    return counts
