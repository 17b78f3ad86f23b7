"""A report of an evaluation of a team: what came of each question, and how it is read and written."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean

import msgspec

from app.errors import BadInput
from app.evaluation.marks import Mark, Told, marks_of
from app.evaluation.questions import Question
from app.intervals import wilson
from app.question_files import text_of


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one question. Its answer is not kept: it may be a customer's."""

    id: str
    file: str
    marks: dict[Mark, float]
    kind: str = ""
    chosen_by: str = ""
    agent: str = ""
    mode: str = ""
    groundedness: float | None = None
    latency_ms: int = 0
    cost_usd: float = 0.0
    degraded: tuple[str, ...] = ()
    problem: str = ""

    @property
    def wrong(self) -> tuple[Mark, ...]:
        """What is not right."""
        return tuple(mark for mark, value in self.marks.items() if value < 1)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How much of something is right, over `questions`, and the 95 % interval of that."""

    group: str
    mark: str
    questions: int
    share: float
    low: float
    high: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, what they come to, and the digest of the questions that were asked."""

    team: str
    questions: str
    version: str = ""
    shares: tuple[Share, ...] = ()
    rows: tuple[Row, ...]


GROUNDEDNESS = "groundedness"


def row_of(asked: Question, told: Told) -> Row:
    """Return what came of a question."""
    return Row(
        id=asked.id,
        file=asked.file,
        marks=marks_of(asked, told),
        kind=asked.kind,
        chosen_by=told.chosen_by,
        agent=told.agent,
        mode=told.mode,
        groundedness=told.groundedness,
        latency_ms=told.latency_ms,
        cost_usd=told.cost_usd,
        degraded=told.degraded,
        problem=told.problem,
    )


def value_of(row: Row, mark: str) -> float | None:
    """Return what a question counts for a mark, or for groundedness; None where it does not count."""
    return row.groundedness if mark == GROUNDEDNESS else row.marks.get(Mark(mark))


def shares_of(rows: Sequence[Row]) -> tuple[Share, ...]:
    """Return each mark over each group: a file, what chose, and of which kind the question is."""
    return tuple(
        share
        for group, among in groups_of(rows)
        for mark in (*Mark, GROUNDEDNESS)
        if (share := _share(group, mark, among)) is not None
    )


def groups_of(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows that are counted together; a file's choices by rule, exemplar and model are told apart."""
    for file in sorted({row.file for row in rows}):
        here = [row for row in rows if row.file == file]
        yield file, here
        yield from _parts(f"{file}, chosen by ", here, lambda row: row.chosen_by)
        yield from _parts(f"{file}, ", here, lambda row: row.kind)


def _parts(name: str, rows: Sequence[Row], part: Callable[[Row], str]) -> Iterator[tuple[str, list[Row]]]:
    for word in sorted({part(row) for row in rows} - {""}):
        yield f"{name}{word}", [row for row in rows if part(row) == word]


def _share(group: str, mark: str, rows: Sequence[Row]) -> Share | None:
    values = [value for row in rows if (value := value_of(row, mark)) is not None]
    if not values:
        return None
    low, high = wilson(sum(values), len(values))
    return Share(group=group, mark=mark, questions=len(values), share=fmean(values), low=low, high=high)


def read_report(path: Path) -> Report:
    """Return the report of a file. Raises BadInput."""
    try:
        return msgspec.json.decode(text_of(path), type=Report)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{path} is no report of an evaluation: {error}") from error


def write_report(path: Path, report: Report) -> None:
    """Write a report as JSON. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
