"""Where the sections of a document begin and end, under which headings they stand, and on which page."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.retrieval.parts import Heading, Parts, Table

HEADING_CHARS = 120
"""A heading path is cut here: it goes in front of the text that is embedded, and that has a limit."""
SEPARATOR = " > "


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` under a path of headings, outermost first, joined by " > ".

    Its own headings, if it has any, go from `start` to `content`, where the text under them begins. It is all on one
    `page` (from 1; None where there are none), and either all of it is a piece of `table` or none of it.
    """

    heading: str
    start: int
    content: int
    end: int
    page: int | None = None
    table: Table | None = None


def cut(parts: Parts) -> list[Section]:
    """Cut a document at its headings, pages and tables into sections that follow each other without a gap.

    A heading with nothing under it belongs to the section after it, unless that is on another page.
    """
    marks = sorted({*parts.pages, *(edge for table in parts.tables for edge in (table.start, table.end))})
    found: list[Section] = []
    for section in _under_headings(parts.text, parts.headings):
        for piece in _pieces(parts.text, section, parts.pages, marks):
            page = page_at(parts.pages, _first_visible(parts.text, piece))
            found.append(replace(piece, page=page, table=_table_at(parts.tables, piece.content)))
    return found


def page_at(pages: Sequence[int], offset: int) -> int | None:
    """Return the number of the page on which a character stands, None where there are no pages."""
    return max(1, bisect_right(pages, offset)) if pages else None


def _under_headings(text: str, headings: Sequence[Heading]) -> Iterator[Section]:
    path: list[Heading] = []
    start = content = 0
    for heading in headings:
        if text[content : heading.start].strip():
            yield _section(text, path, start, content, heading.start)
            start = heading.start
        path = [above for above in path if above.level < heading.level]
        path.append(heading)
        content = heading.end
    yield _section(text, path, start, content, len(text))


def _section(text: str, path: list[Heading], start: int, content: int, end: int) -> Section:
    body = text[content:end]
    blank = len(body) - len(body.lstrip()) if content > start else 0
    return Section(_join(path), start, content + blank, end)


def _join(path: list[Heading]) -> str:
    titles = [heading.title for heading in path if heading.title]
    while len(titles) > 1 and len(SEPARATOR.join(titles)) > HEADING_CHARS:
        # The innermost says most about the text.
        titles.pop(0)
    return SEPARATOR.join(titles)[:HEADING_CHARS].rstrip()


def _pieces(text: str, section: Section, pages: Sequence[int], marks: Sequence[int]) -> list[Section]:
    """Cut a section at the marks in it; what is blank between two marks stays with what is before it."""
    start, content = section.start, section.content
    found: list[Section] = []
    for turn in pages[bisect_right(pages, start) : bisect_right(pages, content)]:
        if start < content and text[start:turn].strip():
            # The page ends below the headings: they are not quoted as of the page of the text.
            found.append(Section(section.heading, start, turn, turn))
            start, content = turn, max(content, turn)
    inside = marks[bisect_right(marks, content) : bisect_left(marks, section.end)]
    for mark in (*inside, section.end):
        is_shown = bool(text[start:content].strip())
        if text[content:mark].strip() or (mark == section.end and (is_shown or not found)):
            found.append(Section(section.heading, start, content, mark))
            start = content = mark
        elif found and not is_shown:
            found[-1] = replace(found[-1], end=mark)
            start = content = mark
        else:
            content = mark
    return found


def _first_visible(text: str, section: Section) -> int:
    for start, end in ((section.content, section.end), (section.start, section.content)):
        body = text[start:end]
        if body.strip():
            return start + len(body) - len(body.lstrip())
    return section.start


def _table_at(tables: Sequence[Table], offset: int) -> Table | None:
    at = bisect_right(tables, offset, key=lambda table: table.start) - 1
    return tables[at] if at >= 0 and offset < tables[at].end else None
