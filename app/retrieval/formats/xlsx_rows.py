"""Which rows of a sheet are a table, which name its columns, and which only say something."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Row = Mapping[int, str]
"""The cells that hold something, by their column."""

_VALUE = re.compile(r"[-+(]?[$€£¥]?\d")


@dataclass
class Block:
    """Rows without a blank one between them: `lines` above a table, the last one its caption, and its `rows`."""

    lines: list[str] = field(default_factory=list[str])
    rows: list[Row] = field(default_factory=list[Row])

    @property
    def columns(self) -> list[int]:
        """The columns that hold something."""
        return sorted({column for row in self.rows for column in row})


def blocks_of(rows: Sequence[tuple[int, Row]]) -> Iterator[Block]:
    """Cut a sheet, rows by their numbers, at its blank rows; a table that only a blank row divides stays one."""
    last: Block | None = None
    for group in _groups(rows):
        block = _block(group)
        if last is not None and not block.lines and _goes_on(last, block):
            last.rows += block.rows
            continue
        if last is not None:
            yield last
        last = block
    if last is not None:
        yield last


def _groups(rows: Sequence[tuple[int, Row]]) -> Iterator[list[Row]]:
    group: list[Row] = []
    before = 0
    for number, row in rows:
        if group and number != before + 1:
            yield group
            group = []
        group.append(row)
        before = number
    if group:
        yield group


def _block(group: Sequence[Row]) -> Block:
    """A row of one cell above the first one of several says something of them; so do rows that are all so."""
    at = next((number for number, row in enumerate(group) if len(row) > 1), len(group))
    return Block([text for row in group[:at] for text in row.values()], list(group[at:]))


def _goes_on(table: Block, block: Block) -> bool:
    """Whether a block continues a table: in its columns, and with values where new columns would be named."""
    if not table.rows or not block.rows or not frozenset(block.columns) <= frozenset(table.columns):
        return False
    return any(_VALUE.match(text) for text in block.rows[0].values())
