"""A table for a terminal and for a document."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ops.bench.figures import Spread


@dataclass(frozen=True, slots=True)
class Table:
    """Cells under their heads, a title above and sentences below."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def plain(self) -> str:
        """Return it in columns as wide as their widest cell."""
        lines = [self.heads, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.heads))]
        drawn = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([self.title, *(f"  {line}" for line in drawn)]) + "\n"

    def markdown(self) -> str:
        """Return it as a section of a document."""
        rule = tuple("---" for _ in self.heads)
        lines = [f"| {' | '.join(cells)} |" for cells in (self.heads, rule, *self.rows)]
        return "\n\n".join([f"## {self.title}", "\n".join(lines), *self.notes]) + "\n"


def number(value: float) -> str:
    """Return three significant digits without an exponent: 12,300; 123; 1.23; 0.0123."""
    if math.isnan(value):
        return "?"
    if value == 0:
        return "0"
    size = abs(float(f"{value:.3g}"))
    places = 0
    while size < 100 and places < 4:
        size *= 10
        places += 1
    return f"{value:,.{places}f}"


def spelled(values: Spread, *, times: str = "") -> str:
    """Return the median with the least and the most behind it; `times` is the factor to show them in."""
    factor = {"": 1.0, "ms": 1000.0}[times]
    low, high = number(values.low * factor), number(values.high * factor)
    return f"{number(values.middle * factor)} ({low} to {high})"


def ratio(values: Spread) -> str:
    """Return a ratio of rounds, as a factor."""
    return f"{number(values.middle)}x ({number(values.low)} to {number(values.high)})"


def wrap(sentences: Sequence[str]) -> str:
    """Return paragraphs of a document."""
    return "\n\n".join(sentences) + "\n"
