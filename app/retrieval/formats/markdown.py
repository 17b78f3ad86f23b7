"""Headings and tables of Markdown."""

import re
from collections.abc import Iterator

from app.retrieval.formats.encodings import decode
from app.retrieval.parts import Heading, Parts, Table

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NOT_PARAGRAPH = re.compile(r" {0,3}(?:>|[-+*][ \t]|\d{1,9}[.)][ \t]|\|)|    |\t")
# The delimiter row of GitHub's Markdown, section 4.10.
_RULE = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_ENDS = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def read(raw: bytes, charset: str | None) -> Parts:
    """Read Markdown. Raises DocumentUnreadable."""
    text, encoding = decode(raw, charset)
    return Parts(text, tuple(find_headings(text)), tuple(find_tables(text)), encoding=encoding)


def read_plain(raw: bytes, charset: str | None) -> Parts:
    """Read plain text, which has no parts. Raises DocumentUnreadable."""
    text, encoding = decode(raw, charset)
    return Parts(text, encoding=encoding)


def find_headings(text: str) -> Iterator[Heading]:
    """Yield the ATX and setext headings of CommonMark 0.31 §4.2 and §4.3 outside fenced code."""
    above = ""
    above_start = 0
    for start, bare, end, is_code in _lines(text):
        if is_code:
            above = ""
        elif atx := _ATX.match(bare):
            yield Heading(len(atx.group(1)), _title(_CLOSING.sub("", atx.group(2) or "")), start, end)
            above = ""
        elif above and (underline := _SETEXT.match(bare)):
            yield Heading(1 if underline.group(1)[0] == "=" else 2, _title(above), above_start, end)
            above = ""
        else:
            above, above_start = ("" if _NOT_PARAGRAPH.match(bare) else bare.strip()), start


def find_tables(text: str) -> Iterator[Table]:
    """Yield the tables of GitHub's Markdown (section 4.10) outside fenced code: a row, a rule, rows."""
    head: tuple[int, str] | None = None
    table: Table | None = None
    for start, bare, end, is_code in _lines(text):
        if table is not None and not is_code and "|" in bare:
            table = Table(table.start, table.head, end, (*table.rows, start))
            continue
        if table is not None and table.rows:
            yield table
        is_rule = not is_code and "|" in bare and _RULE.match(bare) is not None
        table = Table(head[0], end, end, ()) if is_rule and head is not None else None
        head = (start, bare) if not is_code and "|" in bare and table is None else None
    if table is not None and table.rows:
        yield table


def _lines(text: str) -> Iterator[tuple[int, str, int, bool]]:
    """Yield each line: where it starts, its text, where the next starts, and whether it is of fenced code."""
    fence = ""
    start = 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip(_ENDS)
        opened = None if fence else _FENCE.match(bare)
        yield start, bare, start + len(line), bool(fence or opened)
        if fence:
            fence = "" if _closes(bare, fence) else fence
        elif opened:
            fence = opened.group(1)
        start += len(line)


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return mark.startswith(fence) and not mark.strip(fence[0])


def _title(raw: str) -> str:
    return " ".join(raw.split())
