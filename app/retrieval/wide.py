"""Which text is in two or four bytes a character, by its mark or by how it looks."""

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


def marked(raw: bytes) -> tuple[bytes, str] | None:
    """Return the byte order mark that text begins with, and its encoding."""
    return next(((mark, name) for mark, name in MARKS if raw.startswith(mark)), None)


def wide(sample: bytes) -> str | None:
    """Return the UTF-16 in which a text without a mark is; None for text in bytes, and for what is no text.

    Blanks and line ends of UTF-16 hold NULs, which other text does not.
    """
    if b"\x00" not in sample:
        return None
    even = sample[: len(sample) & ~1]
    shares = {name: _plausible(even.decode(name, "replace")) for name in ("utf-16-le", "utf-16-be")}
    best, other = sorted(shares, key=lambda name: -shares[name])
    return best if shares[best] >= LEAST_PLAUSIBLE and shares[best] > shares[other] else None


def _plausible(text: str) -> float:
    """Return the share of characters that texts are made of; 0.0 where no blank or line end is among them."""
    # A wrong byte order turns blanks into rare letters.
    if not any(mark in text for mark in " \n\r\t\u3000"):
        return 0.0
    return sum(sign in "\t\n\r\f" or unicodedata.category(sign)[0] in "LMNPSZ" for sign in text) / len(text)
