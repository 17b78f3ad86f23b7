"""What the throw-away process says of a document, and what of it is believed."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from app.retrieval.chunks import Chunk
from app.retrieval.sections import HEADING_CHARS

MAX_CHUNKS = 20_000
TITLE_CHARS = 300
LEAD_CHARS = 1_000


class SaidSection(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A section: `text[start:end]` under a heading path, on a page."""

    heading: str
    start: int
    end: int
    page: int | None


class SaidChunk(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A chunk: `text[start:end]` of the section of that number, led by `text[lead_start:lead_end]`."""

    section: int
    start: int
    end: int
    lead_start: int
    lead_end: int


class Said(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A document, in the numbers of characters of its text."""

    text: str
    title: str
    encoding: str
    pages: tuple[int, ...]
    unread: tuple[int, ...]
    sections: tuple[SaidSection, ...]
    chunks: tuple[SaidChunk, ...]


class Parsed(msgspec.Struct, frozen=True):
    """A document that was read: its text, where its pages begin in it, and its chunks in order.

    `unread` numbers the pages that are pictures without text.
    """

    text: str
    title: str
    encoding: str
    pages: tuple[int, ...]
    unread: tuple[int, ...]
    chunks: tuple[Chunk, ...]


class Unbelievable(Exception):
    """What was said does not fit together."""


def believe(said: Said) -> Parsed:
    """Return the document, its chunks cut from its text here. Raises Unbelievable."""
    length = len(said.text)
    _check(len(said.chunks) <= MAX_CHUNKS and len(said.title) <= TITLE_CHARS)
    _check(_is_in_order([0, *said.pages, length]))
    _check(_is_in_order([0, *(edge for one in said.sections for edge in (one.start, one.end)), length]))
    _check(_is_in_order([0, *(edge for one in said.chunks for edge in (one.start, one.end)), length]))
    return Parsed(
        said.text,
        said.title,
        said.encoding,
        said.pages,
        said.unread,
        tuple(_chunk(said, chunk) for chunk in said.chunks),
    )


def _chunk(said: Said, chunk: SaidChunk) -> Chunk:
    _check(0 <= chunk.section < len(said.sections))
    section = said.sections[chunk.section]
    _check(section.start <= chunk.start < chunk.end <= section.end and len(section.heading) <= HEADING_CHARS)
    _check(0 <= chunk.lead_start <= chunk.lead_end <= chunk.start and chunk.lead_end - chunk.lead_start <= LEAD_CHARS)
    text = said.text[chunk.start : chunk.end]
    _check(bool(text.strip()) and (section.page is None or 1 <= section.page <= len(said.pages)))
    lead = (chunk.lead_start, chunk.lead_end)
    return Chunk(section.heading, chunk.start, chunk.end, text, section.page, said.text[slice(*lead)], lead)


def _check(fits: bool) -> None:  # noqa: FBT001 - it is what is checked
    if not fits:
        raise Unbelievable


def _is_in_order(edges: Sequence[int]) -> bool:
    return all(before <= after for before, after in pairwise(edges))
