"""Prototypes: where among vectors a strong model helps, from outcomes."""

from base64 import b64encode
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.routing.complexity import SCORE_LIMIT, Choice
from app.inference.routing.lab.choice import calibrate
from app.inference.routing.lab.outcomes import Floats, Mask, Outcomes
from app.inference.routing.options import signs
from app.inference.routing.prototypes import Prototypes

COUNT = 96
TEMPERATURE = 0.1
RIDGE = 0.3
SHARE = 0.4
"""What a standard deviation of nearness counts beside one of the text's own score: more of it loses, on subjects left
out, what it wins."""
STORY_DEVIATION = 0.55
"""Standard deviation of Cue.STORY over word problems of a school book."""
FOLDS = 5
ROUNDS = 12

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Vectors:
    """The unit vectors of all prompts, by one embedder."""

    digest: str
    matrix: Singles

    def where(self, mask: Mask) -> "Vectors":
        """Return the rows that `mask` chooses."""
        return Vectors(self.digest, self.matrix[mask])


@dataclass(frozen=True, slots=True)
class _Sum:
    centres: Singles
    weights: Floats

    def of(self, matrix: Singles) -> Floats:
        found: Floats = _kernel(matrix, self.centres) @ self.weights
        return found


def fit(outcomes: Outcomes, vectors: Vectors, choice: Choice, story_weight: float, *, seed: int) -> Prototypes:
    """Fit on every row; mean, deviation and the way to the need come from sums of rows whose subject was left out."""
    sums = np.zeros(len(outcomes.prompts))
    for held in folds_of(outcomes, seed=seed):
        sums[held] = _fit(vectors.matrix[~held], outcomes.gain[~held], seed=seed).of(vectors.matrix[held])
    whole = _fit(vectors.matrix, outcomes.gain, seed=seed)
    mean, deviation = float(sums.mean()), float(sums.std())
    scale = float(np.abs(whole.centres).max()) / 127
    bytes_of = np.clip(np.rint(whole.centres / scale), -127, 127).astype(np.int8)
    chosen = outcomes.has_options
    near = np.clip((sums - mean) / deviation, -SCORE_LIMIT, SCORE_LIMIT)[chosen]
    bias, slope = calibrate(scores_of(choice, outcomes.where(chosen)) + SHARE * near, outcomes.wanted[chosen])
    return Prototypes(
        digest=vectors.digest,
        size=vectors.matrix.shape[1],
        vectors=b64encode(bytes_of.tobytes()).decode(),
        scale=float(f"{scale:.6g}"),
        weights=tuple(round(float(weight), 5) for weight in whole.weights),
        temperature=TEMPERATURE,
        mean=round(mean, 6),
        deviation=round(deviation, 6),
        share=SHARE,
        story_share=round(SHARE * STORY_DEVIATION * story_weight, 4),
        bias=bias,
        slope=slope,
    )


def scores_of(choice: Choice, outcomes: Outcomes) -> Floats:
    """Return the bounded scores of multiple-choice prompts, by their text."""
    measured = np.array([signs(prompt) for prompt in outcomes.prompts], dtype=np.float64)
    standard = (measured - np.array(choice.means)) / np.array(choice.deviations)
    sums = (standard @ np.array(choice.weights) - choice.mean) / choice.deviation
    return np.clip(sums, -SCORE_LIMIT, SCORE_LIMIT)


def folds_of(outcomes: Outcomes, *, seed: int) -> list[Mask]:
    """Return up to FOLDS masks of held-out rows; no subject is in two."""
    names = np.random.default_rng(seed).permutation(np.unique(outcomes.subjects))
    count = min(FOLDS, len(names))
    return [np.isin(outcomes.subjects, names[fold::count]) for fold in range(count)]


def neighbours(outcomes: Outcomes, matrix: Singles, *, count: int = 60) -> Floats:
    """Return the mean gain of each prompt's nearest neighbours among the other subjects: what prototypes stand for."""
    found = np.zeros(len(outcomes.prompts))
    for subject in np.unique(outcomes.subjects):
        held = outcomes.subjects == subject
        others = outcomes.gain[~held]
        near = matrix[held] @ matrix[~held].T
        nearest = np.argpartition(-near, min(count, near.shape[1] - 1), axis=1)[:, :count]
        found[held] = others[nearest].mean(axis=1)
    return found


def _fit(matrix: Singles, gain: Floats, *, seed: int) -> _Sum:
    """Kernel ridge regression on a subset of regressors (Nystrom; Williams and Seeger 2001), centres by k-means."""
    centres = _centres(matrix, seed=seed)
    near, among = _kernel(matrix, centres), _kernel(centres, centres)
    penalised: Floats = near.T @ near + RIDGE * among + 1e-6 * np.eye(len(centres))
    wanted: Floats = near.T @ (gain - gain.mean())
    return _Sum(centres, np.linalg.solve(penalised, wanted).astype(np.float64))


def _kernel(matrix: Singles, centres: Singles) -> Floats:
    return np.exp((matrix.astype(np.float64) @ centres.T.astype(np.float64) - 1) / TEMPERATURE)


def _centres(matrix: Singles, *, seed: int) -> Singles:
    rng = np.random.default_rng(seed)
    centres: Singles = matrix[rng.choice(len(matrix), min(COUNT, len(matrix)), replace=False)].copy()
    for _ in range(ROUNDS):
        nearest = (matrix @ centres.T).argmax(axis=1)
        for index in range(len(centres)):
            members = matrix[nearest == index]
            if len(members):
                centres[index] = members.mean(axis=0)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    return centres
