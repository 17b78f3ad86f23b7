"""Which lines of a page are a table, and what stands in which of its columns."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from app.retrieval.formats.pdf_lines import Cell, Line

LEAST_ROWS = 2
HEADS = 3
"""Rows that may name the columns; where more seem to, the first one does."""
LONE_LINES = 2
"""Lines of one cell that a table goes on over: a label without numbers, a label on two lines."""
NUMERIC_SHARE = 0.3
LEAST_PROSE_ROWS = 3
CELL_CHARS = 40
"""Columns of words, not of numbers, are a table only where their cells are as short as this on average."""
ROW_GAP = 2.6
"""A row is not further from the one above than this many of its heights."""

_NUMBER = re.compile(
    r"[$€£¥]?\s*\(?[-+\u2212]?[$€£¥]?\s*\d[\d.,]*\s*%?\)?%?[a-z*†]?|[$€£¥]?\s*[-\u2013\u2014]+|n/?[am]", re.IGNORECASE
)
_SIGN = re.compile(r"[$€£¥(]+")
_SIGN_LAST = re.compile(r"(.*\S)\s+([$€£¥]\(?)")
_TAIL = re.compile(r"[)%*†]+")
_VALUE = re.compile(r"[$€£¥(+\u2212-]*\s*\d|[-\u2013\u2014]+\Z")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def find_end(lines: Sequence[Line], at: int) -> int | None:
    """Return where a table that begins with line `at` ends; None where none begins."""
    if len(cells_of(lines[at])) < 2:
        return None
    last, end = at, at + 1
    while end < len(lines) and end - last <= LONE_LINES + 1 and _follows(lines[end - 1], lines[end]):
        if len(cells_of(lines[end])) > 1:
            last = end
        end += 1
    rows = [cells_of(line) for line in lines[at : last + 1]]
    return last + 1 if _is_table([row for row in rows if len(row) > 1]) else None


def cells_of(line: Line) -> tuple[Cell, ...]:
    """Return the cells of a line, signs of money and brackets with their numbers."""
    cells: list[Cell] = []
    for cell in _with_signs(line.cells):
        before = cells[-1] if cells else None
        if before is not None and (_SIGN.fullmatch(before.text) or _TAIL.fullmatch(cell.text)):
            blank = "" if _TAIL.fullmatch(cell.text) else " "
            cells[-1] = Cell(before.left, cell.right, f"{before.text}{blank}{cell.text}")
        else:
            cells.append(cell)
    return tuple(cells)


def _with_signs(cells: Sequence[Cell]) -> Iterator[Cell]:
    """Yield the cells; a sign of money at the end of one, nearer to it than to its number, is its own."""
    for cell in cells:
        found = None if cell is cells[-1] else _SIGN_LAST.fullmatch(cell.text)
        if found is None:
            yield cell
        else:
            yield Cell(cell.left, cell.right, found[1])
            yield Cell(cell.right, cell.right, found[2])


def rows_of(lines: Sequence[Line]) -> tuple[list[list[str]], int]:
    """Return the rows of a table, with as many cells each, and how many of them name the columns."""
    rows = [cells_of(line) for line in lines]
    columns = _columns(rows)
    placed = [_placed(row, columns) for row in rows]
    told = next((n for n, row in enumerate(placed) if not _is_head(row)), 1)
    heads = told if told <= HEADS else 1
    if heads > 1:
        placed[:heads] = [[" ".join(filter(None, cells)) for cells in zip(*placed[:heads], strict=True)]]
        heads = 1
    return placed, heads


def _follows(above: Line, line: Line) -> bool:
    return 0 <= above.y - line.y <= ROW_GAP * max(above.height, line.height)


def _is_table(rows: Sequence[tuple[Cell, ...]]) -> bool:
    cells = [cell.text for row in rows for cell in row[1:]]
    if len(rows) < LEAST_ROWS:
        return False
    numeric = sum(_NUMBER.fullmatch(cell) is not None for cell in cells)
    short = sum(map(len, cells)) / len(cells) <= CELL_CHARS
    return numeric >= NUMERIC_SHARE * len(cells) or (len(rows) >= LEAST_PROSE_ROWS and short)


def _columns(rows: Sequence[tuple[Cell, ...]]) -> list[tuple[float, float]]:
    """Return where the columns stand: as in the rows of the most common number of cells, the larger of equals."""
    counts = Counter(len(row) for row in rows if len(row) > 1)
    width = max(counts, key=lambda count: (counts[count] * count, count))
    full = [row for row in rows if len(row) == width]
    return [(min(row[n].left for row in full), max(row[n].right for row in full)) for n in range(width)]


def _placed(row: Sequence[Cell], columns: Sequence[tuple[float, float]]) -> list[str]:
    placed = [""] * len(columns)
    for cell in row:
        at = max(range(len(columns)), key=lambda n: _nearness(cell, columns[n]))
        placed[at] = f"{placed[at]} {cell.text}".strip()
    return placed


def _nearness(cell: Cell, column: tuple[float, float]) -> tuple[float, float]:
    shared = min(cell.right, column[1]) - max(cell.left, column[0])
    middle = abs((cell.left + cell.right) - (column[0] + column[1]))
    return max(0.0, shared), -middle


def _is_head(row: Sequence[str]) -> bool:
    """Whether a row names columns: no value stands in it, though years and dates may."""
    told = [cell for cell in row[1:] if cell]
    return bool(told) and not any(_VALUE.match(cell) and not _YEAR.search(cell) for cell in told)
