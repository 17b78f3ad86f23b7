"""Makes weights from outcomes and labelled questions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.inference.routing.complexity import SHIPPED, Choice, Weights, read_weights
from app.inference.routing.cue_words import Cue
from app.inference.routing.cues import read
from app.inference.routing.lab import choice, evaluate, labels, nearness, shuffle
from app.inference.routing.lab.nearness import Vectors
from app.inference.routing.lab.outcomes import LABELS, Floats, Ints, Outcomes

QUESTIONS = Path(__file__).with_name(LABELS)
FEWEST = 250
"""Fewer prompts with outcomes make no prototypes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Tiers that were wanted and chosen for one set of labelled questions, by one way of choosing."""

    name: str
    wanted: Ints
    chosen: Ints
    needs: Floats


@dataclass(frozen=True, slots=True)
class Blend:
    """The weights that labelled questions give, and how they do."""

    odds: labels.Odds
    thresholds: labels.Thresholds
    answers: tuple[Answers, ...]


def labels_of(data: Path) -> Path:
    """Return the labelled questions beside the outcomes, or those that ship."""
    beside = (data if data.is_dir() else data.parent) / LABELS
    return beside if beside.is_file() else QUESTIONS


def fit_blend(path: Path) -> Blend:
    """Fit on the `fit` questions, each rated by a fit without its fold, and rate the `check` questions."""
    fitted, check = labels.read_questions(path, "fit"), labels.read_questions(path, "check")
    columns, checked = _columns(fitted.texts), _columns(check.texts)
    left_out = labels.left_out_needs(columns, fitted.tiers)
    odds, cuts = labels.fit(columns, fitted.tiers), labels.thresholds(left_out, fitted.tiers)
    needs = odds.needs(checked)
    by_length = labels.left_out_needs(_lengths(fitted.texts), fitted.tiers)
    length_cuts = labels.thresholds(by_length, fitted.tiers)
    return Blend(
        odds,
        cuts,
        (
            Answers("fit, left out", fitted.tiers, cuts.tiers(left_out), left_out),
            Answers("check", check.tiers, cuts.tiers(needs), needs),
            Answers("fit, left out, by length alone", fitted.tiers, length_cuts.tiers(by_length), by_length),
        ),
    )


def fit(outcomes: Outcomes, vectors: Vectors | None, blend: Blend, *, seed: int) -> Weights:
    """Return weights in the form that is served; too few multiple-choice prompts leave the shipped choice."""
    fitted = _choice(outcomes)
    story = float(blend.odds.weights[Cue.STORY])
    may_compare = vectors is not None and len(outcomes.prompts) >= FEWEST and outcomes.has_options.any()
    return Weights(
        cues={cue.name.lower(): round(float(blend.odds.weights[cue]), 4) for cue in Cue},
        medium_at=round(blend.odds.medium_at, 4),
        complex_at=round(blend.odds.complex_at, 4),
        choice=fitted,
        simple_below=blend.thresholds.simple_below,
        complex_from=blend.thresholds.complex_from,
        margin=labels.MARGIN,
        prototypes=nearness.fit(outcomes, vectors, fitted, story, seed=seed) if vectors and may_compare else None,
    )


def judge(rated: evaluate.Rated, *, seed: int) -> shuffle.Verdict:
    """Hold the router that would serve against a shuffle of the same cost."""
    return shuffle.judge(rated.orders[rated.router], rated.outcomes.gain, seed=seed)


def _choice(outcomes: Outcomes) -> Choice:
    if outcomes.has_options.sum() < choice.FEWEST:
        return read_weights(SHIPPED).choice
    return choice.fit(outcomes)


def _columns(texts: list[str]) -> Floats:
    return np.array([read(text).cues for text in texts], dtype=np.float64)


def _lengths(texts: list[str]) -> Floats:
    return np.array([[np.log1p(len(text))] for text in texts])
