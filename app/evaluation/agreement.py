"""Whether a judge says what people say: blind labels against judgements of the same answers."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import msgspec

from app.errors import BadInput
from app.question_files import text_of

T = TypeVar("T", bound="Label | Judged")

LEVELS = (0.0, 0.5, 1.0)
"""What a label may be: not grounded, in part, wholly."""
ROUNDS = 2000
SEED = 7


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody who saw no judgement says of an answer: whether its passages say it."""

    id: str
    grounded: float
    by: str
    note: str = ""

    def __post_init__(self) -> None:
        """Check the level. Raises ValueError."""
        if self.grounded not in LEVELS:
            raise ValueError(f"{self.id}: grounded is 0, 0.5 or 1")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of an answer; None where it said nothing of use."""

    id: str
    groundedness: float | None = None
    relevance: float | None = None
    completeness: float | None = None
    model: str = ""
    digest: str = ""
    prompt: str = ""
    """The digest of its prompts."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far judgements agree with labels, over `answers` that have both.

    `same` is the share that are of the same level; `kappa` is Cohen's, weighted by
    how far two levels are apart (linear), with its interval by bootstrap; `spearman` compares the order. A kappa or an
    order is None where all labels, or all judgements, are the same: nothing can be said then.
    """

    answers: int
    labelled: float
    judged: float
    same: float
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    spearman: float | None
    without: tuple[str, ...]
    """Answers that only one of the two has."""


def agreement(labels: Sequence[Label], judged: Sequence[Judged]) -> Agreement:
    """Compare labels with judgements. Raises BadInput: they have no answer in common."""
    said = {one.id: one.groundedness for one in judged if one.groundedness is not None}
    labelled = {one.id: one.grounded for one in labels}
    both = sorted(said.keys() & labelled.keys())
    if not both:
        raise BadInput("the labels and the judgements have no answer in common")
    pairs = [(labelled[name], _level(said[name])) for name in both]
    low, high = _bootstrap(pairs)
    return Agreement(
        answers=len(both),
        labelled=fmean(one for one, _ in pairs),
        judged=fmean(said[name] for name in both),
        same=fmean(one == other for one, other in pairs),
        kappa=kappa(pairs),
        kappa_low=low,
        kappa_high=high,
        spearman=spearman([(labelled[name], said[name]) for name in both]),
        without=tuple(sorted(said.keys() ^ labelled.keys())),
    )


def kappa(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Cohen's kappa of two raters, weighted linearly; None where chance alone makes them agree.

    Cohen, "Weighted kappa: nominal scale agreement with provision for scaled disagreement or partial credit" (1968).
    With two levels it is the kappa of 1960.
    """
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(abs(a - b) * ones[a] * others[b] for a in ones for b in others) / len(pairs) ** 2
    if not expected:
        return None
    return 1 - fmean(abs(one - other) for one, other in pairs) / expected


def spearman(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return how alike two orders are, from -1 to 1, ties by their middle rank; None where one has no order."""
    ones, others = _ranks([one for one, _ in pairs]), _ranks([other for _, other in pairs])
    middle = (len(pairs) + 1) / 2
    spread = math.sqrt(sum((rank - middle) ** 2 for rank in ones) * sum((rank - middle) ** 2 for rank in others))
    if not spread:
        return None
    return sum((a - middle) * (b - middle) for a, b in zip(ones, others, strict=True)) / spread


def read_labels(path: Path) -> list[Label]:
    """Return the labels of a file of JSON lines. Raises BadInput."""
    return _lines(path, Label)


def read_judged(path: Path) -> list[Judged]:
    """Return the judgements of a file of JSON lines. Raises BadInput."""
    return _lines(path, Judged)


def _lines(path: Path, kind: type[T]) -> list[T]:
    found: dict[str, T] = {}
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=kind)
        except (msgspec.MsgspecError, ValueError) as error:
            raise BadInput(f"{path}, line {number}: {error}") from error
        if one.id in found:
            raise BadInput(f"{path}, line {number}: {one.id} is there twice")
        found[one.id] = one
    return list(found.values())


def _level(score: float) -> float:
    return min(LEVELS, key=lambda level: (abs(level - score), level))


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    first = {value: ordered.index(value) + 1 for value in set(values)}
    counts = Counter(values)
    return [first[value] + (counts[value] - 1) / 2 for value in values]


def _bootstrap(pairs: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    chance = random.Random(SEED)  # noqa: S311 - the same interval each time, and no secret
    found = sorted(one for _ in range(ROUNDS) if (one := kappa(chance.choices(pairs, k=len(pairs)))) is not None)
    if not found:
        return None, None
    return found[int(0.025 * len(found))], found[min(len(found) - 1, int(0.975 * len(found)))]
