"""Why a document cannot be read, and how its reader says so."""

from collections.abc import Mapping
from enum import StrEnum

FIRST_STATUS = 10
"""Exit statuses from here on are reasons: clear of Python's own 1, 2 and 120, and of the shell's 126 and up."""


class Unreadable(StrEnum):
    """Why a document has no chunks: the stable error code of its job."""

    TOO_LARGE = "too_large"
    NO_TEXT = "no_text"
    MALFORMED = "malformed"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    ENCRYPTED = "encrypted"
    SCANNED = "scanned"
    BOMB = "bomb"
    TOO_MANY_PAGES = "too_many_pages"
    ENCODING_UNKNOWN = "encoding_unknown"
    TYPE_MISMATCH = "type_mismatch"


WORDS: Mapping[Unreadable, str] = {
    Unreadable.TOO_LARGE: "the document's text is too large",
    Unreadable.NO_TEXT: "the document holds no text",
    Unreadable.MALFORMED: "the document is damaged, or not what its name says",
    Unreadable.MEMORY: "reading the document took more memory than it may",
    Unreadable.TIMEOUT: "reading the document took longer than it may",
    Unreadable.ENCRYPTED: "the document is encrypted: upload it without its password",
    Unreadable.SCANNED: "the document's pages are pictures without text: have their text recognised (OCR) first",
    Unreadable.BOMB: "the document unpacks to far more than it is, or nests too deep",
    Unreadable.TOO_MANY_PAGES: "the document has too many pages: upload it in parts",
    Unreadable.ENCODING_UNKNOWN: "the encoding of the text cannot be told: upload it again with the encoding in the "
    "Content-Type of the part `file`, such as text/plain; charset=windows-1251, or in UTF-8",
    Unreadable.TYPE_MISMATCH: "the document is not of the type that its name and its first bytes say",
}
"""What the owner of such a document is told."""


class DocumentUnreadable(Exception):
    """The document cannot be parsed; trying again would end the same way."""

    def __init__(self, why: Unreadable) -> None:
        super().__init__(why.value)
        self.why = why


def status_of(why: Unreadable) -> int:
    """Return the exit status by which a reader's process says why."""
    return FIRST_STATUS + list(Unreadable).index(why)


def reason_of(status: int) -> Unreadable | None:
    """Return why, of an exit status that says so; None of any other."""
    reasons = list(Unreadable)
    at = status - FIRST_STATUS
    return reasons[at] if 0 <= at < len(reasons) else None
