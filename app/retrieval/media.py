"""What may be uploaded, and how it is recognised: by its content; its name only breaks ties."""

import codecs
import re
from collections.abc import Mapping
from enum import StrEnum
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import assert_never

from app.errors import BadInput, MediaTypeUnknown
from app.retrieval.wide import marked, wide

HEAD_BYTES = 8192
"""The part of an upload in which its type is looked for, as git and file(1) look at the head only."""
CONTROL_SHARE = 0.01
"""More control bytes than this in the head make it binary; text has next to none, compressed data about a tenth."""
PDF_BYTES = 1024
"""Within the first of which a PDF says that it is one (Adobe's implementation notes to PDF 1.7, appendix H.3.4.1)."""

_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_CONTROLS = bytes(byte for byte in range(32) if byte not in _TEXT_CONTROLS) + b"\x7f"
_OLE = b"\xd0\xcf\x11\xe0"
_OTHERS: Mapping[bytes, str] = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"\x1f\x8b": "compressed data",
    b"{\\rtf": "RTF",
    _OLE: "an old office file",
    b"PK": "a ZIP archive",
}
# As browsers tell a page (WHATWG MIME Sniffing, section 7.1), after blanks, an XML declaration and comments.
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)
_CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*\"?(?P<name>[A-Za-z0-9_.:+-]{1,40})\"?[ \t]*(?:;|\Z)", re.IGNORECASE)
_FOR_TEXT = re.compile(r"ascii|big5|cp\d|euc|gb|hz|iso|johab|koi8|kz|mac|ptcp|shift|tis|utf")
# Labels that people and programs use for Windows-1252 (WHATWG Encoding, section 4.2).
_LATIN = frozenset({"ascii", "iso8859-1", "cp1252"})
_REGISTERED = MimeTypes(filenames=())
_REGISTERED.types_map = ({}, dict(_REGISTERED.types_map[1]))


class MediaType(StrEnum):
    """The types that are taken."""

    MARKDOWN = "text/markdown"
    TEXT = "text/plain"
    HTML = "text/html"
    CSV = "text/csv"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


TEXTS = frozenset({MediaType.MARKDOWN, MediaType.TEXT, MediaType.HTML, MediaType.CSV})
BY_SUFFIX = {
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".txt": MediaType.TEXT,
    ".html": MediaType.HTML,
    ".htm": MediaType.HTML,
    ".csv": MediaType.CSV,
    ".pdf": MediaType.PDF,
    ".docx": MediaType.DOCX,
}
TAKEN = ", ".join(BY_SUFFIX)
_UNTOLD = frozenset({"", "application/octet-stream"})


def media_type_of(name: str, declared: str, head: bytes) -> MediaType:
    """Return the type of an upload that begins with `head`.

    Content decides. Where it may be several types (a text may be Markdown or CSV) the name's suffix does, else what
    the client says in its Content-Type, `declared`; else it is plain text. Raises MediaTypeUnknown for content that is
    of no type that is taken, and where name or Content-Type contradict the content.
    """
    suffix = PurePosixPath(name).suffix.lower()
    told = declared.partition(";")[0].strip().lower()
    may_be = _types_of(head)
    named = BY_SUFFIX.get(suffix)
    if not may_be:
        raise _unknown(f"the file holds {_described(head)}, which cannot be read")
    if named is None and _is_of_another_type(suffix):
        raise _unknown(f"files ending in {suffix} are not taken")
    if named is not None and named not in may_be:
        raise _unknown(f"the file ends in {suffix} but holds {_spoken(may_be)}: name it so, or send the other file")
    kind = named or next((one for one in may_be if told == one.value), None)
    kind = kind or (MediaType.TEXT if MediaType.TEXT in may_be else min(may_be))
    if told not in _UNTOLD and told not in _declared_as(kind):
        raise _unknown(f"the Content-Type {told} is not what the file holds, {_spoken({kind})}")
    return kind


def charset_of(declared: str) -> str | None:
    """Return the encoding that the client's Content-Type names, as Python calls it; None where it names none.

    Raises BadInput for one that is not known.
    """
    found = _CHARSET.search(declared)
    if found is None:
        return None
    try:
        name = codecs.lookup(found["name"]).name
    except LookupError:
        name = ""
    if _FOR_TEXT.match(name) is None:
        raise BadInput("the charset of the file's Content-Type is not known", field="file")
    return "cp1252" if name in _LATIN else name


def is_wide(head: bytes) -> bool:
    """Whether a text is in UTF-16 or UTF-32, with a byte order mark or by how it looks."""
    mark = marked(head)
    return mark[1] != "utf-8" if mark is not None else wide(head) is not None


def _types_of(head: bytes) -> frozenset[MediaType]:
    """Return every type that content may be of which this is the head."""
    if b"%PDF-" in head[:PDF_BYTES]:
        return frozenset({MediaType.PDF})
    if head.startswith(b"PK\x03\x04"):
        is_other = b"xl/" in head or b"ppt/" in head or not (b"[Content_Types].xml" in head or b"word/" in head)
        return frozenset() if is_other else frozenset({MediaType.DOCX})
    if head.startswith(_OLE):
        # A Word document with a password is such a file; its reader tells them apart from those of old.
        return frozenset({MediaType.DOCX})
    if head.startswith(tuple(_OTHERS)):
        return frozenset()
    if is_wide(head):
        shown = head.replace(b"\x00", b"").lstrip(b"\xff\xfe")
        return frozenset({MediaType.HTML}) if _PAGE.match(shown) else TEXTS
    if _is_binary(head):
        return frozenset()
    return frozenset({MediaType.HTML}) if _PAGE.match(head.removeprefix(codecs.BOM_UTF8)) else TEXTS


def _is_binary(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls > max(1.0, CONTROL_SHARE * len(head))


def _is_of_another_type(suffix: str) -> bool:
    """Whether a suffix is registered for what is no text: it contradicts whatever we take."""
    registered = _REGISTERED.types_map[1].get(suffix)
    return registered is not None and not registered.startswith("text/")


def _described(head: bytes) -> str:
    return next((words for mark, words in _OTHERS.items() if head.startswith(mark)), "binary data")


def _spoken(may_be: frozenset[MediaType] | set[MediaType]) -> str:
    if len(may_be) > 1:
        return "text"
    (kind,) = may_be
    match kind:
        case MediaType.MARKDOWN:
            return "Markdown"
        case MediaType.TEXT:
            return "text"
        case MediaType.HTML:
            return "a web page"
        case MediaType.CSV:
            return "CSV"
        case MediaType.PDF:
            return "PDF"
        case MediaType.DOCX:
            return "an office document"
        case _:
            assert_never(kind)


def _declared_as(kind: MediaType) -> frozenset[str]:
    match kind:
        case MediaType.MARKDOWN:
            # Browsers and curl have no type of their own for Markdown.
            return frozenset({"text/markdown", "text/x-markdown", "text/plain"})
        case MediaType.TEXT:
            return frozenset({"text/plain"})
        case MediaType.HTML:
            return frozenset({"text/html", "application/xhtml+xml"})
        case MediaType.CSV:
            # Windows says that CSV is Excel's.
            return frozenset({"text/csv", "text/plain", "application/csv", "application/vnd.ms-excel"})
        case MediaType.PDF:
            return frozenset({"application/pdf", "application/x-pdf"})
        case MediaType.DOCX:
            return frozenset({MediaType.DOCX.value, "application/msword", "application/zip"})
        case _:
            assert_never(kind)


def _unknown(text: str) -> MediaTypeUnknown:
    return MediaTypeUnknown(text, taken=TAKEN)
