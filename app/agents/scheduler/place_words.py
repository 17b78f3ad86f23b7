"""Where a request says that something is to be."""

import re
from collections.abc import Iterable

from app.agents.scheduler.spans import READ, Spans, either, words

_STOP = (
    rf"(?=\s*(?:[{READ},;!?()]|(?<!\bSt)\.|$|\b(?:with|for|about|on|at|in|from|and|to|so|starting|called|titled|named"
    rf"|please|invite|"
    r"include)\b))"
)
_NOUN = (
    r"(?:room|hall|field|court|pitch|gym|gymnasium|studio|lab|laboratory|auditorium|theater|theatre|library|office|"
    r"lounge|kitchen|pool|park|arena|track|stadium|classroom|boardroom|cafeteria|chapel|garden|space|desk|"
    r"projector|van|bus|camera|grill|tent|warehouse|hangar|ballroom|gallery|terrace|rooftop|restaurant|hotel"
    r"|church|clubhouse)"
)
_NUMBERED = (
    rf"(?:(?!(?:in|at|on|of|for|the|to)\s)[\w'\u2019-]+\s+){{0,3}}?{_NOUN}"
    r"(?:\s+(?:\d+[A-Za-z]?|[A-Z]\b|(?i:one|two|three|four)))?"
)
_THE = r"(?P<article>the\s+|a\s+|an\s+|our\s+)?"
_AT = re.compile(
    r"(?:^|(?<=[\s\0]))(?P<lead>(?<!pencil\s)(?<!squeeze\s)(?<!fit\s)(?<!slot\s)(?<!put\s)(?<!add\s)in(?:to)?"
    r"|at|@|inside)\s*"
    r"(?<![a-z])\s*(?P<article>the\s+|a\s+|an\s+|our\s+|my\s+)?"
    rf"(?!(?:for|with|about|on|to|from|some)\b|\d[\d:.]*\s*(?:or\b|[{READ},;.!?]"
    rf"|$))(?P<place>[^\s{READ},;.!?][^{READ},;!?]*?)" + _STOP,
    re.IGNORECASE,
)
_ON = re.compile(
    rf"(?:^|(?<=[\s\0]))(?:on|via|over)\s+(?P<article>the\s+)?"
    rf"(?P<place>(?!(?:at|in)\s)(?:Zoom|Teams|Google\s+Meet|Skype|Webex"
    rf"|[\w'\u2019 ]*?\b{_NOUN}(?:\s+(?:\d+[A-Za-z]?|[A-Z]))?))" + _STOP,
    re.IGNORECASE,
)
_BOOKED = re.compile(
    r"\b(?:(?:book|reserve|need|get|give|gimme|want|use|hold|have|keep|like|assign|allocate|request)s?|ask(?:s"
    r"|ed)?\s+for"
    r"|(?:reservation|booking)\s+(?:of|for))"
    rf"\s+(?:to\s+)?(?:(?:book|reserve|use|have)\s+)?(?:me\s+|us\s+)?{_THE}"
    rf"(?P<place>(?!(?:to|for)\s){_NUMBERED})(?=\s*(?:[{READ},;.!?]|$)|\s+(?:for|with|on|at|from|to|so|ready|free)\b)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:^|(?<=[{READ},;.!?]))\s*(?P<article>the\s+"
    rf"|our\s+)?(?P<place>(?:[A-Z][\w'\u2019-]*\s+){{0,3}}(?i:{_NOUN}|bar|cafe|caf\u00e9|bistro)"
    rf"(?:\s+(?:\d+[A-Za-z]?|[A-Z]))?)(?:\s+(?i:please)\b)?\s*(?=[{READ},;.!?]|$)"
)
_MENTIONED = re.compile(
    rf"(?<![\w'\u2019-])(?P<article>(?:the|our)\s+)?(?P<place>(?:[A-Z][\w'\u2019]*\s+){{0,3}}(?=[A-Z])(?i:{_NOUN})"
    r"(?:\s+(?:\d+[A-Za-z]?|[A-Z]\b))?)"
    rf"(?=\s*(?:[{READ},;.!?()]|$)|\s+(?:is|are|for|on|at|from|and|please|would|should|will|must|has|so|where"
    rf"|because|as)\b)"
)
"""A room with a name or a number, wherever it stands."""
_FREE = re.compile(
    rf"(?:^\W*(?:is|are|can|could)?|\b(?:if|whether|can|could))\s*(?P<article>the\s+"
    rf"|our\s+)?(?P<place>(?:[\w'\u2019-]+\s+){{0,2}}?{_NOUN}"
    r"(?:\s+(?:\d+[A-Za-z]?|[A-Z]\b))?)\s+(?:(?:is|are|(?:(?:could|can|should|must|will"
    r"|would)\s+)?be)\s+)?(?:still\s+)?"
    r"(?:free|available|ours|reserved|booked|used|kept|held|set\s+aside|needed|wanted|required|where)\b",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    rf"(?:^|(?<=[\s{READ},;.]))(?:place|where|location|venue):\s*(?P<article>the\s+)?(?P<place>[^{READ},;.!?\n]+)",
    re.IGNORECASE,
)
_NO_PLACE = re.compile(
    r"(?:advance|total|person|all|case|time|addition|order|particular|calendar|my calendar)\b", re.IGNORECASE
)


ONLINE = ("zoom", "teams", "google meet", "skype", "webex")
"""Places that nobody else can take."""


def read_known_place(spans: Spans, places: Iterable[str]) -> str | None:
    """Return the first name of `places` in a request, and blank it; None where there is none."""
    known = {name.lower(): name for name in places if name}
    if not known:
        return None
    names = either(re.escape(name).replace(r"\ ", r"\s+") for name in known)
    found = spans.find(words(rf"(?:(?:in|at|on|@|inside)\s+)?(?:(?:the|our)\s+)?(?P<place>{names})"))
    return None if found is None else known[" ".join(found["place"].lower().split())]


def read_asked_place(spans: Spans) -> str | None:
    """Return a place that is asked for, as in `book Room 4`, and blank it; None where none is."""
    return _first_place(spans, (_LABELLED, _FREE, _BOOKED))


def read_place(spans: Spans) -> str | None:
    """Return a place that something is to be at, and blank it; None where none is named."""
    return _first_place(spans, (_ON, _AT, _ALONE, _MENTIONED))


def read_any_place(spans: Spans) -> str | None:
    """Return a place that is named in any of these ways, and blank it; None where none is."""
    return read_asked_place(spans) or read_place(spans)


def _first_place(spans: Spans, patterns: Iterable[re.Pattern[str]]) -> str | None:
    for pattern in patterns:
        for found in pattern.finditer(spans.left):
            place = " ".join(found["place"].split()).strip(' \t\r\n,;:.!?-\u2013\u2014()"')
            if place and _NO_PLACE.match(place) is None:
                spans.take(found.start("place") if pattern is _BOOKED else found.start(), found.end())
                return place
    return None
