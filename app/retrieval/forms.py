"""Which form a content has, by its first bytes: no name is looked at."""

import codecs
import re
import zlib
from collections.abc import Mapping
from enum import StrEnum

from app.retrieval.wide import holds_controls, marked, wide

PDF_BYTES = 1024
"""Within the first of which a PDF says that it is one (Adobe's implementation notes to PDF 1.7, appendix H.3.4.1)."""

_OLE = b"\xd0\xcf\x11\xe0"
_ENTRY = b"PK\x03\x04"
_ENTRY_BYTES = 30
"""Of the header of an entry of a ZIP archive, before its name (APPNOTE.TXT 6.3.10, section 4.3.7)."""
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
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
"""The name of a field in the head of a mail (RFC 5322, section 2.2)."""
_ORIGIN = frozenset({b"from", b"sender", b"return-path", b"received", b"message-id"})
_FIELDS = _ORIGIN | {b"to", b"cc", b"date", b"subject", b"reply-to", b"mime-version", b"delivered-to", b"content-type"}
_TOKEN = re.compile(
    rb'\s*(?:(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:.|\Z))*+(?:"|\Z))'
    rb"|(?P<scalar>-?\d[\d.eE+-]*|true|false|null)|(?P<mark>[{}\[\],:]))",
    re.DOTALL,
)
_LONGEST_WORD = len(b"false")
# What may follow in JSON (RFC 8259, section 2): "after" is after a value inside of an array or an object.
_STEPS: Mapping[tuple[str, str], str] = {
    ("top", "{"): "first key",
    ("top", "["): "first",
    **{(place, kind): "after" for place in ("value", "first") for kind in ("string", "scalar")},
    **{(place, "{"): "first key" for place in ("value", "first")},
    **{(place, "["): "first" for place in ("value", "first")},
    **{(place, "string"): "colon" for place in ("key", "first key")},
    ("colon", ":"): "value",
    **{(place, "]"): "after" for place in ("first", "after")},
    **{(place, "}"): "after" for place in ("first key", "after")},
    ("after", ","): "next",
}


class Form(StrEnum):
    """What a content is."""

    PDF = "pdf"
    WORD = "word"
    SLIDES = "slides"
    SHEETS = "sheets"
    OFFICE = "office"
    """Of an office program, and which one its first bytes do not say: it is encrypted, or its parts are in an order of
    their own."""
    PAGE = "page"
    JSON = "json"
    JSON_LINES = "json_lines"
    MAIL = "mail"
    TEXT = "text"
    OTHER = "other"


_OFFICE_FOLDERS: Mapping[str, Form] = {"word": Form.WORD, "ppt": Form.SLIDES, "xl": Form.SHEETS}
_OFFICE_WORDS: Mapping[bytes, Form] = {
    b"wordprocessingml": Form.WORD,
    b"presentationml": Form.SLIDES,
    b"spreadsheetml": Form.SHEETS,
}
_CONTENT_TYPES = "[Content_Types].xml"


def form_of(head: bytes) -> Form:
    """Return the form of a content that begins with `head`."""
    if b"%PDF-" in head[:PDF_BYTES]:
        return Form.PDF
    if head.startswith(_ENTRY):
        return _packed_form(head)
    if head.startswith(_OLE):
        # An office file with a password is such a file; its reader tells them apart from those of old.
        return Form.OFFICE
    if head.startswith(tuple(_OTHERS)):
        return Form.OTHER
    if is_wide(head):
        return _text_form(head.replace(b"\x00", b"").lstrip(b"\xff\xfe"))
    return Form.OTHER if holds_controls(head) else _text_form(head.removeprefix(codecs.BOM_UTF8))


def described(head: bytes) -> str:
    """Return what a content is that has no form of ours, in words."""
    return next((words for mark, words in _OTHERS.items() if head.startswith(mark)), "binary data")


def is_wide(head: bytes) -> bool:
    """Whether a text is in UTF-16 or UTF-32, with a byte order mark or by how it looks."""
    mark = marked(head)
    return mark[1] != "utf-8" if mark is not None else wide(head) is not None


def _text_form(shown: bytes) -> Form:
    if _PAGE.match(shown):
        return Form.PAGE
    values = count_values(shown)
    if values is not None:
        return Form.JSON_LINES if values > 1 else Form.JSON
    return Form.MAIL if _is_mail(shown) else Form.TEXT


def _packed_form(head: bytes) -> Form:
    """Return what a ZIP archive is, by the names of its entries in the head, else by what it says of its types."""
    names = [name for at in _entries(head) if (name := _name_at(head, at))]
    found = {form for name in names if (form := _OFFICE_FOLDERS.get(name.partition("/")[0])) and "/" in name}
    if len(found) == 1:
        return found.pop()
    told = _told_types(head) if names[:1] == [_CONTENT_TYPES] else b""
    types = {form for word, form in _OFFICE_WORDS.items() if b"openxmlformats-officedocument." + word in told}
    if len(types) == 1:
        return types.pop()
    return Form.OFFICE if _CONTENT_TYPES in names or found or types else Form.OTHER


def _entries(head: bytes) -> list[int]:
    return [found.start() for found in re.finditer(re.escape(_ENTRY), head)]


def _name_at(head: bytes, at: int) -> str:
    size = int.from_bytes(head[at + 26 : at + 28], "little")
    return head[at + _ENTRY_BYTES : at + _ENTRY_BYTES + size].decode("utf-8", "replace")


def _told_types(head: bytes) -> bytes:
    """Return as much as the head holds of the first entry, which names the types of all."""
    sizes = (int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
    packed = head[_ENTRY_BYTES + sum(sizes) :]
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, 1 << 16)
    except zlib.error:
        return packed


def count_values(text: bytes) -> int | None:
    """Return how many objects and arrays JSON begins with that begins like this, the last one maybe cut off.

    None where it is no JSON. Only the syntax is looked at.
    """
    opened: list[str] = []
    begun, place, at = 0, "top", 0
    while token := _TOKEN.match(text, at):
        at = token.end()
        kind = token["mark"].decode() if token["mark"] else str(token.lastgroup)
        following = _STEPS.get((place, kind))
        if following is None or (kind in "]}" and opened.pop() != kind):
            return None
        if kind in "[{":
            begun += not opened
            opened.append("]" if kind == "[" else "}")
        place = _place(following, opened)
    is_cut = len(text) - at <= _LONGEST_WORD and place != "top"
    return begun if begun and (is_cut or not text[at:].strip()) else None


def _place(following: str, opened: list[str]) -> str:
    if not opened:
        return "top"
    if following == "next":
        return "key" if opened[-1] == "}" else "value"
    return following


def _is_mail(head: bytes) -> bool:
    """Whether a text begins with the fields of a mail (RFC 5322, section 3.6)."""
    names: set[bytes] = set()
    lines = head.splitlines()
    for number, line in enumerate(lines):
        if not line:
            break
        if (names and line[:1] in {b" ", b"\t"}) or (number == 0 and line.startswith(b"From ")):
            continue
        found = _FIELD.match(line)
        if found is None:
            if number < len(lines) - 1 or number == 0:
                return False
            break
        names.add(found[1].lower())
    return len(names & _FIELDS) > 1 and bool(names & _ORIGIN)
