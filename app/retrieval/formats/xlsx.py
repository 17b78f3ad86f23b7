"""Reads workbooks (OOXML, ECMA-376 part 1, §18): sheets with their tables, what cells show, results of formulas."""

import re
from dataclasses import dataclass

from app.retrieval.formats.builder import TEXT_CHARS, Builder
from app.retrieval.formats.core import title_of
from app.retrieval.formats.encodings import storable
from app.retrieval.formats.package import Package
from app.retrieval.formats.relations import find_main, relation_id, relations_of
from app.retrieval.formats.xlsx_rows import Block, Row, blocks_of
from app.retrieval.formats.xlsx_values import Styles
from app.retrieval.formats.xml import feed, ignored, value_of, word_of
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

WORKBOOK = "xl/workbook.xml"
COLUMNS = 16_384
ROWS = 1_048_576
CELLS = TEXT_CHARS // 3
"""Of a table as it is drawn, blank ones too: each takes three characters at least."""
PHONETIC = "rPh"
"""How a text is pronounced; it stands beside it."""

_PLACE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})?")
_BOOLEANS = {"1": "TRUE", "0": "FALSE"}


def read(raw: bytes, charset: str | None) -> Parts:
    """Read a workbook; sheets that are hidden are left out.

    Raises DocumentUnreadable: those of Package, `type_mismatch`, `too_large`.
    """
    del charset
    package = Package(raw)
    main = find_main(package, WORKBOOK)
    content = package.read(main)
    if content is None:
        raise DocumentUnreadable(Unreadable.TYPE_MISMATCH)
    workbook = _Workbook()
    feed(content, workbook.start, ignored, ignored)
    if not workbook.is_workbook:
        raise DocumentUnreadable(Unreadable.TYPE_MISMATCH)
    relations = relations_of(package, main)
    parts = {relation.kind: relation.part for relation in relations.values()}
    styles = Styles(is_1904=workbook.is_1904)
    if (found := package.read(parts.get("styles", ""))) is not None:
        feed(found, styles.start, styles.end, ignored)
    strings = _Strings()
    if (found := package.read(parts.get("sharedStrings", ""))) is not None:
        feed(found, strings.start, strings.end, strings.text)
    builder = Builder()
    for sheet in workbook.sheets:
        relation = relations.get(sheet.relation)
        found = package.read(relation.part) if relation is not None and relation.kind == "worksheet" else None
        if found is not None:
            _write_sheet(builder, sheet.name, _rows_of(found, strings.found, styles))
    return builder.parts(title=title_of(package))


def _rows_of(raw: bytes, strings: list[str], styles: Styles) -> list[tuple[int, Row]]:
    sheet = _Sheet(strings, styles)
    feed(raw, sheet.start, sheet.end, sheet.text)
    # Programs write rows in their order; others may not.
    return sorted(((number, row) for number, row in sheet.rows.items() if row), key=lambda one: one[0])


def _write_sheet(builder: Builder, name: str, rows: list[tuple[int, Row]]) -> None:
    if not rows:
        return
    builder.heading(1, storable(name))
    for block in blocks_of(rows):
        _write(builder, block)


def _write(builder: Builder, block: Block) -> None:
    lines, caption = (block.lines[:-1], block.lines[-1]) if block.lines and block.rows else (block.lines, "")
    builder.paragraph("\n".join(lines))
    if not block.rows:
        return
    columns = block.columns
    if len(columns) * len(block.rows) > CELLS:
        raise DocumentUnreadable(Unreadable.TOO_LARGE)
    builder.table([[row.get(column, "") for column in columns] for row in block.rows], 1, caption)


@dataclass(frozen=True, slots=True)
class _SheetName:
    name: str
    relation: str


class _Workbook:
    """The sheets in their order, and from which day dates are counted."""

    def __init__(self) -> None:
        self.sheets: list[_SheetName] = []
        self.is_1904 = False
        self.is_workbook = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if word == "workbook":
            self.is_workbook = True
        elif word == "workbookPr":
            self.is_1904 = value_of(attributes, "date1904") in {"1", "true"}
        elif word == "sheet" and value_of(attributes, "state") in {"", "visible"}:
            self.sheets.append(_SheetName(value_of(attributes, "name"), relation_id(attributes)))


class _Strings:
    """The texts that cells share, by number."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._is_text = False
        self._is_phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        word = word_of(name)
        self._is_phonetic = self._is_phonetic or word == PHONETIC
        self._is_text = word == "t" and not self._is_phonetic

    def end(self, name: str) -> None:
        word = word_of(name)
        self._is_text = False
        if word == PHONETIC:
            self._is_phonetic = False
        elif word == "si":
            self.found.append(storable("".join(self._pieces)))
            self._pieces.clear()

    def text(self, text: str) -> None:
        if self._is_text:
            self._pieces.append(text)


class _Sheet:
    """Follows a sheet cell by cell. Formulas are not read: what they gave is, where the program kept it."""

    def __init__(self, strings: list[str], styles: Styles) -> None:
        self.rows: dict[int, dict[int, str]] = {}
        self._strings = strings
        self._styles = styles
        self._row = self._column = 0
        self._type = self._style = ""
        self._pieces: list[str] = []
        self._is_value = self._is_phonetic = False
        self._chars = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        word = word_of(name)
        if word == "row":
            told = value_of(attributes, "r")
            self._row = int(told) if told.isdecimal() and len(told) < 8 else self._row + 1
            self._column = 0
        elif word == "c":
            self._cell(attributes)
        elif word == PHONETIC:
            self._is_phonetic = True
        else:
            self._is_value = word in {"v", "t"} and not self._is_phonetic

    def end(self, name: str) -> None:
        word = word_of(name)
        self._is_value = False
        if word == PHONETIC:
            self._is_phonetic = False
        elif word == "c":
            self._end_cell()

    def text(self, text: str) -> None:
        if self._is_value:
            self._pieces.append(text)

    def _cell(self, attributes: dict[str, str]) -> None:
        self._type, self._style = value_of(attributes, "t"), value_of(attributes, "s")
        self._pieces.clear()
        place = _PLACE.fullmatch(value_of(attributes, "r"))
        self._column = _column(place[1]) if place else self._column + 1

    def _end_cell(self) -> None:
        raw = "".join(self._pieces)
        self._pieces.clear()
        shown = self._shown(raw).strip() if raw else ""
        if not shown or not 0 < self._column <= COLUMNS or not 0 < self._row <= ROWS:
            return
        self._chars += len(shown) + len(" | ")
        if self._chars > TEXT_CHARS:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
        self.rows.setdefault(self._row, {})[self._column] = shown

    def _shown(self, raw: str) -> str:
        """Return what a cell of its type (§18.18.11) shows."""
        match self._type:
            case "s":
                at = int(raw) if raw.isdecimal() and len(raw) < 10 else len(self._strings)
                return self._strings[at] if at < len(self._strings) else ""
            case "b":
                return _BOOLEANS.get(raw, raw)
            case "str" | "inlineStr" | "e" | "d":
                return storable(raw)
            case _:
                return storable(self._styles.show(self._style, raw.strip()))


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
