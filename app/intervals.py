"""How sure a share, or a difference of two, is: 95 % intervals by formulas of the literature."""

import math
from collections.abc import Sequence

NORMAL_95 = 1.96


def paired(differences: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of a mean of paired differences, each from -1 to 1.

    Agresti and Min, "Simple improved confidence intervals for comparing matched proportions" (2005): two further pairs,
    half of one better, half of one worse and one unchanged, so that it has a width where nothing changed.
    """
    pairs = len(differences) + 2
    mean = sum(differences) / pairs
    spread = math.sqrt(((sum(one * one for one in differences) + 1) / pairs - mean * mean) / pairs)
    return max(-1.0, mean - NORMAL_95 * spread), min(1.0, mean + NORMAL_95 * spread)


def wilson(right: float, among: int) -> tuple[float, float]:
    """Return the 95 % interval of a share: `right` of `among`, which is above 0.

    Wilson, "Probable inference, the law of succession, and statistical inference" (1927). Right may be a sum of parts.
    """
    square = NORMAL_95 * NORMAL_95
    share = right / among
    middle = (share + square / (2 * among)) / (1 + square / among)
    spread = share * (1 - share) / among + square / (4 * among * among)
    half = NORMAL_95 / (1 + square / among) * math.sqrt(max(0.0, spread))
    return max(0.0, middle - half), min(1.0, middle + half)
