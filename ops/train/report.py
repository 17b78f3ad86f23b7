"""The evidence of the rating as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.inference.routing.complexity import Weights
from app.inference.words.tiers import TIERS
from ops.train import blend, evaluate, learned
from ops.train.curves import recovered_at
from ops.train.evaluate import Rated, Row, broken_subjects, fifths, rows
from ops.train.outcomes import Floats, Ints, Mask


@dataclass(frozen=True, slots=True)
class Answers:
    """Tiers that were wanted and chosen for one set of labelled questions, by one way of choosing."""

    name: str
    wanted: Ints
    chosen: Ints


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    every = [list(head), ["---"] * len(head), *map(list, lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in every)


def orders(rated: Rated, *, seed: int, samples: int) -> str:
    """Return the APGR tables: multiple choice, the same without broken subjects, and everything else."""
    broken = broken_subjects(rated.outcomes)
    parts: list[tuple[str, Mask]] = [("Multiple choice", rated.is_exam), ("Other prompts", ~rated.is_exam)]
    if broken:
        sound = rated.is_exam & ~np.isin(rated.outcomes.subjects, broken)
        parts.insert(1, (f"Multiple choice without {', '.join(broken)} (strong model below chance)", sound))
    return "\n\n".join(
        _order(title, rated, mask, evaluate.Sampling(seed, samples)) for title, mask in parts if mask.sum() > 1
    )


def _order(title: str, rated: Rated, mask: Mask, sampling: evaluate.Sampling) -> str:
    found = [_line(row) for row in rows(rated, mask, sampling)]
    gain, is_complex = rated.outcomes.gain[mask], rated.is_complex[mask]
    share = float(is_complex.mean())
    recovered = recovered_at(rated.orders["need, as served"][mask], gain, share)
    subjects = len(np.unique(rated.outcomes.subjects[mask]))
    head = (
        "order",
        "APGR (95 % over prompts)",
        "95 % over subjects",
        "lead over length (95 %)",
        "CPT(50 %)",
        "CPT(80 %)",
    )
    return (
        f"### {title}: {int(mask.sum())} prompts, {subjects} subject{'s' if subjects > 1 else ''}\n\n"
        f"{table(head, found)}\n\n"
        f"The shipped thresholds send {share:.1%} of these prompts to `complex`, which recovers {recovered:.1%} of the "
        f"gap; a random router of the same cost recovers {share:.1%}."
    )


def _line(row: Row) -> list[str]:
    over_subjects = f"{row.over_subjects.low:.3f} to {row.over_subjects.high:.3f}"
    shares = (f"{row.share_for_half:.1%}", f"{row.share_for_most:.1%}")
    return [row.order, str(row.over_prompts), over_subjects, str(row.lead), *shares]


def calibration(rated: Rated) -> str:
    """Return how outcomes follow the need, by fifths of the multiple-choice prompts."""
    found = fifths(rated, rated.is_exam)
    lines = [[f"{f.prompts}", f"{f.need:.2f}", f"{f.strong_alone:.1%}", f"{f.weak:.1%}"] for f in found]
    return table(("prompts", "mean need", "only the strong model right", "weak model right"), lines)


def answers(sets: Sequence[Answers]) -> str:
    """Return accuracy and the direction of the errors for each set."""
    lines: list[list[str]] = []
    for one in sets:
        counts = blend.confusion(one.chosen, one.wanted)
        by_tier = [f"{counts[i, i]}/{counts[i].sum()}" for i in range(len(TIERS))]
        low, high = int(np.tril(counts, -1).sum()), int(np.triu(counts, 1).sum())
        right = int(np.trace(counts))
        total = len(one.wanted)
        lines.append([one.name, f"{right}/{total} ({right / total:.0%})", *by_tier, str(low), str(high)])
    head = ("set", "right", *(tier.value for tier in TIERS), "too low", "too high")
    return table(head, lines)


def needs(name: str, found: Floats, wanted: Ints) -> str:
    """Return the mean need of each tier, in one sentence."""
    means = ", ".join(f"{tier.value} {found[wanted == i].mean():.2f}" for i, tier in enumerate(TIERS))
    return f"Mean need in {name}: {means} (0, 0.5 and 1 would be perfect)."


def weights_table(weights: Weights) -> str:
    """Return the fitted weights and which of them are priors."""
    lines = [[name, f"{value:.2f}", "prior" if name in PRIORS else "fitted"] for name, value in weights.cues.items()]
    lines += [
        ["learned score, user questions", f"{weights.learned:.2f}", "fitted"],
        ["learned score, multiple choice", f"{weights.exam_learned:.2f}", "prior"],
        ["bias, multiple choice", f"{weights.exam_bias:.2f}", "prior: the middle of `medium`"],
        ["cuts", f"{weights.medium_at:.2f}, {weights.complex_at:.2f}", "fitted"],
        ["thresholds on the need", f"{weights.simple_below:.2f}, {weights.complex_from:.2f}", "fitted"],
        ["margin of abstention", f"{weights.margin:.2f}", "prior"],
    ]
    return table(("part", "value", "from"), lines)


PRIORS = {"code": 1.0}
"""Cues that no labelled question shows, so that nothing can be fitted: their weight is an assumption."""


def method(*, seed: int, samples: int, prompts: int, subjects: int) -> str:
    """Return how the figures were made."""
    return (
        f"Seed {seed}; {prompts} prompts of {subjects} subjects; {samples} bootstrap samples an interval; ridge "
        f"penalty {learned.RIDGE:g}, 2^{learned.BITS} hashed entries of 8 bits; log length counts for "
        f"{learned.LENGTH_SHARE:g} of a standard deviation of the words (a choice, made on left-out subjects)."
    )
