"""Where the sentences of a text end: those of passages, and those of an answer while it still grows."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

# A sentence ends at . ! or ? before white space (not inside 3.5), at the full-width marks wherever they stand, at a
# blank line, and at the end of a line if it or the next one is a heading, an item or a row; other line ends only wrap.
_BLOCK = r"[ \t]{0,3}(?:#{1,6}[ \t]|[-+*>][ \t]|\d{1,9}[.)][ \t]|\||```|~~~)"
_END = re.compile(
    rf"[.!?…]+[\"'”’)\]*_]*(?=\s)|[。！？｡]+[\"'”’」』）)\]*_]*|\n(?=[ \t]*\n)|\n(?={_BLOCK})"  # noqa: RUF001 - full-width marks end sentences too
)
_OWN_LINE = re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]|\|).*\n?", re.MULTILINE)
_NO_END = re.compile(
    r"(?:^|[\s(])(?:Dr|Mr|Mrs|Ms|Prof|St|No|Nos|vs|approx|e\.g|i\.e|[A-Z])\.\Z|(?:^|\n)[ \t]*\d{1,3}\.\Z"
)
"""The full stop of an abbreviation, of an initial or of an item's number."""
_LOOK_BACK = 12


def spans(text: str) -> Iterator[Span]:
    """Yield the sentences of a text in order, trimmed: headings, items and rows of tables are some too."""
    start = 0
    for end in (*ends(text), len(text)):
        piece = text[start:end]
        trimmed = piece.strip()
        if trimmed:
            at = start + len(piece) - len(piece.lstrip())
            yield at, at + len(trimmed)
        start = end


def ends(text: str) -> list[int]:
    """Return where sentences end for certain, whatever is said after `text`."""
    found = {match.end() for match in _END.finditer(text) if not _is_abbreviation(text, match)}
    return sorted(found | {match.end() for match in _OWN_LINE.finditer(text) if match.end() < len(text)})


def _is_abbreviation(text: str, match: re.Match[str]) -> bool:
    return match.group() == "." and _NO_END.search(text, max(0, match.end() - _LOOK_BACK), match.end()) is not None
