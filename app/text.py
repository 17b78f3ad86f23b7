"""Text as every store can hold it, and as every reader of lines takes it."""

import json
import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Where str.splitlines ends a line (CPython's Objects/unicodectype.c, _PyUnicode_IsLinebreak), and browsers and editors
# with it: a reader of "lines" cuts a text at each of these.
_BREAKS = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
# Those of them that JSON leaves as they are within a string, in UTF-8.
_JSON_BREAKS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def clean(text: str) -> str:
    """Return `text` without NUL and with lone surrogates replaced by U+FFFD; most texts come back as they are."""
    if "\x00" not in text and text.isascii():
        return text
    return _UNSTORABLE.sub(lambda found: "" if found.group() == "\x00" else "\ufffd", text)


def is_storable(text: str) -> bool:
    """Whether `text` holds neither NUL nor a lone surrogate."""
    return _UNSTORABLE.search(text) is None


def json_line(encoded: bytes) -> bytes:
    """Return JSON in UTF-8 with the same value, on one line for every reader of lines."""
    if encoded.isascii():
        return encoded
    for character, escape in _JSON_BREAKS:
        if character in encoded:
            encoded = encoded.replace(character, escape)
    return encoded


def one_line(text: str) -> str:
    """Return `text` with every character that ends a line written as its escape, such as `\\u2028`."""
    return _BREAKS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def encodable(text: str, encoding: str) -> str:
    """Return `text` with every character that `encoding` lacks written as JSON escapes it, such as `\\u00e9`."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(letter if _has(encoding, letter) else json.dumps(letter)[1:-1] for letter in text)
    return text


def _has(encoding: str, letter: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
