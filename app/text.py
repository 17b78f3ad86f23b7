"""Text as every store can hold it."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Return `text` without NUL and with lone surrogates replaced by U+FFFD; most texts come back as they are."""
    if "\x00" not in text and text.isascii():
        return text
    return _UNSTORABLE.sub(lambda found: "" if found.group() == "\x00" else "\ufffd", text)


def is_storable(text: str) -> bool:
    """Whether `text` holds neither NUL nor a lone surrogate."""
    return _UNSTORABLE.search(text) is None
