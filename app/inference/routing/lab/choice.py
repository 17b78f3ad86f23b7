"""From the signs of multiple-choice questions to a need that outcomes bear out."""

import numpy as np

from app.inference.routing.complexity import Choice
from app.inference.routing.lab.outcomes import Floats, Outcomes
from app.inference.routing.options import Sign, signs

WEIGHTS = {Sign.LENGTH: 1.0, Sign.REPEATS: 1.0, Sign.JOINT: 0.3, Sign.DIGITS: -0.3, Sign.NAMES: -0.3}
"""In standard deviations. Chosen once, on halves of the subjects left out; a regression on outcomes gives others, which
order the subjects that it saw and not those that it did not."""
FEWEST = 100
"""Fewer multiple-choice prompts say nothing about the others."""
NEWTON_STEPS = 30
PENALTY = 1.0
"""So that scores that tell all outcomes apart have a slope, too."""
LONGEST = 30.0
LEAST_DEVIATION = 1e-3
"""Of a sign that is the same everywhere."""


def fit(outcomes: Outcomes) -> Choice:
    """Standardise on all multiple-choice prompts. Raises ValueError where there are too few."""
    found = [signs(prompt) for prompt in outcomes.prompts]
    measured = np.array([one for one in found if one is not None], dtype=np.float64)
    if len(measured) < FEWEST:
        raise ValueError(f"{len(measured)} multiple-choice prompts are too few: it takes {FEWEST}")
    means, deviations = measured.mean(axis=0), np.maximum(measured.std(axis=0), LEAST_DEVIATION)
    weights = np.array([WEIGHTS[sign] for sign in Sign])
    sums = (measured - means) / deviations @ weights
    mean, deviation = float(sums.mean()), float(sums.std())
    bias, slope = calibrate((sums - mean) / deviation, outcomes.wanted[outcomes.has_options])
    return Choice(
        means=_rounded(means),
        deviations=_rounded(deviations),
        weights=tuple(WEIGHTS[sign] for sign in Sign),
        mean=round(mean, 5),
        deviation=round(deviation, 5),
        bias=bias,
        slope=slope,
    )


def calibrate(scores: Floats, wanted: Floats) -> tuple[float, float]:
    """Return bias and slope of the logistic regression of `wanted` (0 to 1) on the scores; the slope is positive."""
    columns = np.stack([np.ones_like(scores), scores], axis=1)
    found = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ found, -LONGEST, LONGEST)))
        curve = (columns * (chance * (1 - chance))[:, None]).T @ columns
        step = columns.T @ (wanted - chance) - PENALTY * found
        found = found + np.linalg.solve(curve + PENALTY * np.eye(2), step)
    return round(float(found[0]), 5), round(max(float(found[1]), 0.05), 5)


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
