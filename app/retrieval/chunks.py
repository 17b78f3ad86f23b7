"""Pieces of a text that are small enough to embed and whole enough to read."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from app.retrieval.media import MediaType
from app.retrieval.parse import SEPARATOR, Section
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
    """`text[start:end]` of the document, which is the text here too, and the headings above it."""

    heading: str
    start: int
    end: int
    text: str


def split(text: str, sections: Sequence[Section], media_type: MediaType) -> Iterator[Chunk]:
    """Yield the chunks of `text` in order; between two of them there is only white space.

    A chunk never crosses a section, so its heading is exact; inside a section it ends at a paragraph, a line, a
    sentence or a word, whichever is the largest that fits.
    """
    for section in sections:
        lead = section.start if section.start < section.content and _is_led(text, section) else section.end
        if (section.start < section.content < lead) or not text[section.content : section.end].strip():
            yield from _chunks(text, section, (section.start, section.content), media_type)
        for window in _windows(text, section.content, section.end):
            for chunk in _chunks(text, section, window, media_type):
                # A section's first chunk shows the headings above it.
                yield Chunk(section.heading, lead, chunk.end, text[lead : chunk.end]) if lead < chunk.start else chunk
                lead = section.end


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


def _chunks(text: str, section: Section, window: tuple[int, int], media_type: MediaType) -> Iterator[Chunk]:
    start, end = window
    lead_chars = min(LEAD_CHARS, section.content - section.start)
    limit_tokens = _limit_tokens(text, section)
    # Text of many signs or of a script without spaces is cut evenly, not at the limit with crumbs between.
    tokens = max(1, estimate_tokens(text[start:end]))
    chars = min(CHUNK_CHARS - lead_chars, (end - start) * limit_tokens * 19 // (tokens * 20))
    for at, piece in _pieces(text[start:end], max(LEAST_CHARS, chars), limit_tokens, media_type):
        yield Chunk(section.heading, start + at, start + at + len(piece), piece)


def _windows(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a long part at a blank line, a line or a space: the splitter's time grows with the square of its input."""
    while end - start > WINDOW_CHARS:
        half, full = start + WINDOW_CHARS // 2, start + WINDOW_CHARS
        ends = (text.rfind(mark, half, full) + len(mark) for mark in ("\n\n", "\n", " "))
        cut = next((cut for cut in ends if cut > half), full)
        yield start, cut
        start = cut
    yield start, end


def _pieces(text: str, chars: int, limit_tokens: int, media_type: MediaType) -> Iterator[tuple[int, str]]:
    splitter = MarkdownSplitter(chars) if media_type is MediaType.MARKDOWN else TextSplitter(chars)
    for start, piece in splitter.chunk_indices(text):
        if not piece.strip():
            continue  # control characters that Python counts as white space
        tokens = estimate_tokens(piece)
        if tokens <= limit_tokens or len(piece) <= LEAST_CHARS:
            yield start, piece
            continue
        fewer = max(LEAST_CHARS, min(chars - 1, len(piece) * limit_tokens // tokens))
        for inner, smaller in _pieces(piece, fewer, limit_tokens, media_type):
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


def embedded_text(heading: str, text: str) -> str:
    """Return what is embedded for a chunk: its text, under the headings that the text does not show itself."""
    above = heading.rpartition(SEPARATOR)[0] if text.startswith("#") else heading
    return f"{above}\n{text}" if above else text
