"""Which reader reads a type, and how much of it at most."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, assert_never

from app.errors import BadInput, MediaTypeUnknown
from app.retrieval.formats import csv, docx, eml, html, json, markdown, pdf, pptx, xlsx
from app.retrieval.media import HEAD_BYTES, TEXTS, MediaType, charset_of, media_type_of
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

TEXT_BYTES = 16 << 20
FILE_BYTES = 256 << 20
MAIL_BYTES = 64 << 20
"""A mail is held several times while it is taken apart; servers take 25 to 50 MB."""
MAILS_DEEP = 3
"""How deep mails that are attached to mails are read."""

Read = Callable[[bytes, str | None], Parts]


@dataclass(frozen=True, slots=True)
class Reader:
    """How a type is read: from bytes and the encoding that the uploader said, if any. Raises DocumentUnreadable."""

    read: Read
    limit_bytes: int
    is_markdown: bool = False


def reader_of(media_type: MediaType, *, deep: int = MAILS_DEEP) -> Reader:
    """Return what reads documents of the type; of mails in mails, those that are `deep` down are not read."""
    match media_type:
        case MediaType.MARKDOWN | MediaType.TEXT | MediaType.HTML | MediaType.CSV:
            return _text_reader_of(media_type)
        case MediaType.JSON | MediaType.JSON_LINES:
            return Reader(json.read, TEXT_BYTES)
        case MediaType.PDF:
            return Reader(pdf.read, FILE_BYTES)
        case MediaType.DOCX:
            return Reader(docx.read, FILE_BYTES)
        case MediaType.PPTX:
            return Reader(pptx.read, FILE_BYTES)
        case MediaType.XLSX:
            return Reader(xlsx.read, FILE_BYTES)
        case MediaType.EML:
            return Reader(partial(eml.read, page=html.read, attached=partial(_attached, deep)), MAIL_BYTES)
        case _:
            assert_never(media_type)


def _text_reader_of(
    media_type: Literal[MediaType.MARKDOWN, MediaType.TEXT, MediaType.HTML, MediaType.CSV],
) -> Reader:
    match media_type:
        case MediaType.MARKDOWN:
            return Reader(markdown.read, TEXT_BYTES, is_markdown=True)
        case MediaType.TEXT:
            return Reader(markdown.read_plain, TEXT_BYTES)
        case MediaType.HTML:
            return Reader(html.read, TEXT_BYTES)
        case MediaType.CSV:
            return Reader(csv.read, TEXT_BYTES)
        case _:
            assert_never(media_type)


def _attached(deep: int, name: str, charset: str | None, raw: bytes) -> Parts:
    """Read what is attached to a mail, by its content as an upload is. Raises DocumentUnreadable."""
    try:
        media_type = media_type_of(name, "", raw[:HEAD_BYTES])
        said = charset_of(f"; charset={charset}") if charset and media_type in TEXTS else None
    except (BadInput, MediaTypeUnknown) as error:
        raise DocumentUnreadable(Unreadable.TYPE_MISMATCH) from error
    if media_type is MediaType.EML and deep < 1:
        raise DocumentUnreadable(Unreadable.BOMB)
    reader = reader_of(media_type, deep=deep - 1 if media_type is MediaType.EML else deep)
    if len(raw) > reader.limit_bytes:
        raise DocumentUnreadable(Unreadable.TOO_LARGE)
    return reader.read(raw, said)
