"""The rows of the tables in a passage, as the texts of its formats write them: Markdown rows, CSV."""

import csv
import re
from collections.abc import Iterator, Sequence

import msgspec

from app.retrieval.formats.csv import find_delimiter, row_starts
from app.retrieval.passages import Passage

_MARKDOWN_ROW = re.compile(r"^[ \t]{0,3}\|(?P<cells>.+)\|[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"[\s:|-]+")
_CELL = re.compile(r"(?:\\\||[^|])+")
LEAST_COLUMNS = 2
LEAST_LINES = 2


class Row(msgspec.Struct, frozen=True):
    """A row at `text[start:end]` of its passage: its cells, and what each column is called (none: it has no header)."""

    cells: tuple[str, ...]
    header: tuple[str, ...]
    start: int
    end: int


def rows(passage: Passage) -> list[Row]:
    """Return the rows of the passage's tables in order, without those that name the columns."""
    found = list(_markdown(passage))
    return found or list(_separated(passage))


def _markdown(passage: Passage) -> Iterator[Row]:
    lead = [_cells(match["cells"]) for match in _MARKDOWN_ROW.finditer(passage.lead)]
    header: tuple[str, ...] = lead[0] if lead else ()
    last: re.Match[str] | None = None
    matches = list(_MARKDOWN_ROW.finditer(passage.text))
    for n, match in enumerate(matches):
        if last is not None and passage.text[last.end() : match.start()].strip():
            header = ()  # another table
        last = match
        is_rule = bool(_RULE.fullmatch(match["cells"]))
        names = n + 1 < len(matches) and bool(_RULE.fullmatch(matches[n + 1]["cells"]))
        if names:
            header = _cells(match["cells"])
        elif not is_rule:
            yield Row(_cells(match["cells"]), header, match.start(), match.end())


def _cells(row: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in _CELL.findall(row))


def _separated(passage: Passage) -> Iterator[Row]:
    whole = passage.lead + passage.text
    delimiter = find_delimiter(whole) if passage.document.lower().endswith((".csv", ".tsv")) else None
    starts = list(row_starts(whole))
    if delimiter is None or len(starts) < LEAST_LINES:
        return
    lines = [whole[start:end].rstrip("\r\n") for start, end in zip(starts, [*starts[1:], len(whole)], strict=True)]
    parsed: Sequence[Sequence[str]] = list(csv.reader(lines, delimiter=delimiter))
    if len(parsed) != len(lines):
        return
    header = tuple(cell.strip() for cell in parsed[0]) if passage.lead or not passage.start_offset else ()
    for start, line, cells in zip(starts, lines, parsed, strict=True):
        at = start - len(passage.lead)
        if at >= 0 and (start or not header):
            yield Row(tuple(cell.strip() for cell in cells), header, at, at + len(line))
