"""Reads CSV as the text that it is, with its rows as those of one table."""

import re
from collections.abc import Iterator

from app.retrieval.formats.encodings import decode
from app.retrieval.parts import Parts, Table

DELIMITERS = ",;\t|"
SAMPLE_CHARS = 65_536
SAMPLE_ROWS = 100

# A quoted field (RFC 4180: quotes are doubled within), or what goes on to a quote or the end of a line.
_QUOTED = re.compile(r'"(?:[^"]|"")*+(?:"|\Z)')
_PLAIN = re.compile(r'[^"\r\n]+')
_END = re.compile(r"\r\n|\r|\n")


def read(raw: bytes, charset: str | None) -> Parts:
    """Read CSV. Its first row names the columns, as RFC 4180 allows and people do. Raises DocumentUnreadable."""
    text, encoding = decode(raw, charset)
    starts = list(row_starts(text))
    if len(starts) < 2:
        return Parts(text, encoding=encoding)
    table = Table(starts[0], starts[1], len(text), tuple(starts[1:]))
    return Parts(text, tables=(table,), encoding=encoding)


def row_starts(text: str) -> Iterator[int]:
    """Yield where each row begins; a line end in quotes is part of a field."""
    at = 0
    is_new = True
    while at < len(text):
        if ended := _END.match(text, at):
            at, is_new = ended.end(), True
            continue
        if is_new:
            yield at
            is_new = False
        part = (_QUOTED if text[at] == '"' else _PLAIN).match(text, at)
        at = part.end() if part is not None else at + 1


def find_delimiter(text: str) -> str | None:
    """Return what divides the fields of the first rows: it divides each into as many, two at least."""
    sample = text[:SAMPLE_CHARS]
    starts = list(row_starts(sample))[: SAMPLE_ROWS + 1]
    ends = [*starts[1:], len(sample)]
    rows = [_QUOTED.sub("", sample[start:end]) for start, end in zip(starts, ends, strict=True)][:SAMPLE_ROWS]
    if len(rows) > 1 and len(text) > SAMPLE_CHARS:
        rows.pop()
    counts = {mark: [row.count(mark) for row in rows if row.strip()] for mark in DELIMITERS}
    even = [mark for mark, found in counts.items() if len(found) > 1 and found[0] and len(set(found)) == 1]
    return max(even, key=lambda mark: counts[mark][0], default=None)
