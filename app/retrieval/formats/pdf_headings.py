"""Which lines of a PDF are headings: by the size and the weight of their type, for the file says nothing of it."""

import re
from collections import Counter
from collections.abc import Sequence

from app.retrieval.formats.pdf_lines import Line

CHARS = 120
"""A longer line is text, however it is set."""
LARGER = 1.12
"""A heading is set at least this much larger than the body, or bold and alone."""
SIZES = 3
"""Sizes above the body's that are told apart, the largest first; bold headings are below them."""
MOST_BOLD = 0.2
"""Where more of the lines are bold than this, bold says nothing."""

_WORDS = re.compile(r"[^\W\d_]{2}|[^\W\d_]\W+[^\W\d_]")


class Levels:
    """The levels of a document's headings."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes = Counter[float]()
        for line in lines:
            sizes[line.height] += len(line.text)
        self._body = max(sizes, key=lambda size: sizes[size], default=0.0)
        larger = sorted({line.height for line in lines if self._is_larger(line)}, reverse=True)
        steps = list[float]()
        for size in larger:
            if not steps or size < steps[-1] / LARGER:
                steps.append(size)
        self._steps = steps
        self._is_bold_told = sum(line.is_bold for line in lines) <= MOST_BOLD * len(lines)

    def of(self, line: Line) -> int | None:
        """Return the level of a heading, 1 for the outermost; None for text."""
        if len(line.text) > CHARS or len(line.cells) > 1 or _WORDS.search(line.text) is None:
            return None
        if self._is_larger(line):
            return min(SIZES, sum(step >= line.height for step in self._steps) or 1)
        if line.is_bold and self._is_bold_told and line.text[-1] not in ".,;":
            return SIZES + 1
        return None

    def _is_larger(self, line: Line) -> bool:
        return line.height >= LARGER * self._body
