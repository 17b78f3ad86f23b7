"""How much quality an order of prompts buys for each share of strong calls."""

from dataclasses import dataclass

import numpy as np

from app.inference.routing.lab.outcomes import Floats, Ints


def apgr(scores: Floats, gain: Floats) -> float:
    """Return the average performance gap recovered (RouteLLM, arXiv 2406.18665): 0.5 is random, 1 is not reachable.

    Prompts go to the strong model from the highest score down; the share of the whole gain recovered is averaged over
    all shares. Equal scores count as mixed evenly.
    """
    recovered = _curve(scores, gain)
    return float((recovered[1:] + recovered[:-1]).sum() / 2 / len(gain))


def share_for(scores: Floats, gain: Floats, recovered: float) -> float:
    """Return CPT: the smallest share of strong calls that recovers `recovered` of the gap (1.0 if none does)."""
    reached = np.flatnonzero(_curve(scores, gain) >= recovered)
    return float(reached[0] / len(gain)) if len(reached) else 1.0


def recovered_at(scores: Floats, gain: Floats, share: float) -> float:
    """Return PGR: the part of the gap that is recovered with `share` of the calls strong."""
    return float(_curve(scores, gain)[round(share * len(gain))])


def _curve(scores: Floats, gain: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    ranked, gains = scores[order], gain[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    sizes = np.diff(np.append(starts, len(gains)))
    even = np.repeat(np.add.reduceat(gains, starts) / sizes, sizes)
    total = np.append(0.0, np.cumsum(even))
    whole = float(total[-1])
    if whole <= 0:
        raise ValueError("the strong model is no better here: there is no gap to recover")
    return total / whole


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the 2.5th and 97.5th percentile of its bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def samples(groups: Ints, *, count: int, seed: int) -> list[Ints]:
    """Return `count` bootstrap samples of row numbers: whole groups are drawn, and rows within each."""
    rng = np.random.default_rng(seed)
    names = np.unique(groups)
    members = {int(name): np.flatnonzero(groups == name) for name in names}
    drawn: list[Ints] = []
    for _ in range(count):
        chosen = [members[int(name)] for name in rng.choice(names, len(names))]
        drawn.append(np.concatenate([rng.choice(rows, len(rows)) for rows in chosen]))
    return drawn


def interval(scores: Floats, gain: Floats, drawn: list[Ints], *, over: Floats | None = None) -> Interval:
    """Return the APGR of `scores`, or what it is above the APGR of `over` on the same samples."""

    def figure(rows: Ints | slice) -> float:
        base = 0.0 if over is None else apgr(over[rows], gain[rows])
        return apgr(scores[rows], gain[rows]) - base

    # Some samples of few subjects have no gap to recover, so no figure.
    found = [figure(rows) for rows in drawn if gain[rows].sum() > 0]
    low, high = (float(bound) for bound in np.quantile(found, (0.025, 0.975)))
    return Interval(figure(slice(None)), low, high)
