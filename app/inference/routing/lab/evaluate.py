"""What a rating is worth on subjects that it was not trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from app.inference.routing.complexity import Rater, Weights
from app.inference.routing.lab import curves
from app.inference.routing.lab.curves import Interval
from app.inference.routing.lab.nearness import Vectors, folds_of, neighbours
from app.inference.routing.lab.outcomes import Floats, Ints, Mask, Outcomes
from app.inference.words.tiers import TIERS

BELOW_CHANCE = 0.2
"""A four-way choice answered right less often than this was marked wrongly or cut off: the subject says nothing."""
TEXT, EMBEDDED = "router, text alone", "router, with the embedding"
LENGTH, RANDOM, ORACLE, NEIGHBOURS = "length", "random", "oracle", "nearest neighbours"

Fit = Callable[[Outcomes, Vectors | None], Weights]


@dataclass(frozen=True, slots=True)
class Rated:
    """One figure per prompt of each order that is compared, and the tier that the best router chooses."""

    outcomes: Outcomes
    orders: dict[str, Floats]
    tiers: Ints
    has_options: Mask

    @property
    def router(self) -> str:
        """Return the order that would serve: with the embedding where there is one."""
        return EMBEDDED if EMBEDDED in self.orders else TEXT


@dataclass(frozen=True, slots=True)
class Sampling:
    """The seed and the number of bootstrap samples."""

    seed: int
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """An order's APGR with intervals over prompts and over whole subjects, and its lead over length alone."""

    order: str
    over_prompts: Interval
    over_subjects: Interval
    lead: Interval
    share_for_half: float
    share_for_most: float


def rate_left_out(outcomes: Outcomes, vectors: Vectors | None, fit: Fit, *, seed: int) -> Rated:
    """Rate each fold as it would be served, by weights that saw no prompt of its subjects.

    Only how scores are standardised and mapped to needs is that of all subjects: it keeps every order, and folds that
    differ in it could not be compared.
    """
    whole = fit(outcomes, vectors)
    needs, embedded = np.zeros(len(outcomes.prompts)), np.zeros(len(outcomes.prompts))
    tiers = np.zeros(len(outcomes.prompts), dtype=np.int64)
    for held in folds_of(outcomes, seed=seed):
        weights = _mapped(fit(outcomes.where(~held), None if vectors is None else vectors.where(~held)), whole)
        parts = outcomes.where(held), None if vectors is None else vectors.where(held)
        needs[held], embedded[held], tiers[held] = _rate(weights, *parts)
    return _rated(outcomes, vectors, (needs, embedded, tiers), seed)


def rate_with(outcomes: Outcomes, vectors: Vectors | None, weights: Weights, *, seed: int) -> Rated:
    """Rate with finished weights: honest only for subjects that they were not trained on."""
    return _rated(outcomes, vectors, _rate(weights, outcomes, vectors), seed)


def _mapped(weights: Weights, whole: Weights) -> Weights:
    near, of_all = weights.prototypes, whole.prototypes
    if near is not None and of_all is not None:
        near = replace(near, bias=of_all.bias, slope=of_all.slope)
    return replace(weights, choice=whole.choice, prototypes=near)


def _rate(weights: Weights, outcomes: Outcomes, vectors: Vectors | None) -> tuple[Floats, Floats, Ints]:
    rater = Rater(weights)
    ratings = [rater.rate(prompt, turns=0, session_tier=None) for prompt in outcomes.prompts]
    needs = np.array([rating.need for rating in ratings])
    if vectors is not None:
        digest, rows = vectors.digest, vectors.matrix.tolist()
        ratings = [
            rater.rate(prompt, turns=0, session_tier=None, embedding=row, embedder_digest=digest)
            for prompt, row in zip(outcomes.prompts, rows, strict=True)
        ]
    embedded = np.array([rating.need for rating in ratings])
    return needs, embedded, np.array([TIERS.index(rating.tier) for rating in ratings])


def _rated(outcomes: Outcomes, vectors: Vectors | None, found: tuple[Floats, Floats, Ints], seed: int) -> Rated:
    needs, embedded, tiers = found
    orders = {
        RANDOM: np.random.default_rng(seed).random(len(outcomes.prompts)),
        LENGTH: np.array([float(len(prompt)) for prompt in outcomes.prompts]),
    }
    if vectors is not None:
        orders[NEIGHBOURS] = neighbours(outcomes, vectors.matrix)
    orders[TEXT] = needs
    if vectors is not None:
        orders[EMBEDDED] = embedded
    # Of equal gain, what the weak model gets wrong comes first: nothing is lost by asking the strong one.
    orders[ORACLE] = outcomes.gain
    return Rated(outcomes, orders, tiers, outcomes.has_options)


def rows(rated: Rated, mask: Mask, sampling: Sampling) -> list[Row]:
    """Compare the orders on the rows of `mask`."""
    gain = rated.outcomes.gain[mask]
    subjects: Ints = np.unique(rated.outcomes.subjects[mask], return_inverse=True)[1]
    prompts = curves.samples(np.zeros(len(gain), dtype=np.int64), count=sampling.count, seed=sampling.seed)
    has_many = len(np.unique(subjects)) > 1
    wholes = curves.samples(subjects, count=sampling.count, seed=sampling.seed) if has_many else prompts
    length = rated.orders[LENGTH][mask]
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
    """Prompts of similar need: the need that their outcomes show, and how often each model was right."""

    prompts: int
    need: float
    wanted: float
    strong_alone: float
    weak: float


def fifths(rated: Rated, mask: Mask) -> list[Fifth]:
    """Return five groups of equal size by rising need."""
    need, outcomes = rated.orders[rated.router][mask], rated.outcomes.where(mask)
    alone, wanted = outcomes.strong * (1 - outcomes.weak), outcomes.wanted
    return [
        Fifth(
            len(part),
            float(need[part].mean()),
            float(wanted[part].mean()),
            float(alone[part].mean()),
            float(outcomes.weak[part].mean()),
        )
        for part in np.array_split(np.argsort(need, kind="stable"), 5)
    ]
