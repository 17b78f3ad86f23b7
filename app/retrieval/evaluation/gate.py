"""Whether a change makes retrieval worse: two reports on the same questions, compared question by question."""

from collections.abc import Sequence

import msgspec

from app import changes
from app.changes import TOLERANCE
from app.errors import BadInput
from app.retrieval.evaluation.measures import Among, Metric, Row, value_of
from app.retrieval.evaluation.report import Report


class Change(changes.Change, frozen=True, kw_only=True):
    """What became of a metric among the questions of a kind."""

    metric: Metric
    among: Among


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

    Raises BadInput: the reports have no question in common.
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
        blocking=tuple(one for one in changes if one.blocks(tolerance)),
        unpaired=tuple(sorted({key[0] for key in earlier.keys() ^ later.keys()})),
    )


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str, Among], Row]:
    return {(row.id, row.question, row.among): row for row in rows}


def _change(metric: Metric, among: Among, pairs: Sequence[tuple[Row, Row]], k: int) -> Change | None:
    change = changes.change([(new.id, value_of(metric, old, k), value_of(metric, new, k)) for old, new in pairs])
    return None if change is None else Change(metric=metric, among=among, **msgspec.structs.asdict(change))
