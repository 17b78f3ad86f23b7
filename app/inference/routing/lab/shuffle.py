"""Whether a router beats a shuffle of its own choices: the same calls at the same cost, to prompts drawn by lot."""

from dataclasses import dataclass

import numpy as np

from app.inference.routing.lab.curves import recovered_at
from app.inference.routing.lab.outcomes import Floats

SHARES = (0.2, 0.4, 0.6, 0.8)
"""Shares of strong calls at which both are compared."""
SHUFFLES = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """Parts of the gap recovered, on average over SHARES: by the router, and by 97.5 % of the shuffles at most."""

    router: float
    shuffled: float

    @property
    def may_serve(self) -> bool:
        """Whether the router is better than all but 2.5 % of the shuffles."""
        return self.router > self.shuffled

    def __str__(self) -> str:
        than = "more" if self.may_serve else "no more"
        return (
            f"At {', '.join(f'{share:.0%}' for share in SHARES)} strong calls the router recovers {self.router:.1%} of "
            f"the gap on average, {than} than 97.5 % of {SHUFFLES} shuffles of the same cost "
            f"(up to {self.shuffled:.1%})."
        )


def judge(needs: Floats, gain: Floats, *, seed: int) -> Verdict:
    """Compare them. Without a gap there is nothing to recover: the router may not serve."""
    if gain.sum() <= 0:
        return Verdict(0.0, 0.0)
    rng = np.random.default_rng(seed)
    return Verdict(
        _recovered(needs, gain),
        float(np.quantile([_recovered(rng.permutation(needs), gain) for _ in range(SHUFFLES)], 0.975)),
    )


def _recovered(needs: Floats, gain: Floats) -> float:
    return float(np.mean([recovered_at(needs, gain, share) for share in SHARES]))
