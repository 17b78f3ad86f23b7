"""What a request was about before this turn, and what a turn says to that."""

import re
from collections.abc import Callable

import msgspec

from app.agents.scheduler.reading import Wanted
from app.agents.scheduler.records import EventDraft, Option


class PendingEvent(msgspec.Struct, frozen=True):
    """A request that was not booked: what was said of it, and what it could be instead."""

    asked: str
    draft: EventDraft | None = None
    options: tuple[Option, ...] = ()


_NUMBERS = {"first": 0, "1": 0, "one": 0, "second": 1, "2": 1, "two": 1, "third": 2, "3": 2, "three": 2, "last": -1}
_CHOICE = re.compile(
    r"\s*(?:(?:yes|ok|okay|please|i'?ll|let'?s|take|book|choose|use|go\s+with|the|option|number|no\.?|#)[\s,]*)*"
    rf"(?P<which>{'|'.join(_NUMBERS)})(?:\s+(?:one|option))?(?:,?\s*please)?[\s.!]*",
    re.IGNORECASE,
)
_YES = re.compile(r"\s*(?:yes|yes,?\s+please|ok|okay|sure|fine|that\s+works|do\s+that)[\s.!]*", re.IGNORECASE)
_NO = re.compile(
    r"\s*(?:no|no,?\s+thanks?(?:\s+you)?|never\s*mind|forget\s+(?:it|that)|none(?:\s+of\s+(?:them|those))?)[\s.!]*",
    re.IGNORECASE,
)


_NO_BOOKING = re.compile(
    r"\W*(?:(?:please|hi|hello|hey|can|could|would|will|you|i(?:'d| would)? (?:like|want|need) to|let's)[\s,]+)*"
    r"(?:(?:cancel|delete|remove|call\s+off|move|shift|postpone|reschedule)(?![\w-])"
    r"|(?:do\s+not|don'?t|never)\s+(?:book|schedule|plan|reserve|put)\b"
    r"|what(?:'s|\s+is|\s+are)\s+(?:on|planned|booked|scheduled)\b|(?:show|list|which)\b)",
    re.IGNORECASE,
)
"""Asks for what a sentence cannot do here: to undo or move a booking, or to look at what is booked."""


def is_no_booking(question: str) -> bool:
    """Return whether a turn asks for something else than to book."""
    return _NO_BOOKING.match(question) is not None


def gives_up(question: str) -> bool:
    """Return whether a turn says that nothing is to be booked after all."""
    return _NO.fullmatch(question) is not None


def chosen(question: str, pending: PendingEvent | None) -> EventDraft | None:
    """Return the draft with the option that a turn chooses, if it chooses one."""
    if pending is None or pending.draft is None or not pending.options:
        return None
    found = _CHOICE.fullmatch(question)
    index = 0 if found is None else _NUMBERS[found["which"].lower()]
    if found is None and not (len(pending.options) == 1 and _YES.fullmatch(question)):
        return None
    if index >= len(pending.options):
        return None
    option = pending.options[index]
    return msgspec.structs.replace(
        pending.draft,
        starts_at=option.starts_at,
        ends_at=option.ends_at,
        place=option.place,
        resource_id=option.resource_id,
    )


def asked_of(question: str, pending: PendingEvent | None, read: Callable[[str], Wanted]) -> str:
    """Return what is asked: the question; after what was asked before, where it only adds to that or corrects it."""
    if pending is None:
        return question
    alone = read(question)
    is_whole = bool(alone.title) and not alone.lacks
    # Read as a correction: where both say something, the last word counts.
    return question if is_whole else f"{pending.asked}; no, {question}"
