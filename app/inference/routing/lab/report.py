"""The evidence of the rating as Markdown."""

from collections.abc import Iterable, Sequence

import numpy as np

from app.inference.routing.complexity import Weights
from app.inference.routing.lab import labels
from app.inference.routing.lab.curves import apgr, recovered_at
from app.inference.routing.lab.evaluate import (
    LENGTH,
    ORACLE,
    RANDOM,
    Rated,
    Row,
    Sampling,
    broken_subjects,
    fifths,
    rows,
)
from app.inference.routing.lab.outcomes import Mask
from app.inference.routing.lab.train import Answers
from app.inference.words.tiers import TIERS

FEWEST = 2
"""Prompts that make a part of their own."""


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    every = [list(head), ["---"] * len(head), *map(list, lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in every)


def parts(rated: Rated, without: Sequence[str]) -> list[tuple[str, Mask]]:
    """Return what is told apart: multiple choice, the same without some subjects, and everything else."""
    chosen, subjects = rated.has_options, rated.outcomes.subjects
    found = [("Multiple choice", chosen), ("Other prompts", ~chosen)]
    for name in (*broken_subjects(rated.outcomes), *without):
        why = "strong model below chance" if name not in without else "left out as asked"
        found.insert(-1, (f"Multiple choice without {name} ({why})", chosen & (subjects != name)))
    return [(title, mask) for title, mask in found if mask.sum() >= FEWEST and rated.outcomes.gain[mask].sum() > 0]


def orders(rated: Rated, sampling: Sampling, without: Sequence[str] = ()) -> str:
    """Return for each part the table of orders, and what the costs and the thresholds come to."""
    return "\n\n".join(_order(title, rated, mask, sampling) for title, mask in parts(rated, without))


def _order(title: str, rated: Rated, mask: Mask, sampling: Sampling) -> str:
    subjects = len(np.unique(rated.outcomes.subjects[mask]))
    head = (
        "order",
        "APGR (95 % over prompts)",
        "95 % over subjects",
        "lead over length (95 %)",
        "CPT(50 %)",
        "CPT(80 %)",
    )
    return "\n\n".join(
        (
            f"### {title}: {int(mask.sum())} prompts, {subjects} subject{'s' if subjects > 1 else ''}",
            table(head, map(_line, rows(rated, mask, sampling))),
            costs(rated, mask),
            _shares(rated, mask),
        )
    )


def _line(row: Row) -> list[str]:
    over_subjects = f"{row.over_subjects.low:.3f} to {row.over_subjects.high:.3f}"
    shares = (f"{row.share_for_half:.1%}", f"{row.share_for_most:.1%}")
    return [row.order, str(row.over_prompts), over_subjects, str(row.lead), *shares]


def costs(rated: Rated, mask: Mask) -> str:
    """Return how many answers are right where half of the calls are strong, beside never, always, and the best."""
    outcomes = rated.outcomes.where(mask)
    weak, strong, gain = outcomes.weak.mean(), outcomes.strong.mean(), outcomes.gain
    lines = [["always small", "0%", f"{weak:.1%}"], ["always large", "100%", f"{strong:.1%}"]]
    for order in (RANDOM, LENGTH, rated.router, ORACLE):
        right = weak + recovered_at(rated.orders[order][mask], gain, 0.5) * gain.mean()
        lines.append([order, "50%", f"{right:.1%}"])
    return table(("policy", "strong calls", "answers right"), lines)


def _shares(rated: Rated, mask: Mask) -> str:
    counts = np.bincount(rated.tiers[mask], minlength=len(TIERS)) / mask.sum()
    shares = ", ".join(f"{share:.1%} `{tier}`" for share, tier in zip(counts, TIERS, strict=True))
    return f"The thresholds make {shares} of these prompts."


def subjects(rated: Rated) -> str:
    """Return the router beside length for each subject; `-` where the strong model is no better."""
    lines: list[list[str]] = []
    for name in map(str, np.unique(rated.outcomes.subjects)):
        mask = rated.outcomes.subjects == name
        one = rated.outcomes.where(mask)
        has_gap = one.gain.sum() > 0
        found = [f"{apgr(figures[mask], one.gain):.3f}" if has_gap else "-" for figures in rated.orders.values()]
        lines.append([name, str(len(one.prompts)), f"{one.weak.mean():.2f}", f"{one.strong.mean():.2f}", *found])
    return table(("subject", "prompts", "weak", "strong", *rated.orders), lines)


def calibration(rated: Rated) -> str:
    """Return how outcomes follow the need, by fifths of the multiple-choice prompts."""
    mask = rated.has_options if rated.has_options.sum() >= FEWEST else ~rated.has_options
    lines = [
        [f"{f.prompts}", f"{f.need:.2f}", f"{f.wanted:.2f}", f"{f.strong_alone:.1%}", f"{f.weak:.1%}"]
        for f in fifths(rated, mask)
    ]
    return table(
        ("prompts", "mean need", "need that outcomes show", "only the strong model right", "weak right"), lines
    )


def answers(sets: Sequence[Answers]) -> str:
    """Return accuracy and the direction of the errors for each set."""
    lines: list[list[str]] = []
    for one in sets:
        counts = labels.confusion(one.chosen, one.wanted)
        by_tier = [f"{counts[i, i]}/{counts[i].sum()}" for i in range(len(TIERS))]
        low, high = int(np.tril(counts, -1).sum()), int(np.triu(counts, 1).sum())
        right, total = int(np.trace(counts)), len(one.wanted)
        means = " / ".join(f"{one.needs[one.wanted == i].mean():.2f}" for i in range(len(TIERS)))
        lines.append([one.name, f"{right}/{total} ({right / total:.0%})", *by_tier, str(low), str(high), means])
    return table(("set", "right", *(tier.value for tier in TIERS), "too low", "too high", "mean need by tier"), lines)


def weights_table(weights: Weights) -> str:
    """Return the fitted weights."""
    lines = [[name, f"{value:.2f}"] for name, value in weights.cues.items()]
    lines += [
        ["cuts", f"{weights.medium_at:.2f}, {weights.complex_at:.2f}"],
        ["thresholds on the need", f"{weights.simple_below:.2f}, {weights.complex_from:.2f}"],
        ["margin of abstention (assumed)", f"{weights.margin:.2f}"],
        ["multiple choice: bias, slope", f"{weights.choice.bias:.2f}, {weights.choice.slope:.2f}"],
    ]
    if weights.prototypes is not None:
        lines.append(
            ["prototypes, and of which embedder", f"{len(weights.prototypes.weights)}, {weights.prototypes.digest}"]
        )
    return table(("part", "value"), lines)


def evaluation(rated: Rated, sampling: Sampling, without: Sequence[str] = ()) -> str:
    """Return every table that outcomes give."""
    return "\n\n".join(
        (
            orders(rated, sampling, without),
            "### By subject: APGR",
            subjects(rated),
            "### Need and outcome",
            calibration(rated),
        )
    )
