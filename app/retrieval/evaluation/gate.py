"""Whether a change makes retrieval worse: two reports on the same questions, compared question by question."""

from collections.abc import Sequence
from statistics import fmean

import msgspec

from app.errors import BadInput
from app.intervals import paired as interval_of
from app.retrieval.evaluation.measures import Among, Metric, Row, value_of
from app.retrieval.evaluation.report import Report

TOLERANCE = 0.02
"""How far a mean may fall: by one question of fifty, so that below fifty questions each one that is lost blocks."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a metric: means before and after over the same `questions`, and the interval of the difference.

    `low` to `high` holds the difference over all questions of the kind in 95 of 100 such evaluations: with few
    questions it is wide, and a fall inside of it may be chance. `worse` and `better` are the questions that changed.
    """

    metric: Metric
    among: Among
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


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """All changes, those that block, and the questions that only one of the reports has."""

    changes: tuple[Change, ...]
    blocking: tuple[Change, ...]
    unpaired: tuple[str, ...]

    @property
    def may_go_live(self) -> bool:
        """Whether no metric fell by more than is tolerated."""
        return not self.blocking


def judge(before: Report, after: Report, *, tolerance: float = TOLERANCE) -> Verdict:
    """Compare two reports. A metric blocks when its mean falls by more than `tolerance`, sure or not.

    A gate that waited until a fall is beyond chance would let every change pass with some dozens of questions. Raises
    BadInput: the reports have no question in common.
    """
    earlier, later = _by_key(before.rows), _by_key(after.rows)
    paired = [(earlier[key], later[key]) for key in later if key in earlier]
    if not paired:
        raise BadInput("the reports have no question in common")
    changes = [
        change
        for among in Among
        for metric in Metric
        if (change := _change(metric, among, [pair for pair in paired if pair[1].among is among], after.k)) is not None
    ]
    return Verdict(
        changes=tuple(changes),
        blocking=tuple(one for one in changes if one.difference < -tolerance - 1e-9),
        unpaired=tuple(sorted({key[0] for key in earlier.keys() ^ later.keys()})),
    )


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str, Among], Row]:
    return {(row.id, row.question, row.among): row for row in rows}


def _change(metric: Metric, among: Among, pairs: Sequence[tuple[Row, Row]], k: int) -> Change | None:
    valued = [
        (new.id, before, after)
        for old, new in pairs
        if (before := value_of(metric, old, k)) is not None and (after := value_of(metric, new, k)) is not None
    ]
    if not valued:
        return None
    low, high = interval_of([after - before for _, before, after in valued])
    return Change(
        metric=metric,
        among=among,
        questions=len(valued),
        before=fmean(before for _, before, _ in valued),
        after=fmean(after for _, _, after in valued),
        low=low,
        high=high,
        worse=tuple(name for name, before, after in valued if after < before),
        better=tuple(name for name, before, after in valued if after > before),
    )
