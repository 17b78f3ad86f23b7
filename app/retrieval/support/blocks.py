"""The parts of a passage that are read as a whole: its text, or as many of its paragraphs as belong together."""

import re
from collections.abc import Iterator

from app.retrieval.passages import Passage
from app.retrieval.support.sentences import Span
from app.retrieval.support.tables import rows

BLOCK_CHARS = 900

_HEADINGS = re.compile(r"\A(?:\s*#{1,6}[ \t][^\n]*(?:\n|\Z))+")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")


def blocks(passage: Passage) -> Iterator[Span]:
    """Yield where the blocks of a passage stand, in order: of its text without headings and tables.

    A block has whole paragraphs, at most BLOCK_CHARS; a longer paragraph is none.
    """
    text, tables = passage.text, rows(passage)
    begin = head_end(text)
    start = end = begin
    for paragraph in (*(match.end() for match in _PARAGRAPH_END.finditer(text, begin)), len(text)):
        is_table = any(row.start < paragraph and row.end > end for row in tables)
        if is_table or paragraph - start > BLOCK_CHARS:
            yield from _trimmed(text, start, end)
            start = paragraph if is_table else end
        end = paragraph
    yield from _trimmed(text, start, end)


def head_end(text: str) -> int:
    """Return where the headings end that a text opens with; 0 where it opens with none."""
    head = _HEADINGS.match(text)
    return head.end() if head else 0


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if piece.strip() and len(piece.strip()) <= BLOCK_CHARS:
        at = start + len(piece) - len(piece.lstrip())
        yield at, at + len(piece.strip())
