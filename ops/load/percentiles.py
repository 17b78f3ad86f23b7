"""Percentiles and means of exact samples."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never


class Statistic(StrEnum):
    """What is taken of many samples."""

    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    MEAN = "mean"
    MAX = "max"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile: the smallest value that at least `share` of the values do not exceed.

    No interpolation, so every figure was really seen; Locust's own are rounded to two digits. Raises ValueError when
    there is no value.
    """
    if not values:
        raise ValueError("there is no percentile of nothing")
    # A share like 0.95 of 20 is 19.000000000000004 in floating point.
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[max(rank, 1) - 1]


def take(statistic: Statistic, values: Sequence[float]) -> float:
    """Return one statistic of the values. Raises ValueError when there is none."""
    match statistic:
        case Statistic.P50:
            return percentile(values, 0.50)
        case Statistic.P95:
            return percentile(values, 0.95)
        case Statistic.P99:
            return percentile(values, 0.99)
        case Statistic.MEAN:
            if not values:
                raise ValueError("there is no mean of nothing")
            return math.fsum(values) / len(values)
        case Statistic.MAX:
            return percentile(values, 1.0)
        case _:
            assert_never(statistic)
