"""Reads mails (RFC 5322, MIME): who wrote to whom, when and of what, the text, and what is attached."""

import io
import re
from binascii import Error as Base64Wrong
from collections.abc import Callable, Iterator
from email.errors import MessageError
from email.generator import BytesGenerator
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import cast

from app.retrieval.formats.builder import Builder, one_line
from app.retrieval.formats.encodings import decode, storable
from app.retrieval.parts import Parts
from app.retrieval.unreadable import DocumentUnreadable, Unreadable

FIELDS = ("From", "To", "Cc", "Date")
FIELD_CHARS = 1_000
"""Of a field, the rest is left out: lists of a thousand receivers say nothing."""
PARTS = 1_000
"""Programs make some ten parts, newsletters a hundred."""

Attached = Callable[[str, str | None, bytes], Parts]
"""Reads an attachment by its name, the encoding that the mail says, and its bytes. Raises DocumentUnreadable."""

_EXACT = re.compile(r"utf-?8|us-?ascii|ascii", re.IGNORECASE)


def read(raw: bytes, charset: str | None, *, page: Callable[[bytes, str | None], Parts], attached: Attached) -> Parts:
    """Read a mail; `page` reads its parts that are web pages, `attached` what is attached.

    Of several forms of one text the last is taken, which is the one that says most (RFC 2046, section 5.1.4). Raises
    DocumentUnreadable: `malformed`, `bomb` for parts without end.
    """
    del charset
    try:
        mail = BytesParser(policy=compat32).parsebytes(raw)
        subject = _field(mail, "Subject")
        builder = Builder()
        builder.heading(1, subject)
        named = ((name, _field(mail, name)) for name in FIELDS)
        builder.paragraph("\n".join(f"{name}: {value}" for name, value in named if value))
        for number, part in enumerate(_shown_parts(mail)):
            if number >= PARTS:
                raise DocumentUnreadable(Unreadable.BOMB)
            _write(builder, part, page, attached)
    except RecursionError as error:
        raise DocumentUnreadable(Unreadable.BOMB) from error
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, OSError) as error:
        # The parser of Python takes any bytes; what it makes of broken fields breaks its own accessors at times.
        raise DocumentUnreadable(Unreadable.MALFORMED) from error
    return builder.parts(title=subject)


def _field(mail: Message, name: str) -> str:
    """Return a field of the head in readable letters; "" where there is none."""
    value = mail.get(name)
    if value is None:
        return ""
    try:
        pieces = [_worded(piece, charset) for piece, charset in decode_header(str(value))]
    except (MessageError, Base64Wrong):
        pieces = [str(value)]
    return one_line(storable("".join(pieces)))[:FIELD_CHARS]


def _name_of(part: Message) -> str:
    """Return the name of an attachment; "" where it has none, or one that cannot be put together."""
    try:
        return part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError, OSError):
        # OSError: a codec that was not imported before cannot be any more.
        return ""


def _worded(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError, OSError):
        return piece.decode("ascii", "replace")


def _shown_parts(mail: Message) -> Iterator[Message]:
    """Yield the parts that hold something, in their order; of alternatives the last that can be read."""
    waiting: list[Message] = [mail]
    while waiting:
        part = waiting.pop()
        if part.get_content_type() == "message/rfc822" or not part.is_multipart():
            yield part
            continue
        inner = [one for one in _payload(part) if _is_readable(one)] if _is_alternative(part) else _payload(part)
        waiting.extend(inner[-1:] if _is_alternative(part) else reversed(inner))


def _is_alternative(part: Message) -> bool:
    return part.get_content_type() == "multipart/alternative"


def _is_readable(part: Message) -> bool:
    return part.get_content_type() in {"text/plain", "text/html"} or part.is_multipart()


def _payload(part: Message) -> list[Message]:
    if not part.is_multipart():
        return []
    return cast("list[Message]", part.get_payload())


def _write(builder: Builder, part: Message, page: Callable[[bytes, str | None], Parts], attached: Attached) -> None:
    kind, name = part.get_content_type(), _name_of(part)
    if kind == "message/rfc822":
        inner = _payload(part)
        _attach(builder, name or "mail.eml", part, _bytes_of(inner[0]) if inner else b"", attached)
        return
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    if name or part.get_content_disposition() == "attachment" or kind not in {"text/plain", "text/html"}:
        if part.get_content_disposition() != "inline" or not kind.startswith("image/"):
            _attach(builder, name, part, raw, attached)
        return
    charset = part.get_content_charset()
    if kind == "text/html":
        builder.include(page(raw, charset), deeper=1)
    else:
        builder.paragraph(_text(raw, charset).strip("\r\n"))


def _bytes_of(mail: Message) -> bytes:
    # Message.as_bytes imports what writes it when it is called, which a process that is confined cannot.
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=compat32).flatten(mail)
    return out.getvalue()


def _text(raw: bytes, charset: str | None) -> str:
    """Decode a text as it says; where it says nothing, or what it is not, as can be told."""
    if charset is not None and not _EXACT.fullmatch(charset):
        return decode(raw, charset)[0]
    return decode(raw, None)[0]


def _attach(builder: Builder, name: str, part: Message, raw: bytes, attached: Attached) -> None:
    """Name an attachment, and add what is read of it, or why nothing is."""
    kind = part.get_content_type()
    builder.heading(2, f"Attachment: {storable(name) or kind}")
    try:
        parts = attached(name, part.get_content_charset(), raw)
    except DocumentUnreadable as error:
        builder.paragraph(f"({kind}, {len(raw)} bytes, not read: {error.why})")
        return
    builder.include(parts, deeper=2)
