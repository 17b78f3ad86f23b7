"""Which reader reads a type, and how much of it at most."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from app.retrieval.formats import csv, docx, html, markdown, pdf
from app.retrieval.media import MediaType
from app.retrieval.parts import Parts

TEXT_BYTES = 16 << 20
FILE_BYTES = 256 << 20

Read = Callable[[bytes, str | None], Parts]


@dataclass(frozen=True, slots=True)
class Reader:
    """How a type is read: from bytes and the encoding that the uploader said, if any. Raises DocumentUnreadable."""

    read: Read
    limit_bytes: int
    is_markdown: bool = False


def reader_of(media_type: MediaType) -> Reader:
    """Return what reads documents of the type."""
    match media_type:
        case MediaType.MARKDOWN:
            return Reader(markdown.read, TEXT_BYTES, is_markdown=True)
        case MediaType.TEXT:
            return Reader(markdown.read_plain, TEXT_BYTES)
        case MediaType.HTML:
            return Reader(html.read, TEXT_BYTES)
        case MediaType.CSV:
            return Reader(csv.read, TEXT_BYTES)
        case MediaType.PDF:
            return Reader(pdf.read, FILE_BYTES)
        case MediaType.DOCX:
            return Reader(docx.read, FILE_BYTES)
        case _:
            assert_never(media_type)
