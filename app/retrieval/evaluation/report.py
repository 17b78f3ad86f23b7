"""A report of an evaluation: its rows, what they come to, and how it is read and written."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from app.errors import BadInput
from app.question_files import text_of
from app.retrieval.evaluation.measures import Among, Metric, Row, shares

AT_K = frozenset({Metric.PAGE_HIT, Metric.RECALL, Metric.DOCUMENT_HIT, Metric.SUPPORT})


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, at which `k` they are counted, and the digest of the questions that were asked."""

    questions: str
    k: int
    rows: tuple[Row, ...]


def read_report(path: Path) -> Report:
    """Return the report of a file. Raises BadInput."""
    text = text_of(path)
    try:
        return msgspec.json.decode(text, type=Report)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{path} is no report of an evaluation: {error}") from error


def write_report(path: Path, report: Report) -> None:
    """Write a report as JSON. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def groups_of(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows that are counted together, by among which documents was looked and by half; named."""
    for among in Among:
        here = [row for row in rows if row.among is among]
        halves = sorted({row.half for row in here})
        for half in halves if len(halves) > 1 else []:
            yield f"{among}, {half or 'other'}", [row for row in here if row.half == half]
        if here:
            yield among.value, here


def shares_heads(k: int) -> tuple[str, ...]:
    """Return the heads of `shares_cells`."""
    return (
        "AMONG",
        "ROWS",
        *(f"{metric.value.upper()}@{k}" if metric in AT_K else metric.value.upper() for metric in Metric),
    )


def shares_cells(rows: Sequence[Row], k: int) -> list[tuple[str, ...]]:
    """Return a line for each group: its name, how many rows, and each metric."""
    return [
        (name, str(len(group)), *(_cell(found.get(metric)) for metric in Metric))
        for name, group in groups_of(rows)
        for found in [shares(group, k)]
    ]


def _cell(found: tuple[float, int] | None) -> str:
    return "" if found is None else f"{found[0]:.2f} ({found[1]})"


ROW_HEADS = ("QUESTION", "AMONG", "PAGE", "DOCUMENT", "SUPPORT", "FIRST FOUND")


def row_cells(row: Row) -> tuple[str, ...]:
    """Return a line for one question: the ranks, and what came first."""
    first = row.found[0] if row.found else None
    page = "" if first is None or first.page is None else f" p. {first.page}"
    shown = "nothing" if first is None else f"{first.document}{page} ({first.score:.2f})"
    ranks = (
        _rank(row.page, is_known=row.pages_known > 0),
        _rank(row.document, is_known=row.is_answerable),
        _rank(row.support, is_known=row.is_supportable),
    )
    return (row.id, row.among.value, *ranks, shown)


def _rank(rank: int | None, *, is_known: bool) -> str:
    if not is_known:
        return ""
    return "-" if rank is None else str(rank)
