"""What a document may be called."""

import unicodedata

from app.errors import BadInput

NAME_BYTES = 255


def clean_name(name: str) -> str:
    """Return the document's name: the last part of a path (RFC 7578 §4.2), in NFC.

    Raises BadInput when nothing is left, when it is over 255 bytes, or when it holds control, bidirectional-override,
    private or unassigned characters.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = unicodedata.normalize("NFC", last).strip()
    if clean in {"", ".", ".."}:
        raise BadInput("the file has no name", field="file")
    if any(is_hidden(character) for character in clean):
        raise BadInput("the file's name holds control characters", field="file")
    if len(clean.encode()) > NAME_BYTES:
        raise BadInput(f"the file's name is over {NAME_BYTES} bytes", field="file", limit_bytes=NAME_BYTES)
    return clean


def is_hidden(character: str) -> bool:
    """Say whether a character has no place in a line that people read: controls, private and unassigned ones."""
    category = unicodedata.category(character)
    # U+200C and U+200D join letters of Persian, Indic scripts and emoji: they belong to names.
    return category in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} or (category == "Cf" and character not in "\u200c\u200d")
