"""What became of a measure between two reports on the same questions, compared question by question."""

from collections.abc import Sequence
from statistics import fmean

import msgspec

from app.intervals import paired

TOLERANCE = 0.02
"""How far a mean may fall: by one question of fifty, so that below fifty questions each one that is lost blocks."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Means before and after over the same `questions`, and the interval of the difference.

    `low` to `high` holds the difference over all questions of the kind in 95 of 100 such evaluations: with few
    questions it is wide, and a fall inside of it may be chance. `worse` and `better` are the questions that changed.
    """

    questions: int
    before: float
    after: float
    low: float
    high: float
    worse: tuple[str, ...]
    better: tuple[str, ...]

    @property
    def difference(self) -> float:
        """The mean after, less that before."""
        return self.after - self.before

    def blocks(self, tolerance: float) -> bool:
        """Whether the mean falls by more than is tolerated, sure or not.

        A gate that waited until a fall is beyond chance would let every change pass with some dozens of questions.
        """
        return self.difference < -tolerance - 1e-9


def change(valued: Sequence[tuple[str, float | None, float | None]]) -> Change | None:
    """Return what became of questions, each with its value before and after; None where none has both."""
    both = [(name, old, new) for name, old, new in valued if old is not None and new is not None]
    if not both:
        return None
    low, high = paired([new - old for _, old, new in both])
    return Change(
        questions=len(both),
        before=fmean(old for _, old, _ in both),
        after=fmean(new for _, _, new in both),
        low=low,
        high=high,
        worse=tuple(name for name, old, new in both if new < old),
        better=tuple(name for name, old, new in both if new > old),
    )
