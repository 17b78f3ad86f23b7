"""What the rating is worth on subjects that it was not trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.inference.routing.complexity import Rater, Weights
from app.inference.routing.cues import read
from app.inference.words.tiers import Tier
from ops.train import curves, learned
from ops.train.curves import Interval
from ops.train.outcomes import Floats, Ints, Mask, Outcomes

FOLDS = 5
BELOW_CHANCE = 0.2
"""A four-way choice answered right less often than this was marked wrongly or cut off: the subject says nothing."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One figure per prompt of each order that is compared; every prompt was rated without its subject."""

    outcomes: Outcomes
    orders: dict[str, Floats]
    is_complex: Mask
    is_exam: Mask


@dataclass(frozen=True, slots=True)
class Row:
    """An order's APGR with intervals over prompts and over whole subjects, and its lead over length alone."""

    order: str
    over_prompts: Interval
    over_subjects: Interval
    lead: Interval
    share_for_half: float
    share_for_most: float


def folds_of(outcomes: Outcomes, *, seed: int) -> list[Mask]:
    """Return FOLDS masks of held-out rows; no subject is in two."""
    names = np.random.default_rng(seed).permutation(np.unique(outcomes.subjects))
    count = min(FOLDS, len(names))
    return [np.isin(outcomes.subjects, names[fold::count]) for fold in range(count)]


def rate_left_out(
    outcomes: Outcomes, matrix: learned.Matrix, weights_of: Callable[[learned.Learned], Weights], *, seed: int
) -> Rated:
    """Rate each fold by the path that serves, with a table trained on the other folds."""
    scores, needs = np.zeros(matrix.size), np.zeros(matrix.size)
    is_complex = np.zeros(matrix.size, dtype=np.bool_)
    for held in folds_of(outcomes, seed=seed):
        fitted = learned.fit(matrix, outcomes.gain, ~held)
        scores[held] = fitted.scores(matrix)[held]
        needs[held], is_complex[held] = _rate(Rater(weights_of(fitted)), outcomes.where(held).prompts)
    return _rated(outcomes, {"learned score": scores, "need, as served": needs}, is_complex, seed)


def rate_shipped(outcomes: Outcomes, weights: Weights, *, seed: int) -> Rated:
    """Rate with finished weights: honest only for subjects that they were not trained on."""
    needs, is_complex = _rate(Rater(weights), outcomes.prompts)
    return _rated(outcomes, {"need, as served": needs}, is_complex, seed)


def _rate(rater: Rater, prompts: list[str]) -> tuple[Floats, Mask]:
    ratings = [rater.rate(prompt, turns=0, session_tier=None) for prompt in prompts]
    return np.array([rating.need for rating in ratings]), np.array([rating.tier is Tier.COMPLEX for rating in ratings])


def _rated(outcomes: Outcomes, orders: dict[str, Floats], is_complex: Mask, seed: int) -> Rated:
    plain = {
        "random": np.random.default_rng(seed).random(len(outcomes.prompts)),
        "length only": np.array([float(len(prompt)) for prompt in outcomes.prompts]),
    }
    is_exam = np.array([read(prompt).is_exam for prompt in outcomes.prompts])
    return Rated(outcomes, plain | orders, is_complex, is_exam)


@dataclass(frozen=True, slots=True)
class Sampling:
    """The seed and the number of bootstrap samples."""

    seed: int
    count: int


def rows(rated: Rated, mask: Mask, sampling: Sampling) -> list[Row]:
    """Compare the orders on the rows of `mask`."""
    gain = rated.outcomes.gain[mask]
    subjects: Ints = np.unique(rated.outcomes.subjects[mask], return_inverse=True)[1]
    prompts = curves.samples(np.zeros(len(gain), dtype=np.int64), count=sampling.count, seed=sampling.seed)
    wholes = (
        curves.samples(subjects, count=sampling.count, seed=sampling.seed) if len(np.unique(subjects)) > 1 else prompts
    )
    length = rated.orders["length only"][mask]
    return [
        Row(
            order,
            curves.interval(figures[mask], gain, prompts),
            curves.interval(figures[mask], gain, wholes),
            curves.interval(figures[mask], gain, prompts, over=length),
            curves.share_for(figures[mask], gain, 0.5),
            curves.share_for(figures[mask], gain, 0.8),
        )
        for order, figures in rated.orders.items()
    ]


def broken_subjects(outcomes: Outcomes) -> list[str]:
    """Return the subjects on which the strong model scores below chance."""
    names = [str(name) for name in np.unique(outcomes.subjects)]
    return [name for name in names if outcomes.strong[outcomes.subjects == name].mean() < BELOW_CHANCE]


@dataclass(frozen=True, slots=True)
class Fifth:
    """Prompts of similar need: how often the strong model alone was right, and how often the weak one was."""

    prompts: int
    need: float
    strong_alone: float
    weak: float


def fifths(rated: Rated, mask: Mask) -> list[Fifth]:
    """Return five groups of equal size by rising need."""
    need, outcomes = rated.orders["need, as served"][mask], rated.outcomes.where(mask)
    alone = outcomes.strong * (1 - outcomes.weak)
    parts = np.array_split(np.argsort(need, kind="stable"), 5)
    return [
        Fifth(len(part), float(need[part].mean()), float(alone[part].mean()), float(outcomes.weak[part].mean()))
        for part in parts
    ]
