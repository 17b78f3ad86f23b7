"""The lines of a PDF page, with where their words stand."""

from collections.abc import Iterator, Sequence
from ctypes import byref, c_double, c_float
from dataclasses import dataclass, replace

import pypdfium2.raw as pdfium
from pypdfium2 import PdfTextPage

from app.retrieval.formats.encodings import storable

BLANKS = frozenset({0x20, 0x09, 0xA0, 0x3000})
ENDS = frozenset({0x0A, 0x0D})
HYPHEN = 0x02
"""What PDFium says for a hyphen at the end of a line that is none in the word (fpdf_text.cpp)."""
CELL_GAP = 0.9
"""Words further apart than this many heights of the line are of different cells; justified text stays below."""
LOWEST = 0x20
BOLD = 600


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that stand close together, from `left` to `right` on the page, in points."""

    left: float
    right: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line: where its first letter stands, how high its type is, and its cells."""

    text: str
    y: float
    height: float
    is_bold: bool
    cells: tuple[Cell, ...]


def lines_of(page: PdfTextPage) -> list[Line]:
    """Return the lines of a page that show anything, in the order of the file."""
    codes = [pdfium.FPDFText_GetUnicode(page, at) for at in range(page.count_chars())]
    lines: list[Line] = []
    is_cut = False
    for start, end in _spans(codes, ENDS):
        words = [span for span in _spans(codes[start:end], BLANKS) if span[0] < span[1]]
        line = _line(page, codes, [(start + left, start + right) for left, right in words])
        if line is not None and is_cut and lines:
            lines[-1], line = _joined(lines[-1], line)
        if line is not None:
            lines.append(line)
            is_cut = codes[end - 1] == HYPHEN
    return lines


def _spans(codes: Sequence[int], marks: frozenset[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for at, code in enumerate(codes):
        if code in marks:
            if start < at:
                yield start, at
            start = at + 1
    if start < len(codes):
        yield start, len(codes)


def _line(page: PdfTextPage, codes: Sequence[int], spans: Sequence[tuple[int, int]]) -> Line | None:
    words = [(start, end, text) for start, end in spans if (text := _text(codes[start:end]))]
    if not words:
        return None
    y, height = _height(page, words[0][0])
    cells = tuple(_cells(page, words, CELL_GAP * height))
    return Line(" ".join(cell.text for cell in cells), y, height, _is_bold(page, words), cells)


def _text(codes: Sequence[int]) -> str:
    return storable("".join(chr(code) for code in codes if LOWEST <= code <= 0x10FFFF and code != 0xFFFE))


def _cells(page: PdfTextPage, words: Sequence[tuple[int, int, str]], gap: float) -> Iterator[Cell]:
    if len(words) == 1:
        left, right = _box(page, words[0][0])
        yield Cell(left, right, words[0][2])
        return
    cell: Cell | None = None
    for start, end, text in words:
        left, right = _box(page, start)[0], _box(page, end - 1)[1]
        if cell is not None and left - cell.right <= gap:
            cell = Cell(cell.left, max(right, cell.right), f"{cell.text} {text}")
            continue
        if cell is not None:
            yield cell
        cell = Cell(left, right, text)
    if cell is not None:
        yield cell


def _box(page: PdfTextPage, at: int) -> tuple[float, float]:
    left, right, bottom, top = c_double(), c_double(), c_double(), c_double()
    pdfium.FPDFText_GetCharBox(page, at, byref(left), byref(right), byref(bottom), byref(top))
    return left.value, right.value


def _height(page: PdfTextPage, at: int) -> tuple[float, float]:
    box = pdfium.FS_RECTF(c_float(), c_float(), c_float(), c_float())
    pdfium.FPDFText_GetLooseCharBox(page, at, byref(box))
    return box.bottom, max(1.0, round(box.top - box.bottom, 1))


def _is_bold(page: PdfTextPage, words: Sequence[tuple[int, int, str]]) -> bool:
    return all(pdfium.FPDFText_GetFontWeight(page, at) >= BOLD for at in (words[0][0], words[-1][1] - 1))


def _joined(above: Line, line: Line) -> tuple[Line, Line | None]:
    """Give a word that was cut at the end of the line back its second part."""
    first, _, rest = line.text.partition(" ")
    whole = f"{above.text}{first}"
    last = replace(above.cells[-1], text=f"{above.cells[-1].text}{first}")
    above = replace(above, text=whole, cells=(*above.cells[:-1], last))
    if not rest:
        return above, None
    head = line.cells[0].text.partition(" ")[2]
    cells = (replace(line.cells[0], text=head), *line.cells[1:]) if head else line.cells[1:]
    return above, replace(line, text=rest, cells=cells)
