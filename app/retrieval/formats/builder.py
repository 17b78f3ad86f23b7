"""Writes the stored text of a document that is no text itself, block by block, and notes where its parts stand."""

from collections.abc import Sequence

from app.retrieval.parts import Heading, Parts, Table
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

TEXT_CHARS = 16 << 20
"""As many characters as a text file may have bytes."""
HEADING_CHARS = 300
"""A longer heading is text."""


class Builder:
    """The text so far. Raises DocumentUnreadable (`too_large`) when it gets longer than a document may be.

    Headings are marked and tables drawn as Markdown does it, one row a line: models and people read both, and whoever
    quotes a row quotes one line.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0
        self._headings: list[Heading] = []
        self._tables: list[Table] = []
        self._pages: list[int] = []

    def page(self) -> None:
        """Begin a page here."""
        self._part()
        self._pages.append(self._chars)

    def heading(self, level: int, title: str) -> None:
        """Add a heading; `level` is from 1."""
        title = one_line(title)
        if len(title) > HEADING_CHARS:
            self.paragraph(title)
        elif title:
            self._part()
            start = self._chars
            self._add(f"{'#' * min(level, 6)} {title}\n")
            self._headings.append(Heading(level, title, start, self._chars))

    def paragraph(self, text: str) -> None:
        """Add a paragraph as it is, if there is anything to see in it."""
        if text.strip():
            self._part()
            self._add(f"{text}\n")

    def table(self, rows: Sequence[Sequence[str]], heads: int, caption: str = "") -> None:
        """Add a table whose first `heads` rows name its columns."""
        rows = [row for row in rows if any(cell.strip() for cell in row)]
        if not rows:
            self.paragraph(caption)
            return
        heads = min(heads, len(rows) - 1)
        self._part()
        start = self._chars
        if caption.strip():
            self._add(f"{one_line(caption)}\n")
        for row in rows[:heads]:
            self._row(row)
        if heads:
            self._row(["-"] * len(rows[0]))
        head = self._chars
        starts: list[int] = []
        for row in rows[heads:]:
            starts.append(self._chars)
            self._row(row)
        self._tables.append(Table(start, head, self._chars, tuple(starts)))

    def include(self, parts: Parts, *, deeper: int) -> None:
        """Add what was read of something else as a part of this, its headings `deeper` levels down; without pages."""
        if not parts.text.strip():
            return
        self._part()
        at = self._chars
        self._add(parts.text if parts.text.endswith("\n") else f"{parts.text}\n")
        self._headings += (
            Heading(one.level + deeper, one.title, one.start + at, one.end + at) for one in parts.headings
        )
        self._tables += (
            Table(one.start + at, one.head + at, one.end + at, tuple(row + at for row in one.rows))
            for one in parts.tables
        )

    def parts(self, *, title: str = "", unread: tuple[int, ...] = (), encoding: str = "") -> Parts:
        """Return the document."""
        return Parts(
            "".join(self._pieces),
            tuple(self._headings),
            tuple(self._tables),
            tuple(self._pages),
            unread,
            title=title,
            encoding=encoding,
        )

    def _row(self, row: Sequence[str]) -> None:
        cells = (one_line(cell).replace("|", "\\|") for cell in row)
        self._add(f"| {' | '.join(cells)} |\n")

    def _part(self) -> None:
        if self._chars and self._pieces[-1] != "\n":
            self._add("\n")

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._chars += len(text)
        if self._chars > TEXT_CHARS:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)


def one_line(text: str) -> str:
    """Return the text on one line, with single blanks."""
    return " ".join(text.split())
