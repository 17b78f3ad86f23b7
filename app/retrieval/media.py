"""What may be uploaded, and how it is recognised: by its content; its name only breaks ties."""

import codecs
import re
from collections.abc import Mapping
from enum import StrEnum
from mimetypes import MimeTypes
from pathlib import PurePosixPath

from app.errors import BadInput, MediaTypeUnknown
from app.retrieval.forms import Form, described, form_of

HEAD_BYTES = 8192
"""The part of an upload in which its type is looked for, as git and file(1) look at the head only."""

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
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    JSON = "application/json"
    JSON_LINES = "application/jsonl"
    EML = "message/rfc822"


_PLAIN = frozenset({MediaType.MARKDOWN, MediaType.TEXT, MediaType.HTML, MediaType.CSV})
_JSON = frozenset({MediaType.JSON, MediaType.JSON_LINES})
_OFFICE = frozenset({MediaType.DOCX, MediaType.PPTX, MediaType.XLSX})
TEXTS = _PLAIN | _JSON
"""Those whose bytes are text in one encoding."""
BY_SUFFIX = {
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".txt": MediaType.TEXT,
    ".html": MediaType.HTML,
    ".htm": MediaType.HTML,
    ".csv": MediaType.CSV,
    ".pdf": MediaType.PDF,
    ".docx": MediaType.DOCX,
    ".pptx": MediaType.PPTX,
    ".xlsx": MediaType.XLSX,
    ".json": MediaType.JSON,
    ".jsonl": MediaType.JSON_LINES,
    ".ndjson": MediaType.JSON_LINES,
    ".eml": MediaType.EML,
}
TAKEN = ", ".join(BY_SUFFIX)
_OF_FORM: Mapping[Form, tuple[frozenset[MediaType], MediaType | None]] = {
    Form.PDF: (frozenset({MediaType.PDF}), MediaType.PDF),
    Form.WORD: (frozenset({MediaType.DOCX}), MediaType.DOCX),
    Form.SLIDES: (frozenset({MediaType.PPTX}), MediaType.PPTX),
    Form.SHEETS: (frozenset({MediaType.XLSX}), MediaType.XLSX),
    Form.OFFICE: (_OFFICE, MediaType.DOCX),
    Form.PAGE: (frozenset({MediaType.HTML}), MediaType.HTML),
    Form.JSON: (TEXTS, MediaType.JSON),
    Form.JSON_LINES: (TEXTS, MediaType.JSON_LINES),
    Form.MAIL: (_PLAIN | {MediaType.EML}, MediaType.EML),
    Form.TEXT: (_PLAIN, MediaType.TEXT),
    Form.OTHER: (frozenset(), None),
}
"""Every type that a content of a form may be of, and which it is where nobody says."""
_SPOKEN: Mapping[MediaType, str] = {
    MediaType.MARKDOWN: "Markdown",
    MediaType.TEXT: "text",
    MediaType.HTML: "a web page",
    MediaType.CSV: "CSV",
    MediaType.PDF: "PDF",
    MediaType.DOCX: "a Word document",
    MediaType.PPTX: "a presentation",
    MediaType.XLSX: "a workbook",
    MediaType.JSON: "JSON",
    MediaType.JSON_LINES: "JSON Lines",
    MediaType.EML: "a mail",
}
# Lines of JSON have no registered type.
_DECLARED_JSON = (*sorted(_JSON), "application/x-ndjson", "application/ndjson", "application/x-jsonlines", "text/plain")
_DECLARED: Mapping[MediaType, tuple[str, ...]] = {
    # Browsers and curl have no type of their own for Markdown.
    MediaType.MARKDOWN: ("text/x-markdown", "text/plain"),
    MediaType.HTML: ("application/xhtml+xml",),
    # Windows says that CSV is Excel's.
    MediaType.CSV: ("text/plain", "application/csv", "application/vnd.ms-excel"),
    MediaType.PDF: ("application/x-pdf",),
    MediaType.DOCX: ("application/msword", "application/zip"),
    MediaType.PPTX: ("application/vnd.ms-powerpoint", "application/zip"),
    MediaType.XLSX: ("application/vnd.ms-excel", "application/zip"),
    MediaType.JSON: _DECLARED_JSON,
    MediaType.JSON_LINES: _DECLARED_JSON,
    MediaType.EML: ("text/plain",),
}
"""What clients call a type beside its own name."""
_UNTOLD = frozenset({"", "application/octet-stream"})


def media_type_of(name: str, declared: str, head: bytes) -> MediaType:
    """Return the type of an upload that begins with `head`.

    Content decides. Where it may be several types (a text may be Markdown or CSV) the name's suffix does, else what
    the client says in its Content-Type, `declared`; else what it looks most like. Raises MediaTypeUnknown for
    content that is of no type that is taken, and where name or Content-Type contradict the content.
    """
    suffix = PurePosixPath(name).suffix.lower()
    told = declared.partition(";")[0].strip().lower()
    may_be, default = _OF_FORM[form_of(head)]
    named = BY_SUFFIX.get(suffix)
    if default is None:
        raise _unknown(f"the file holds {described(head)}, which cannot be read")
    if named is None and _is_of_another_type(suffix):
        raise _unknown(f"files ending in {suffix} are not taken")
    if named is not None and named not in may_be:
        raise _unknown(f"the file ends in {suffix} but holds {_spoken(may_be)}: name it so, or send the other file")
    kind = named or next((one for one in may_be if told == one.value), None)
    kind = kind or default
    if told not in _UNTOLD and told not in {kind.value, *_DECLARED.get(kind, ())}:
        raise _unknown(f"the Content-Type {told} is not what the file holds, {_SPOKEN[kind]}")
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


def _is_of_another_type(suffix: str) -> bool:
    """Whether a suffix is registered for what is no text: it contradicts whatever we take."""
    registered = _REGISTERED.types_map[1].get(suffix)
    return registered is not None and not registered.startswith("text/")


def _spoken(may_be: frozenset[MediaType]) -> str:
    if len(may_be) == 1:
        return _SPOKEN[min(may_be)]
    return "an office document" if may_be == _OFFICE else "text"


def _unknown(text: str) -> MediaTypeUnknown:
    return MediaTypeUnknown(text, taken=TAKEN)
