"""Fusion weights fitted to labelled questions, and how well their scores are chances."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.retrieval.evaluation.golden import Golden
from app.retrieval.evaluation.measures import Seen, is_right
from app.retrieval.fusion import Measured, Weights, likely, weigh

RIDGE = 0.1
"""Keeps the weights of the order finite; more of it lost pages on the documents that they were fitted to."""
ROUNDS = 200
ENOUGH = 1e-7
LEAST = 1e-6
DEEP = 10
"""A right passage that is not among so many is lost already, and no matter of the floor."""
EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Example(msgspec.Struct, frozen=True):
    """The candidates of a question, and which of them hold what is asked for."""

    golden: Golden
    measured: tuple[Measured, ...]
    right: tuple[bool, ...]


class Band(msgspec.Struct, frozen=True):
    """Of the candidates with scores from `low` to below `high`: how many, their mean score, the share that is right."""

    low: float
    high: float
    candidates: int
    mean: float
    right: float


def example_of(golden: Golden, measured: Sequence[Measured]) -> Example:
    """Label the candidates of a question."""
    right = tuple(is_right(golden, _seen(one)) for one in measured)
    return Example(golden, tuple(measured), right)


def fit(examples: Sequence[Example], *, lost: float) -> Weights:
    """Return weights: of the order, then of a chunk by itself, then of its score with those beside it, then the floor.

    The order is fitted question by question (see `_order_fit`); the rest by logistic regressions over all candidates,
    so that a score is the share of candidates of its kind that are right. `lost` is the share of the right passages
    among the first ten that the floor may cost. Raises BadInput: nothing is right, or everything.
    """
    right = np.array([is_so for one in examples for is_so in one.right], dtype=np.float64)
    if not 0 < right.sum() < len(right):
        raise BadInput("weights need questions with candidates that are right, and others that are not")
    order = _order_fit([(_inputs(one), np.array(one.right)) for one in examples if any(one.right)])
    bias, scale = _logistic_fit(np.concatenate([_inputs(one) @ order for one in examples]), right)
    cosine, cover, match = (float(scale * value) for value in order)
    own = Weights(bias=bias, cosine=cosine, cover=cover, match=match, intercept=0.0, slope=1.0, floor=0.0)
    sums = np.array([value for one in examples for value in likely(one.measured, own)])
    intercept, slope = _logistic_fit(np.log(np.maximum(sums, 1e-12)), right)
    whole = msgspec.structs.replace(own, intercept=intercept, slope=slope)
    best = sorted(found for one in examples if (found := best_right(one, whole)) is not None)
    return msgspec.structs.replace(whole, floor=best[int(lost * len(best))] if best else 0.0)


def best_right(example: Example, weights: Weights) -> float | None:
    """Return the score of the first right passage among the first ten; None where there is none."""
    right = {one.passage.chunk_id for one, is_so in zip(example.measured, example.right, strict=True) if is_so}
    found = weigh(example.measured, weights)[:DEEP]
    return next((passage.score for passage in found if passage.chunk_id in right), None)


def reliability(examples: Sequence[Example], weights: Weights) -> list[Band]:
    """Return, for each band of scores, what share of its candidates is right."""
    pairs = [pair for one in examples for pair in _scored(one, weights)]
    bands: list[Band] = []
    for low, high in pairwise(EDGES):
        here = [pair for pair in pairs if low <= pair[0] < high]
        if here:
            scores, right = zip(*here, strict=True)
            bands.append(Band(low, high, len(here), sum(scores) / len(here), sum(right) / len(here)))
    return bands


def _scored(example: Example, weights: Weights) -> Iterator[tuple[float, bool]]:
    scores = {passage.chunk_id: passage.score for passage in weigh(example.measured, weights)}
    for one, is_so in zip(example.measured, example.right, strict=True):
        yield scores[one.passage.chunk_id], is_so


def _seen(one: Measured) -> Seen:
    passage = one.passage
    return Seen(passage.document, passage.page, passage.text, 0.0)


def _inputs(example: Example) -> Floats:
    return np.array([[one.cosine, one.cover, one.match] for one in example.measured])


def _order_fit(questions: Sequence[tuple[Floats, Mask]]) -> Floats:
    """Return the weights under which right candidates come first, each question counting alike.

    Newton's method on the likelihood that a right candidate is drawn, with chances that are the softmax of the weighed
    measures: Cao et al., "Learning to rank: from pairwise approach to listwise approach" (2007), top one.
    """
    found = np.ones(questions[0][0].shape[1])
    for _ in range(ROUNDS):
        slopes, curvature = -RIDGE * found, RIDGE * np.eye(len(found))
        for inputs, right in questions:
            raw = np.exp(inputs @ found - (inputs @ found).max())
            drawn = raw / raw.sum()
            mean = inputs.T @ drawn
            slopes = slopes + inputs.T @ (raw * right / (raw * right).sum()) - mean
            curvature = curvature + (inputs * drawn[:, None]).T @ inputs - np.outer(mean, mean)
        # Half a step: the likelihood of several right candidates is not concave everywhere.
        step = np.linalg.solve(curvature, slopes) / 2
        found = found + step
        if float(np.abs(step).max()) < ENOUGH:
            break
    return found


def _logistic_fit(inputs: Floats, right: Floats) -> tuple[float, float]:
    """Return intercept and slope of the chance to be right, by Newton's method on the likelihood."""
    table = np.column_stack([np.ones(len(inputs)), inputs])
    found = np.zeros(2)
    for _ in range(ROUNDS):
        chances = 1 / (1 + np.exp(-np.clip(table @ found, -30, 30)))
        curvature = (table * (chances * (1 - chances))[:, None]).T @ table + LEAST * np.eye(2)
        step = np.linalg.solve(curvature, table.T @ (right - chances) - LEAST * found)
        found = found + step
        if float(np.abs(step).max()) < ENOUGH:
            break
    return float(found[0]), float(found[1])
