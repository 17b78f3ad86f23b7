"""Which content is text, and which of that is in two or four bytes a character, by its mark or by how it looks."""

import codecs
import unicodedata

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""In an order in which none hides a later one."""
LEAST_PLAUSIBLE = 0.97
LEAST_MARKED = 0.8
CONTROL_SHARE = 0.01
"""More control bytes than this make it binary; text has next to none, compressed data about a tenth."""

_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_CONTROLS = bytes(byte for byte in range(32) if byte not in _TEXT_CONTROLS) + b"\x7f"
_TELLING = (b"\x00", b"\x01\x30", b"\x02\x30", b"\x30\x01", b"\x30\x02")


def holds_controls(raw: bytes) -> bool:
    """Whether there are more control bytes than any text in bytes has."""
    controls = len(raw) - len(raw.translate(None, _CONTROLS))
    return controls > max(1.0, CONTROL_SHARE * len(raw))


def marked(raw: bytes) -> tuple[bytes, str] | None:
    """Return the byte order mark that text begins with, and its encoding."""
    return next(((mark, name) for mark, name in MARKS if raw.startswith(mark)), None)


def believed_mark(sample: bytes) -> tuple[bytes, str] | None:
    """Return the mark of a text that goes on as it says: two letters of a code page are the bytes of a mark, too."""
    found = marked(sample)
    if found is None or found[1] == "utf-8":
        return found
    mark, encoding = found
    text = sample[len(mark) :].decode(encoding, "ignore")
    return found if not text or _share(text) >= LEAST_MARKED else None


def wide(sample: bytes) -> str | None:
    """Return the UTF-16 in which a text without a mark is; None for text in bytes, and for what is no text.

    Blanks and line ends of UTF-16 hold NULs, which other text does not; stops and commas of Chinese and Japanese hold
    other bytes that stand in no text.
    """
    if not any(mark in sample for mark in _TELLING):
        return None
    even = sample[: len(sample) & ~1]
    shares = {name: _plausible(even.decode(name, "replace")) for name in ("utf-16-le", "utf-16-be")}
    best, other = sorted(shares, key=lambda name: -shares[name])
    return best if shares[best] >= LEAST_PLAUSIBLE and shares[best] > shares[other] else None


def _plausible(text: str) -> float:
    """Return the share of characters that texts are made of; 0.0 where no blank, stop or line end is among them."""
    # A wrong byte order turns blanks and stops into rare letters.
    if not any(mark in text for mark in " \n\r\t\u3000\u3001\u3002"):
        return 0.0
    return _share(text)


def _share(text: str) -> float:
    return sum(sign in "\t\n\r\f" or unicodedata.category(sign)[0] in "LMNPSZ" for sign in text) / len(text)
