"""Reads Word documents (OOXML, ECMA-376 part 1): headings by their style, lists, tables, footnotes."""

import re
from dataclasses import dataclass, field

from app.retrieval.formats.builder import Builder
from app.retrieval.formats.core import title_of
from app.retrieval.formats.encodings import storable
from app.retrieval.formats.package import Package
from app.retrieval.formats.xml import feed, ignored, value_of, word_of
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

DOCUMENT = "word/document.xml"
SKIPPED = frozenset({"del", "moveFrom", "delText", "instrText", "Fallback", "txbxContent"})
"""What is struck out, moved away, an order to the program, or said twice."""

_HEADING_STYLE = re.compile(r"heading ([1-9])", re.IGNORECASE)
_BLANKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read(raw: bytes, charset: str | None) -> Parts:
    """Read a Word document. Raises DocumentUnreadable: `encrypted`, `bomb`, `malformed`, `type_mismatch`."""
    del charset
    package = Package(raw)
    body = package.read(DOCUMENT)
    if body is None:
        raise DocumentUnreadable(Unreadable.TYPE_MISMATCH)
    styles = _Styles()
    if (part := package.read("word/styles.xml")) is not None:
        feed(part, styles.start, styles.end, ignored)
    builder = Builder()
    story = _Story(builder, styles)
    feed(body, story.start, story.end, story.text)
    if (notes := package.read("word/footnotes.xml")) is not None:
        feed(notes, story.start, story.end, story.text)
    story.close()
    return builder.parts(title=title_of(package))


class _Styles:
    """Which styles are headings, of which level, and which are captions."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self.captions: set[str] = set()
        self._id = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if word == "style":
            self._id = value_of(attributes, "styleId")
        elif word == "name":
            self._named(value_of(attributes))
        elif word == "outlineLvl" and self._id and value_of(attributes).isdecimal() and int(value_of(attributes)) < 9:
            self.levels.setdefault(self._id, int(value_of(attributes)) + 1)

    def end(self, name: str) -> None:
        if word_of(name) == "style":
            self._id = ""

    def _named(self, name: str) -> None:
        if found := _HEADING_STYLE.fullmatch(name):
            self.levels[self._id] = int(found.group(1))
        elif name.lower() == "title":
            self.levels[self._id] = 1
        elif name.lower() == "caption":
            self.captions.add(self._id)


@dataclass
class _Paragraph:
    style: str = ""
    level: int | None = None
    is_item: bool = False
    pieces: list[str] = field(default_factory=list[str])


@dataclass
class _Table:
    rows: list[list[str]] = field(default_factory=list[list[str]])
    heads: int = 0
    is_head: bool = False


class _Story:
    """Follows the body and writes what it says. A table in a table is told as words of its cell."""

    def __init__(self, builder: Builder, styles: _Styles) -> None:
        self._builder = builder
        self._styles = styles
        self._paragraphs: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._skipped = 0
        self._is_text = False
        self._caption = ""
        self._begun = {"p": self._paragraph, "tbl": self._table, "tr": self._row, "tc": self._cell}
        self._ended = {"p": self._end_paragraph, "tbl": self._end_table, "tr": self._end_row}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if self._skipped or word in SKIPPED:
            self._skipped += 1
        elif word in self._begun:
            self._begun[word]()
        elif word == "tblHeader" and self._tables:
            self._tables[-1].is_head = value_of(attributes) not in {"0", "false", "off"}
        elif self._paragraphs:
            self._in_paragraph(word, attributes)

    def end(self, name: str) -> None:
        word = word_of(name)
        if self._skipped:
            self._skipped -= 1
        elif word == "t":
            self._is_text = False
        elif word in self._ended:
            self._ended[word]()

    def text(self, text: str) -> None:
        if self._is_text and not self._skipped and self._paragraphs:
            self._paragraphs[-1].pieces.append(storable(text))

    def close(self) -> None:
        """Write a caption that no table followed."""
        self._release()

    def _in_paragraph(self, word: str, attributes: dict[str, str]) -> None:
        paragraph = self._paragraphs[-1]
        if word == "t":
            self._is_text = True
        elif word in _BLANKS:
            paragraph.pieces.append(_BLANKS[word])
        elif word == "pStyle":
            paragraph.style = value_of(attributes)
        elif word == "outlineLvl" and value_of(attributes).isdecimal():
            paragraph.level = int(value_of(attributes)) + 1
        elif word == "numPr":
            paragraph.is_item = True

    def _paragraph(self) -> None:
        self._paragraphs.append(_Paragraph())

    def _table(self) -> None:
        self._tables.append(_Table())

    def _row(self) -> None:
        if self._tables:
            self._tables[-1].rows.append([])
            self._tables[-1].is_head = False

    def _cell(self) -> None:
        if self._tables and self._tables[-1].rows:
            self._tables[-1].rows[-1].append("")

    def _end_paragraph(self) -> None:
        if not self._paragraphs:
            return
        paragraph = self._paragraphs.pop()
        text = "".join(paragraph.pieces)
        if self._tables:
            self._say(text)
        elif text.strip():
            self._write(paragraph, text)

    def _write(self, paragraph: _Paragraph, text: str) -> None:
        level = paragraph.level or self._styles.levels.get(paragraph.style)
        if paragraph.style in self._styles.captions:
            self._release()
            self._caption = text
            return
        self._release()
        if level is not None and level <= 9:
            self._builder.heading(level, text)
        else:
            self._builder.paragraph(f"- {text.strip()}" if paragraph.is_item else text)

    def _release(self) -> None:
        if self._caption:
            self._builder.paragraph(self._caption)
            self._caption = ""

    def _say(self, text: str) -> None:
        """Add words to the cell that is open."""
        rows = self._tables[-1].rows
        if text.strip() and rows:
            if not rows[-1]:
                rows[-1].append("")
            rows[-1][-1] = f"{rows[-1][-1]} {text}".strip()

    def _end_row(self) -> None:
        table = self._tables[-1] if self._tables else None
        if table is not None and table.is_head and table.heads == len(table.rows) - 1:
            table.heads += 1

    def _end_table(self) -> None:
        if not self._tables:
            return
        table = self._tables.pop()
        if self._tables:
            self._say("; ".join(", ".join(filter(None, row)) for row in table.rows))
            return
        # Few authors mark the row that names the columns; it is the first one then.
        self._builder.table(table.rows, table.heads or 1, self._caption)
        self._caption = ""
