"""Whether a team answers worse than before: two reports on the same questions, compared question by question."""

from collections.abc import Sequence
from statistics import fmean

import msgspec

from app.errors import BadInput
from app.evaluation.marks import Mark
from app.evaluation.report import GROUNDEDNESS, Report, Row, value_of
from app.intervals import paired

TOLERANCE = 0.02
"""How far a mean may fall: by one question of fifty."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mark in a file, over the same `questions`, and the 95 % interval of the difference."""

    file: str
    mark: str
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


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All changes, those that are for the worse, and the questions that only one of the reports has."""

    changes: tuple[Change, ...]
    blocking: tuple[Change, ...]
    unpaired: tuple[str, ...]


def compare(before: Report, after: Report, *, tolerance: float = TOLERANCE) -> Comparison:
    """Compare two reports. A mark blocks when its mean falls by more than `tolerance`, sure or not.

    Raises BadInput: they are of two teams, or have no question in common.
    """
    if before.team != after.team:
        raise BadInput(f"the earlier report is of the team {before.team}, not {after.team}")
    earlier, later = _by_key(before.rows), _by_key(after.rows)
    pairs = [(earlier[key], later[key]) for key in later if key in earlier]
    if not pairs:
        raise BadInput("the reports have no question in common")
    changes = tuple(
        change
        for file in sorted({new.file for _, new in pairs})
        for mark in (*Mark, GROUNDEDNESS)
        if (change := _change(file, mark, [pair for pair in pairs if pair[1].file == file])) is not None
    )
    return Comparison(
        changes=changes,
        blocking=tuple(one for one in changes if one.difference < -tolerance - 1e-9),
        unpaired=tuple(sorted(name for _, name in earlier.keys() ^ later.keys())),
    )


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    return {(row.file, row.id): row for row in rows}


def _change(file: str, mark: str, pairs: Sequence[tuple[Row, Row]]) -> Change | None:
    valued = [
        (new.id, before, after)
        for old, new in pairs
        if (before := value_of(old, mark)) is not None and (after := value_of(new, mark)) is not None
    ]
    if not valued:
        return None
    low, high = paired([after - before for _, before, after in valued])
    return Change(
        file=file,
        mark=mark,
        questions=len(valued),
        before=fmean(before for _, before, _ in valued),
        after=fmean(after for _, _, after in valued),
        low=low,
        high=high,
        worse=tuple(name for name, before, after in valued if after < before),
        better=tuple(name for name, before, after in valued if after > before),
    )
