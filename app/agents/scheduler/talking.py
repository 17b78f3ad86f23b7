"""What a request was about before this turn, and what a turn says to that."""

import re
from enum import StrEnum

import msgspec

from app.agents.scheduler.alternatives import with_option
from app.agents.scheduler.records import EventDraft, Option
from app.agents.scheduler.said import Said
from app.agents.scheduler.spans import words


class PendingEvent(msgspec.Struct, frozen=True):
    """A request that was not booked: what was said of it, and what it could be instead."""

    asked: str
    draft: EventDraft | None = None
    options: tuple[Option, ...] = ()
    said: Said | None = None
    """What its turns said, by the clock of each; None in rows that an earlier version wrote."""
    time_zone: str = ""
    """Of the turns before, where they had one."""
    is_look: bool = False
    """It was asked whether something is free; nothing is booked for that."""


class TurnKind(StrEnum):
    """What a turn is, besides a wish to book."""

    WISH = "wish"
    """It asks to book, or adds to what was asked."""
    LOOK = "look"
    """It asks whether a place or somebody is free."""
    OTHER = "other"
    """It asks for what a sentence cannot do here: to undo or move a booking, or to list what is booked."""
    GIVES_UP = "gives_up"
    """Nothing is to be booked after all."""
    TALK = "talk"
    """It thanks or greets, and asks for nothing."""


_NUMBERS = {"first": 0, "1": 0, "one": 0, "second": 1, "2": 1, "two": 1, "third": 2, "3": 2, "three": 2, "last": -1}
_CHOICE = re.compile(
    r"\s*(?:(?:yes|ok|okay|please|i'?ll|let'?s|take|book|choose|use|go\s+with|the|option|number|no\.?|#)[\s,]*)*"
    rf"(?P<which>{'|'.join(_NUMBERS)})(?:\s+(?:one|option))?(?:,?\s*please)?[\s.!]*",
    re.IGNORECASE,
)
_YES = re.compile(
    r"\s*(?:yes|yep|yeah|ok|okay|sure|fine|great|that\s+works|do\s+(?:that|it|so)|book\s+(?:it|that)"
    r"|please\s+do|go\s+ahead)"
    r"(?:[\s,]+(?:please|do|do\s+that|do\s+it|book\s+(?:it|that)|go\s+ahead|thanks|thank\s+you))*[\s.!]*",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\s*(?:no|nope|no,?\s+thanks?(?:\s+you)?|never\s*mind|forget\s+(?:it|that)|none(?:\s+of\s+(?:them|those))?"
    r"|leave\s+it"
    r"|(?:please\s+)?(?:cancel|drop|stop)(?:\s+(?:it|that|this))?)(?:[\s,]+(?:please|thanks|thank\s+you))?[\s.!]*",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"\W*(?:(?:ok|okay|great|perfect|cool|good|alright|super|wonderful|many|so\s+much|very\s+much|thanks"
    r"|thank\s+you|thx|cheers|hi|hello"
    r"|hey|bye|goodbye|good\s+(?:morning|afternoon|evening|day)|see\s+you|how\s+are\s+you|nice|a\s+lot"
    r"|for\s+(?:your\s+|the\s+)?help"
    r"|for\s+that|there|i\s+see|understood|got\s+it|let\s+me\s+think|one\s+moment|wait|hm+|lol)\W*)+",
    re.IGNORECASE,
)
_BEGINS = (
    r"(?:^|[.!?;\n]|,\s*(?:so|and|but)?)\W*(?:(?:please|pls|kindly|hi|hello|hey|sorry|unfortunately|ok|okay|so"
    r"|and|actually|now|can|could"
    r"|would|will|you|we|i|(?:i(?:'d| would)?|we(?:'d| would)?) (?:like|want|need|have) to|must|let's|help me)[\s,]+)*"
)
_OWN = r"(?:the|my|our|that|this|it|all|every|his|her|their|\w+'s)"
_BOOKED_THING = r"(?:time|date|day|place|booking|meeting|appointment|reservation|event|room|slot)s?"
_OTHER = re.compile(
    _BEGINS + r"(?:(?:cancel|call\s+off|postpone|reschedule|undo|unbook)(?![\w-])"
    rf"|(?:delete|remove|move|shift|push|bring\s+forward)\s+{_OWN}\b"
    rf"|(?:change|swap)\s+(?:it|that|this|{_OWN}\s+(?:[\w'-]+\s+){{0,4}}?{_BOOKED_THING})\b"
    r"|(?:move|shift|push|bring)\s+(?:[\w'-]+\s+){1,6}?(?:to|from|back|forward)\b"
    r"|(?:do\s+not|don'?t|never)\s+(?:book|schedule|plan|reserve|put)\b)"
    r"|^\W*(?:what(?:'s|\s+is|\s+are)\s+(?:on|planned|booked|scheduled|my|our|the\s+(?:schedule|calendar|agenda))\b"
    r"|what\s+do\s+(?:i|we)\s+have\b|when\s+(?:is|are|do|does|can|will)\b|(?:show|list|which)\b"
    r"|do\s+(?:i|we)\s+have\s+(?:anything|something)\b)",
    re.IGNORECASE,
)
_MOVES_IT = re.compile(
    r"\W*(?:(?:please|can|could|you|let's|then|ok|okay)[\s,]+)*(?:move|shift|change|push|postpone|reschedule"
    r"|make)\s+(?:it|that|this)\b",
    re.IGNORECASE,
)
"""After a request that was not booked yet, this corrects it."""
_FREE = r"(?:still\s+)?(?:free|available|open|taken|booked|occupied|busy|in\s+use|vacant)\b"
_LOOK = re.compile(
    r"\W*(?:(?:hi|hello|hey|please|ok|so|and)[\s,]+)*(?:(?:is|are|will)\s+"
    rf"|(?:[\w']+\s+){{0,5}}?(?:tell\s+me|check|know|see|wonder(?:ing)?)\s+(?:if|whether)\s+)(?P<who>[^.!?;]{{1,80}}?)"
    rf"\s+(?:is\s+|are\s+|will\s+be\s+|be\s+)?{_FREE}",
    re.IGNORECASE,
)
_BOOKS = words(r"book|reserve|schedule|take")


def turn_of(question: str, pending: PendingEvent | None) -> TurnKind:
    """Return what a turn is, seen from what was asked before."""
    if pending is not None and _NO.fullmatch(question):
        return TurnKind.GIVES_UP
    if _TALK.fullmatch(question) and (pending is None or not _YES.fullmatch(question)):
        return TurnKind.TALK
    if pending is not None and _MOVES_IT.match(question):
        return TurnKind.WISH
    if _OTHER.search(question):
        return TurnKind.OTHER
    return TurnKind.LOOK if looked_at(question) is not None else TurnKind.WISH


def looked_at(question: str) -> str | None:
    """Return of what a turn asks whether it is free; None where it asks no such thing."""
    found = _LOOK.match(question)
    return None if found is None else found["who"].strip()


def goes_on_looking(question: str, pending: PendingEvent | None) -> bool:
    """Return whether a turn adds to the question whether something is free."""
    return pending is not None and pending.is_look and _BOOKS.search(question) is None


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
    return with_option(pending.draft, pending.options[index])
