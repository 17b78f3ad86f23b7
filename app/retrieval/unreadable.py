"""Why a document cannot be read, and how its reader says so."""

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
