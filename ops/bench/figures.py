"""Medians, spreads and paired ratios."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of what the rounds gave, with the least and the most: how much the machine disturbed."""

    middle: float
    low: float
    high: float


UNKNOWN = Spread(math.nan, math.nan, math.nan)
"""What could not be told from the noise."""


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value. Raises ValueError for none."""
    if not values:
        raise ValueError("no round gave a value")
    return Spread(median(values), min(values), max(values))


def paired(values: Sequence[float], others: Sequence[float]) -> Spread:
    """Return the spread of each round's `value / other`: neighbours in time share the machine's mood.

    Rounds whose `other` is not above 0 (a latency below the noise) are left out; UNKNOWN when none is left.
    Raises ValueError when the rounds differ in number.
    """
    if len(values) != len(others):
        raise ValueError("only rounds of one run can be paired")
    ratios = [value / other for value, other in zip(values, others, strict=True) if other > 0]
    return spread(ratios) if ratios else UNKNOWN


def added(values: Sequence[float], others: Sequence[float]) -> Spread:
    """Return the spread of each round's `value - other`. Raises ValueError when the rounds differ in number."""
    if len(values) != len(others):
        raise ValueError("only rounds of one run can be paired")
    return spread([value - other for value, other in zip(values, others, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of the values do not exceed: nearest rank, never interpolated.

    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no value, no percentile")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
