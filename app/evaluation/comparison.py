"""Whether a team answers worse than before: two reports on the same questions, compared question by question."""

from collections.abc import Sequence

import msgspec

from app import changes
from app.changes import TOLERANCE
from app.errors import BadInput
from app.evaluation.marks import Mark
from app.evaluation.report import GROUNDEDNESS, Report, Row, value_of


class Change(changes.Change, frozen=True, kw_only=True):
    """What became of a mark in a file."""

    file: str
    mark: str


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
        blocking=tuple(one for one in changes if one.blocks(tolerance)),
        unpaired=tuple(sorted(name for _, name in earlier.keys() ^ later.keys())),
    )


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    return {(row.file, row.id): row for row in rows}


def _change(file: str, mark: str, pairs: Sequence[tuple[Row, Row]]) -> Change | None:
    change = changes.change([(new.id, value_of(old, mark), value_of(new, mark)) for old, new in pairs])
    return None if change is None else Change(file=file, mark=mark, **msgspec.structs.asdict(change))
