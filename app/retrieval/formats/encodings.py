"""How the bytes of a text are decoded: as is said, as they say themselves, or as can be told with confidence."""

import codecs

from charset_normalizer import CharsetMatch, from_bytes

from app.retrieval.formats.alphabets import is_latin, is_plausible
from app.retrieval.unreadable import DocumentUnreadable, Unreadable
from app.retrieval.wide import MARKS, believed_mark, holds_controls, wide

SINGLE = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("koi8_r", "cp866", "cp874"),
)
"""Code pages of a byte a letter."""
CANDIDATES = (*SINGLE, "cp932", "euc_jp", "gb18030", "big5", "cp949")
"""The code pages of Windows and of East Asia: they hold those of ISO and of Unix, byte for byte in what is text."""
OTHERS = (
    "iso2022_jp",
    "raw_unicode_escape",
    *(f"iso8859_{part}" for part in (*range(2, 12), *range(13, 17))),
    *("cp437", "cp850", "cp852", "cp1258", "koi8_u", "mac_roman", "tis_620"),
    *("gb2312", "gbk", "big5hkscs", "shift_jis", "euc_kr", "johab"),
)
"""Further ones that pages and mails name; names in ZIP archives are in `cp437`, and Python's mails use the second."""
SAMPLE_BYTES = 256 * 1024
MOST_CHAOS = 0.1
"""Of what the detector calls mess: texts in the right encoding have next to none."""
CHAOS_MARGIN = 0.05
COHERENCE_MARGIN = 0.05
"""By how much a code page must fit better than any other that gives another text."""
LEAST_BYTES = 24
"""What is shorter, and not UTF-8, may be anything."""
SHORT_BYTES = 72
LATIN_SIGNS = 8
OTHER_SIGNS = 60
"""Beyond ASCII: what has fewer says too little of its language to choose between two code pages by it."""
LEAST_STRANGE = 0.8

_ISO_2022 = (b"\x1b$B", b"\x1b$@", b"\x1b(J")


def decode(raw: bytes, charset: str | None) -> tuple[str, str]:
    """Return the text, without a byte order mark, and the encoding's name in Python.

    `charset` is what the uploader said. Every NUL, which no store can hold, becomes U+FFFD (as CommonMark 0.31 §2.3 has
    it): nothing moves. Raises DocumentUnreadable: `encoding_unknown` where the encoding cannot be told, or is not the
    one that was said.
    """
    mark, said = believed_mark(raw[:SAMPLE_BYTES]) or (b"", charset)
    encoding = said or _told(raw)
    if encoding is None:
        raise DocumentUnreadable(Unreadable.ENCODING_UNKNOWN)
    try:
        text = raw[len(mark) :].decode(encoding)
    except (UnicodeDecodeError, LookupError, OSError) as error:
        # A codec that was not imported before cannot be any more.
        raise DocumentUnreadable(Unreadable.ENCODING_UNKNOWN) from error
    return storable(text.removeprefix("\ufeff")), encoding


def storable(text: str) -> str:
    """Return the text with U+FFFD for what PostgreSQL cannot keep, one for one: offsets stay."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode() if not text.isascii() and _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _told(raw: bytes) -> str | None:
    if len(raw) % 2 == 0 and (utf16 := wide(raw[:SAMPLE_BYTES])) is not None:
        return utf16
    if any(mark in raw for mark in _ISO_2022) and _decodes(raw, "iso2022_jp"):
        return "iso2022_jp"
    if holds_controls(raw):
        # It may be text in two bytes a character that no blank or stop tells.
        return None
    return "utf-8" if _decodes(raw, "utf-8") else _detected(raw)


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _detected(raw: bytes) -> str | None:
    """Return the one code page in which somebody could have written this; None where there is none, or several."""
    sample = raw[:SAMPLE_BYTES]
    if len(raw) < LEAST_BYTES:
        return None
    if len(raw) > SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    found = from_bytes(sample, cp_isolation=[*CANDIDATES], enable_fallback=False)
    able = [one for one in found if one.chaos <= MOST_CHAOS and is_plausible(str(one))]
    if not able:
        return None
    best = min(able, key=_rank)
    others = [one for one in able if str(one) != str(best)]
    if _says_little(sample, str(best)) and (others or not _is_certain(sample, best.encoding, str(best))):
        return None
    rivals = [one for one in others if one.chaos <= best.chaos + CHAOS_MARGIN]
    if any(best.coherence - rival.coherence < COHERENCE_MARGIN for rival in rivals):
        return None
    return best.encoding


def _says_little(sample: bytes, text: str) -> bool:
    signs = sum(byte > 0x7F for byte in sample)
    return len(sample) < SHORT_BYTES or signs < (LATIN_SIGNS if is_latin(text) else OTHER_SIGNS)


def _is_certain(sample: bytes, encoding: str, text: str) -> bool:
    """Whether a short text can be nothing else: of letters of East Asia alone, or in no other code page of its kind."""
    if encoding not in SINGLE:
        return sum(not sign.isascii() for sign in text) >= LEAST_STRANGE * len(text)
    readings = {sample.decode(page, "replace") for page in SINGLE}
    return not any(one != text and "\ufffd" not in one and is_plausible(one) for one in readings)


def _rank(found: CharsetMatch) -> tuple[float, float]:
    return round(found.chaos, 2), -found.coherence


def prepare(charset: str | None) -> None:
    """Import what decoding needs, which Python and the detector otherwise do when they first need it."""
    for name in (*CANDIDATES, *(mark[1] for mark in MARKS), *OTHERS, charset or "utf-8"):
        codecs.lookup(name)
    _detected(("\u0434\u0430, \u044d\u0442\u043e \u0442\u0430\u043a " * 3).encode("cp1251"))
