"""Reads PDF: pages, headings by their type, tables by their columns."""

from collections.abc import Sequence

import pypdfium2
import pypdfium2.raw as pdfium

from app.retrieval.formats.builder import TEXT_CHARS, Builder
from app.retrieval.formats.columns import find_end, rows_of
from app.retrieval.formats.encodings import storable
from app.retrieval.formats.pdf_headings import Levels
from app.retrieval.formats.pdf_lines import Line, lines_of
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

PAGES = 5_000
HEADING_LINES = 3
CAPTION_LINES = 3
CAPTION_CHARS = 200
PICTURES = frozenset({pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM})
"""Scanners put a page in as one picture, some within a form."""
GAP = 1.6
"""Lines further apart than this many of their heights are of different paragraphs."""


def read(raw: bytes, charset: str | None) -> Parts:
    """Read a PDF. Raises DocumentUnreadable: `encrypted`, `scanned`, `too_many_pages`, `malformed`."""
    del charset
    document = _open(raw)
    if len(document) > PAGES:
        raise DocumentUnreadable(Unreadable.TOO_MANY_PAGES)
    pages: list[list[Line]] = []
    unread: list[int] = []
    chars = 0
    for number in range(len(document)):
        lines, is_picture = _page(document, number)
        pages.append(lines)
        if is_picture:
            unread.append(number + 1)
        chars += sum(len(line.text) + 1 for line in lines)
        if chars > TEXT_CHARS:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
    if not any(pages):
        raise DocumentUnreadable(Unreadable.SCANNED if unread else Unreadable.NO_TEXT)
    return _written(pages, tuple(unread), storable(" ".join(document.get_metadata_value("Title").split())))


def _open(raw: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
            raise DocumentUnreadable(Unreadable.ENCRYPTED) from error
        raise DocumentUnreadable(Unreadable.MALFORMED) from error


def _page(document: pypdfium2.PdfDocument, number: int) -> tuple[list[Line], bool]:
    """Return the lines of a page, and whether it has a picture and no text. A page that cannot be read is blank."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return [], False
    try:
        text = page.get_textpage()
        lines = lines_of(text)
        text.close()
        return lines, not lines and _has_picture(page)
    except pypdfium2.PdfiumError:
        return [], False
    finally:
        page.close()


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    kinds = (
        pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, at))
        for at in range(pdfium.FPDFPage_CountObjects(page))
    )
    return any(kind in PICTURES for kind in kinds)


def _written(pages: Sequence[Sequence[Line]], unread: tuple[int, ...], title: str) -> Parts:
    levels = Levels([line for lines in pages for line in lines])
    builder = Builder()
    for lines in pages:
        builder.page()
        _write(builder, lines, levels)
    return builder.parts(title=title, unread=unread)


def _write(builder: Builder, lines: Sequence[Line], levels: Levels) -> None:
    at = 0
    block: list[Line] = []
    while at < len(lines):
        line = lines[at]
        end = find_end(lines, at)
        level = None if end is not None else levels.of(line)
        if end is not None:
            rows, heads = rows_of(lines[at:end])
            builder.table(rows, heads, _caption(builder, block))
        elif level is not None:
            end = _heading_end(lines, at, levels)
            _write_block(builder, block)
            builder.heading(level, " ".join(line.text for line in lines[at:end]))
        else:
            if block and _is_apart(block[-1], line):
                _write_block(builder, block)
            block.append(line)
        at = end or at + 1
    _write_block(builder, block)


def _write_block(builder: Builder, block: list[Line]) -> None:
    builder.paragraph("\n".join(line.text for line in block))
    block.clear()


def _caption(builder: Builder, block: list[Line]) -> str:
    """Return what stands above a table where it is short and no sentence; write it where it is text."""
    text = " ".join(line.text for line in block)
    if len(block) > CAPTION_LINES or len(text) > CAPTION_CHARS or text.endswith((".", ";", ",")):
        _write_block(builder, block)
        return ""
    block.clear()
    return text


def _heading_end(lines: Sequence[Line], at: int, levels: Levels) -> int:
    """Return where a heading over several lines ends: they look the same and stand close together."""
    end = at + 1
    while end < len(lines) and end - at < HEADING_LINES:
        above, line = lines[end - 1], lines[end]
        if levels.of(line) != levels.of(above) or _is_apart(above, line) or len(line.cells) > 1:
            break
        end += 1
    return end


def _is_apart(above: Line, line: Line) -> bool:
    return above.y - line.y > GAP * max(above.height, line.height) or line.y > above.y
