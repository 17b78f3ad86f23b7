"""What may be uploaded, and how it is recognised: by its name and by its content."""

import codecs
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator
from enum import StrEnum
from pathlib import PurePosixPath
from typing import assert_never

from app.errors import BadInput, MediaTypeUnknown

NAME_BYTES = 255
HEAD_BYTES = 8192
"""The part of an upload in which binary content is looked for, as git and file(1) look at the head only."""
CONTROL_SHARE = 0.01
"""More control bytes than this in the head make it binary; text has next to none, compressed data about a tenth."""

_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_CONTROLS = bytes(byte for byte in range(32) if byte not in _TEXT_CONTROLS) + b"\x7f"
_MAGIC = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"\x7fELF",
    b"\x1f\x8b",
    b"MZ\x90",
    b"\xd0\xcf\x11\xe0",
    b"{\\rtf",
)
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


class MediaType(StrEnum):
    """The types that are taken."""

    MARKDOWN = "text/markdown"
    TEXT = "text/plain"


_BY_SUFFIX = {
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".txt": MediaType.TEXT,
}
_UNTOLD = frozenset({"", "application/octet-stream"})


def _declared_as(kind: MediaType) -> frozenset[str]:
    match kind:
        case MediaType.MARKDOWN:
            # Browsers and curl have no type of their own for Markdown.
            return frozenset({"text/markdown", "text/x-markdown", "text/plain"})
        case MediaType.TEXT:
            return frozenset({"text/plain"})
        case _:
            assert_never(kind)


def clean_name(name: str) -> str:
    """Return the document's name: the last part of a path (RFC 7578 §4.2), in NFC.

    Raises BadInput when nothing is left, when it is over 255 bytes, or when it holds control, bidirectional-override,
    private or unassigned characters.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = unicodedata.normalize("NFC", last).strip()
    if clean in {"", ".", ".."}:
        raise BadInput("the file has no name", field="file")
    if any(_is_hidden(character) for character in clean):
        raise BadInput("the file's name holds control characters", field="file")
    if len(clean.encode()) > NAME_BYTES:
        raise BadInput(f"the file's name is over {NAME_BYTES} bytes", field="file", limit_bytes=NAME_BYTES)
    return clean


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    # U+200C and U+200D join letters of Persian, Indic scripts and emoji: they belong to names.
    return category in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} or (category == "Cf" and character not in "\u200c\u200d")


def media_type_of(name: str, declared: str) -> MediaType:
    """Return the type that the name's suffix says; `declared`, the client's Content-Type, must not contradict it.

    Raises MediaTypeUnknown for any other suffix or a contradiction.
    """
    suffix = PurePosixPath(name).suffix.lower()
    kind = _BY_SUFFIX.get(suffix)
    if kind is None:
        raise MediaTypeUnknown(f"files ending in {suffix or 'nothing'} are not taken", taken=", ".join(_BY_SUFFIX))
    told = declared.partition(";")[0].strip().lower()
    if told not in _UNTOLD and told not in _declared_as(kind):
        raise MediaTypeUnknown(f"{told} is not what a file ending in {suffix} holds", taken=", ".join(_BY_SUFFIX))
    return kind


async def checked_text(body: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Pass `body` through unchanged while its content is text in UTF-8 (a byte order mark is fine).

    Raises MediaTypeUnknown when the head is binary or UTF-16, BadInput at the first byte that is not UTF-8 and when
    there was no byte at all.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    head = b""
    passed_bytes = 0
    async for piece in body:
        if len(head) < HEAD_BYTES:
            head += piece[: HEAD_BYTES - len(head)]
            _refuse_binary(head)
        _decode(decoder, piece, passed_bytes, final=False)
        passed_bytes += len(piece)
        yield piece
    if passed_bytes == 0:
        raise BadInput("the file is empty", field="file")
    _decode(decoder, b"", passed_bytes, final=True)


def _refuse_binary(head: bytes) -> None:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if head.startswith(_MAGIC) or head.startswith(_WIDE_MARKS) or controls > max(1.0, CONTROL_SHARE * len(head)):
        raise MediaTypeUnknown("the file's content is not UTF-8 text", taken=", ".join(_BY_SUFFIX))


def _decode(decoder: codecs.IncrementalDecoder, piece: bytes, passed_bytes: int, *, final: bool) -> None:
    kept = len(decoder.getstate()[0])
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError as error:
        at = passed_bytes - kept + error.start
        raise BadInput(f"the file is not UTF-8: byte {at} cannot be read", field="file", at_byte=at) from error
