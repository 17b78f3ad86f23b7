"""The throw-away process that parses one document: bytes come on stdin, its parts leave on stdout as one JSON value."""

import os
import sys
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from app.retrieval.chunks import Chunk, split
from app.retrieval.confinement import confine
from app.retrieval.formats.encodings import prepare
from app.retrieval.formats.reading import reader_of
from app.retrieval.media import MediaType
from app.retrieval.parts import Parts
from app.retrieval.said import MAX_CHUNKS, TITLE_CHARS, Said, SaidChunk, SaidSection
from app.retrieval.sections import Section, cut
from app.retrieval.unreadable import DocumentUnreadable, Unreadable, status_of


def _parse(media_type: MediaType, charset: str | None) -> None:
    reader = reader_of(media_type)
    raw = sys.stdin.buffer.read(reader.limit_bytes + 1)
    if len(raw) > reader.limit_bytes:
        raise DocumentUnreadable(Unreadable.TOO_LARGE)
    parts = reader.read(raw, charset)
    del raw
    if not parts.text.strip("\ufffd \t\r\n\v\f"):
        raise DocumentUnreadable(Unreadable.NO_TEXT)
    sections = cut(parts)
    chunks: list[Chunk] = []
    for chunk in split(parts.text, sections, is_markdown=reader.is_markdown):
        if len(chunks) >= MAX_CHUNKS:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
        chunks.append(chunk)
    said = Said(
        parts.text,
        _title(parts),
        parts.encoding,
        parts.pages,
        parts.unread,
        tuple(SaidSection(section.heading, section.start, section.end, section.page) for section in sections),
        tuple(_said(chunk, sections) for chunk in chunks),
    )
    sys.stdout.buffer.write(msgspec.json.encode(said))
    sys.stdout.buffer.flush()


def _title(parts: Parts) -> str:
    """Return what the document calls itself, else its first heading of the first level."""
    first = next((heading.title for heading in parts.headings if heading.level == 1), "")
    return (parts.title or first)[:TITLE_CHARS].rstrip()


def _said(chunk: Chunk, sections: Sequence[Section]) -> SaidChunk:
    at = bisect_right(sections, chunk.start, key=lambda section: section.start) - 1
    return SaidChunk(at, chunk.start, chunk.end, *chunk.lead_span)


def main(parent: int, media_type: MediaType, charset: str | None) -> int:
    """Confine this process, then write the parts of the document on stdin; return the exit status."""
    prepare(charset)
    confine(parent)
    try:
        _parse(media_type, charset)
    except DocumentUnreadable as error:
        return status_of(error.why)
    except (MemoryError, RecursionError):
        return status_of(Unreadable.MEMORY)
    return 0


if __name__ == "__main__":
    # Not sys.exit: nothing is left to tidy, and tidying could open files.
    os._exit(main(int(sys.argv[1]), MediaType(sys.argv[2]), sys.argv[3] or None))
