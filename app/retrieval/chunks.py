"""Pieces of a text that are small enough to embed and whole enough to read."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from app.retrieval.parts import Table
from app.retrieval.sections import SEPARATOR, Section
from app.scripts import CODE

CHUNK_CHARS = 900
CHUNK_TOKENS = 200
"""With its headings, as estimated. all-MiniLM-L6-v2 reads 256 tokens (its `max_seq_length`), two of them are marks, and
the estimate may be a sixth too low."""
LEAST_CHARS = 40
"""A chunk is never cut below this for its tokens' sake; 40 characters have at most 40 WordPiece tokens."""
LEAD_CHARS = 240
LEAD_TOKENS = 120
"""The headings of a section are part of its first chunk, unless they are longer than this."""
SPARE_TOKENS = 17
"""How many more than CHUNK_TOKENS the model reads for certain: 254 tokens, of an estimate a sixth too low."""
WINDOW_CHARS = 32_768
CODE_CHARS_PER_TOKEN = 1.4

_PIECE = re.compile(r"[a-z]+|\d+|[^\W\d_]+|[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text[start:end]` of the document, which is the text here too, the headings above it, and its page.

    `lead`, `lead_span` of the text, is read before it: the caption and header row of a table that goes on here.
    """

    heading: str
    start: int
    end: int
    text: str
    page: int | None = None
    lead: str = ""
    lead_span: tuple[int, int] = (0, 0)


def split(text: str, sections: Sequence[Section], *, is_markdown: bool) -> Iterator[Chunk]:
    """Yield the chunks of `text` in order; between two of them there is only white space.

    A chunk never crosses a section, so its heading and its page are exact and a table has chunks of its own; inside a
    section it ends at a paragraph, a line, a sentence or a word, whichever is the largest that fits, and inside a table
    at a row.
    """
    for section in sections:
        has_heading = bool(text[section.start : section.content].strip())
        is_led = has_heading and _is_led(text, section)
        if has_heading and not (is_led and text[section.content : section.end].strip()):
            yield from _chunks(text, section, (section.start, section.content), is_markdown)
        at = section.start if is_led else section.end
        for chunk in _body(text, section, is_markdown):
            # A section's first chunk shows the headings above it, but not the end of a page above those.
            shown = text[at : chunk.end].lstrip() if at < chunk.start else chunk.text
            yield replace(chunk, start=chunk.end - len(shown), text=shown)
            at = section.end


def _body(text: str, section: Section, is_markdown: bool) -> Iterator[Chunk]:  # noqa: FBT001 - a fact of the type
    if section.table is not None:
        yield from _table_chunks(text, section, section.table)
        return
    for window in _windows(text, section.content, section.end):
        yield from _chunks(text, section, window, is_markdown)


def _table_chunks(text: str, section: Section, table: Table) -> Iterator[Chunk]:
    """Yield as many whole rows as fit at a time; each chunk but the first is led by what names the columns.

    A row that is too long by itself is cut as text is. A long caption or header row leads nothing.
    """
    limit_tokens, chars = _limit_tokens(text, section), _limit_chars(section)
    lead = text[table.start : table.head]
    if len(lead) > LEAD_CHARS or estimate_tokens(lead) > min(LEAD_TOKENS, limit_tokens // 2):
        lead = ""
    led_tokens, led_chars = limit_tokens - estimate_tokens(lead), chars - len(lead)
    rows = [at for at in table.rows if section.content < at < section.end]
    start = section.content
    for span in _packed(text, (start, *rows, section.end), led_tokens, led_chars):
        has_lead = lead != "" and span[0] >= table.head
        for at, piece in _fitting(text, span, led_tokens, led_chars):
            chunk = Chunk(section.heading, at, at + len(piece), piece, section.page)
            yield replace(chunk, lead=lead, lead_span=(table.start, table.head)) if has_lead else chunk


def _packed(text: str, edges: Sequence[int], limit_tokens: int, chars: int) -> Iterator[tuple[int, int]]:
    """Join neighbouring pieces between edges while they fit together."""
    start = end = edges[0]
    tokens = 0
    for at, following in pairwise(edges):
        more = estimate_tokens(text[at:following])
        if start < end and (tokens + more > limit_tokens or following - start > chars):
            yield start, end
            start, tokens = at, 0
        end, tokens = following, tokens + more
    if start < end:
        yield start, end


def _fitting(text: str, span: tuple[int, int], limit_tokens: int, chars: int) -> Iterator[tuple[int, str]]:
    whole = text[slice(*span)]
    bare = whole.rstrip()
    if len(bare) <= chars and estimate_tokens(bare) <= limit_tokens:
        blank = len(bare) - len(bare.lstrip())
        if bare.strip():
            yield span[0] + blank, bare.lstrip()
        return
    for start, end in _windows(text, *span):
        for at, piece in _pieces(text[start:end], chars, limit_tokens, is_markdown=False):
            yield start + at, piece


def _is_led(text: str, section: Section) -> bool:
    """Whether the section's own headings are a part of its first chunk."""
    return section.content - section.start <= LEAD_CHARS and _lead_tokens(text, section) <= LEAD_TOKENS


def _lead_tokens(text: str, section: Section) -> int:
    """Return how many tokens a first chunk with the section's own headings has beside its other text."""
    return estimate_tokens(embedded_text(section.heading, text[section.start : section.content]))


def _limit_tokens(text: str, section: Section) -> int:
    """Return how many tokens the text of a chunk may have, so that with its headings it fits the model."""
    above = estimate_tokens(section.heading)
    if _is_led(text, section):
        above = max(above, _lead_tokens(text, section) - SPARE_TOKENS)
    return CHUNK_TOKENS - above


def _limit_chars(section: Section) -> int:
    return CHUNK_CHARS - min(LEAD_CHARS, section.content - section.start)


def _chunks(
    text: str,
    section: Section,
    window: tuple[int, int],
    is_markdown: bool,  # noqa: FBT001 - a fact of the type
) -> Iterator[Chunk]:
    start, end = window
    limit_tokens = _limit_tokens(text, section)
    # Text of many signs or of a script without spaces is cut evenly, not at the limit with crumbs between.
    tokens = max(1, estimate_tokens(text[start:end]))
    chars = min(_limit_chars(section), (end - start) * limit_tokens * 19 // (tokens * 20))
    pieces = _pieces(text[start:end], max(LEAST_CHARS, chars), limit_tokens, is_markdown=is_markdown)
    for at, piece in pieces:
        # The ends of pages before the text are none of it, and it is of the page after them.
        turned = piece[: len(piece) - len(piece.lstrip())].rfind("\f") + 1
        yield Chunk(section.heading, start + at + turned, start + at + len(piece), piece[turned:], section.page)


def _windows(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a long part at a blank line, a line or a space: the splitter's time grows with the square of its input."""
    while end - start > WINDOW_CHARS:
        half, full = start + WINDOW_CHARS // 2, start + WINDOW_CHARS
        ends = (text.rfind(mark, half, full) + len(mark) for mark in ("\n\n", "\n", " "))
        cut = next((cut for cut in ends if cut > half), full)
        yield start, cut
        start = cut
    yield start, end


def _pieces(text: str, chars: int, limit_tokens: int, *, is_markdown: bool) -> Iterator[tuple[int, str]]:
    splitter = MarkdownSplitter(chars) if is_markdown else TextSplitter(chars)
    for start, piece in splitter.chunk_indices(text):
        if not piece.strip():
            continue  # control characters that Python counts as white space
        tokens = estimate_tokens(piece)
        if tokens <= limit_tokens or len(piece) <= LEAST_CHARS:
            yield start, piece
            continue
        fewer = max(LEAST_CHARS, min(chars - 1, len(piece) * limit_tokens // tokens))
        for inner, smaller in _pieces(piece, fewer, limit_tokens, is_markdown=is_markdown):
            yield start + inner, smaller


def estimate_tokens(text: str) -> int:
    """Return about how many WordPiece tokens `text` takes.

    A word is one token for four letters, digits pair up, signs and letters of other scripts are one each. Measured
    with all-MiniLM-L6-v2's own tokenizer over pieces of 900 characters, this is 1.08 to 1.22 times the truth for
    English prose, 0.85 to 1.05 for Markdown full of tables and code, 0.79 to 1.10 for Python. Long words of letters and
    digits (base64, hexadecimal) take a token for 1.4 characters.
    """
    total = 0
    for code in CODE.findall(text):
        total += math.ceil(len(code) / CODE_CHARS_PER_TOKEN)
    for piece in _PIECE.findall(CODE.sub(" ", text).lower()):
        if piece.isascii() and piece.isalpha():
            total += max(1, len(piece) // 4)
        elif piece.isascii():
            total += (len(piece) + 1) // 2
        else:
            total += len(piece)
    return total


def embedded_text(heading: str, text: str, lead: str = "") -> str:
    """Return what is embedded for a chunk: its text, under the headings and columns that it does not show itself."""
    above = heading.rpartition(SEPARATOR)[0] if text.startswith("#") else heading
    return f"{above}\n{lead}{text}" if above else f"{lead}{text}"
