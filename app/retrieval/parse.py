"""Where the sections of a text begin and end, and under which headings they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.retrieval.media import MediaType

HEADING_CHARS = 120
"""A heading path is cut here: it goes in front of the text that is embedded, and that has a limit."""
SEPARATOR = " > "

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NOT_PARAGRAPH = re.compile(r" {0,3}(?:>|[-+*][ \t]|\d{1,9}[.)][ \t]|\|)|    |\t")
_DROPPED = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]` under a path of headings, outermost first, joined by " > ".

    Its own headings, if it has any, go from `start` to `content`, where the text under them begins.
    """

    heading: str
    start: int
    content: int
    end: int


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    title: str
    start: int
    end: int


def clean_text(raw: bytes) -> str:
    """Decode UTF-8 (with or without a byte order mark), without NUL and lone surrogates, which PostgreSQL cannot keep.

    Nothing else is changed, so offsets are those of the author's text. Raises UnicodeDecodeError.
    """
    return _DROPPED.sub("", raw.decode("utf-8").removeprefix("\ufeff"))


def sections(text: str, media_type: MediaType) -> list[Section]:
    """Cut `text` at its headings (plain text has none) into sections that follow each other without a gap.

    Headings are ATX and setext ones of CommonMark 0.31 §4.2 and §4.3, outside fenced code. A heading with nothing
    under it belongs to the section after it.
    """
    headings = list(_headings(text)) if media_type is MediaType.MARKDOWN else []
    found: list[Section] = []
    path: list[_Heading] = []
    start = 0
    content = 0
    for heading in headings:
        if text[content : heading.start].strip():
            found.append(_section(text, path, start, content, heading.start))
            start = heading.start
        path = [above for above in path if above.level < heading.level]
        path.append(heading)
        content = heading.end
    found.append(_section(text, path, start, content, len(text)))
    return found


def _section(text: str, path: list[_Heading], start: int, content: int, end: int) -> Section:
    body = text[content:end]
    blank = len(body) - len(body.lstrip()) if content > start else 0
    return Section(_join(path), start, content + blank, end)


def _join(path: list[_Heading]) -> str:
    titles = [heading.title for heading in path if heading.title]
    while len(titles) > 1 and len(SEPARATOR.join(titles)) > HEADING_CHARS:
        # The innermost says most about the text.
        titles.pop(0)
    return SEPARATOR.join(titles)[:HEADING_CHARS].rstrip()


def _headings(text: str) -> Iterator[_Heading]:
    fence = ""
    above = ""
    above_start = 0
    start = 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        end = start + len(line)
        if fence:
            fence = "" if _closes(bare, fence) else fence
            above = ""
        elif opened := _FENCE.match(bare):
            fence = opened.group(1)
            above = ""
        elif atx := _ATX.match(bare):
            yield _Heading(len(atx.group(1)), _title(_CLOSING.sub("", atx.group(2) or "")), start, end)
            above = ""
        elif above and (underline := _SETEXT.match(bare)):
            yield _Heading(1 if underline.group(1)[0] == "=" else 2, _title(above), above_start, end)
            above = ""
        else:
            above, above_start = ("" if _NOT_PARAGRAPH.match(bare) else bare.strip()), start
        start = end


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return mark.startswith(fence) and not mark.strip(fence[0])


def _title(raw: str) -> str:
    return " ".join(raw.split())
