"""Thresholds on the need, from what share of the traffic a tier should get."""

import msgspec
import numpy as np

from app.inference.routing.complexity import Weights
from app.inference.routing.lab.outcomes import Floats


def thresholds(weights: Weights, needs: Floats, simple: float, complex_share: float) -> Weights:
    """Return the weights with thresholds that make these shares of `needs` simple and complex, as near as ties allow.

    Raises ValueError when both shares leave less than nothing for medium.
    """
    if not (0 <= simple <= 1 and 0 <= complex_share <= 1 and simple + complex_share <= 1):
        raise ValueError("the shares are parts of 1, and together no more than 1")
    low, high = np.quantile(needs, [simple, 1 - complex_share])
    # Without a share for a tier, no need reaches it.
    simple_below = 0.0 if simple == 0 else round(float(low), 6)
    complex_from = 1.01 if complex_share == 0 else round(float(high), 6)
    return msgspec.structs.replace(weights, simple_below=simple_below, complex_from=max(complex_from, simple_below))
