"""What a request calls its event, where that is and who comes: what is left when days and times are read."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from app.agents.scheduler.numerals import NUMBER, number_of
from app.agents.scheduler.spans import READ, Spans, either, words

_STOP = (
    rf"(?=\s*(?:[{READ},;.!?()]|$|\b(?:with|for|about|on|at|in|from|and|to|starting|called|titled|named|please|invite|"
    r"include)\b))"
)
_PLACE_NOUN = (
    r"(?:room|hall|field|court|pitch|gym|gymnasium|studio|lab|laboratory|auditorium|theater|theatre|library|office|"
    r"lounge|kitchen|pool|park|arena|track|stadium|classroom|boardroom|cafeteria|chapel|garden|space|desk|"
    r"projector|van|bus|camera|grill|tent)"
)
_CAPITAL = r"[A-Z\u00c0-\u00de]"
_NAME = rf"(?:(?:Dr|Mr|Mrs|Ms|Prof)\.?\s+)?{_CAPITAL}[\w'\u2019.-]*[\w](?:\s+{_CAPITAL}[\w'\u2019-]+)*|[A-Z]\b"
_QUOTED = re.compile(r"[\"\u201c](?P<title>[^\"\u201d\0]{1,200})[\"\u201d]|(?<!\w)'(?P<also>[^'\0]{2,200})'(?!\w)")
_CALLED = re.compile(
    rf"(?:,?\s*\b(?:called|titled|named|entitled|title:|subject:))\s+(?P<title>[^{READ},;.!?]+?)"
    rf"(?=\s*(?:[{READ},;.!?]|$|\b(?:with|at|on|in|for|from|and\s+invite)\b))",
    re.IGNORECASE,
)
_INVITES = re.compile(
    r"(?:,?\s*\b(?:and\s+)?(?:invite|inviting|include|including|attendees(?:\s+are)?:?|participants(?:\s+are)?:?|"
    r"together\s+with|along\s+with|with|w/))\s+(?P<names>.+)",
    re.IGNORECASE | re.DOTALL,
)
_PERSON_ENDS = r"(?:in|at|on|for|about|to|from|regarding|over|this|next|every|during|after|before|please|via|re)\b"
_PERSON = re.compile(
    rf"\s*(?P<person>(?:{_NAME})|(?:(?:the|my|our|all|everyone)\s+)?(?:[a-z'\u2019-]+\s+){{0,3}}?[a-z'\u2019-]+)"
    rf"(?P<next>\s*,\s*(?:and\s+)?|\s+and\s+(?=[^{READ}])|\s*&\s*|(?=\s*(?:[{READ}.;!?()]|$))|(?=\s+{_PERSON_ENDS}))"
)
_MEETS = re.compile(rf"\b(?i:meet|meeting|see|seeing)\s+(?P<person>{_NAME})(?=\s+for\s)")
_SELF = {"me", "us", "i", "myself"}
_HEADCOUNT = words(
    rf"(?:for|with|about)?\s*(?:(?:a\s+)?(?:group|party|team)\s+of\s+)?(?P<count>{NUMBER})\s+"
    r"(?:people|persons?|attendees|guests|kids|children|players|participants|students|adults|seats)"
)
_AT = re.compile(
    r"(?:^|(?<=[\s\0]))(?P<lead>(?<!pencil\s)(?<!squeeze\s)(?<!fit\s)(?<!slot\s)in|at|@|inside)\s*(?<![a-z])\s*(?P<article>the\s+|a\s+|an\s+|our\s+|my\s+)?"
    rf"(?P<place>[^\s{READ},;.!?][^{READ},;!?]*?)" + _STOP,
    re.IGNORECASE,
)
_ON = re.compile(
    rf"(?:^|(?<=[\s\0]))on\s+(?P<article>the\s+)?"
    rf"(?P<place>(?:Zoom|Teams|Google\s+Meet|Skype|Webex|[\w'\u2019 ]*?\b{_PLACE_NOUN}(?:\s+(?:\d+[A-Za-z]?|[A-Z]))?))"
    + _STOP,
    re.IGNORECASE,
)
_BOOKED = re.compile(
    rf"\b(?:book|reserve|need|get|give|want|use|hold|have|like)\s+(?:me\s+|us\s+)?(?P<article>the\s+|a\s+|an\s+|our\s+)?"
    rf"(?P<place>(?!to\s)(?:[\w'\u2019-]+\s+){{0,3}}?{_PLACE_NOUN}(?:\s+(?:\d+[A-Za-z]?|[A-Z]\b|(?i:one|two|three|four)))?)"
    rf"(?=\s*(?:[{READ},;.!?]|$)|\s+(?:for|with|on|at|from|to|so)\b)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:^|(?<=[{READ},;.!?]))\s*(?P<article>the\s+|our\s+)?(?P<place>(?:[A-Z][\w'\u2019-]*\s+){{0,3}}(?i:{_PLACE_NOUN})"
    rf"(?:\s+(?:\d+[A-Za-z]?|[A-Z]))?)\s*(?=[{READ},;.!?]|$)"
)
_FREE = re.compile(
    rf"^\W*(?:is|are)?\s*(?P<article>the\s+|our\s+)?(?P<place>(?:[\w'\u2019-]+\s+){{0,2}}?{_PLACE_NOUN}"
    r"(?:\s+(?:\d+[A-Za-z]?|[A-Z]\b))?)\s+(?:is\s+)?(?:still\s+)?(?:free|available)\b",
    re.IGNORECASE,
)
_NO_PLACE = re.compile(
    r"(?:advance|total|person|all|case|time|addition|order|particular|calendar|my calendar)\b", re.IGNORECASE
)
_CALENDAR = re.compile(
    r"\s*\b(?:on|in|into|to|onto)\s+(?:my|our|the|his|her)\s+(?:calendar|schedule|agenda|diary)\b|\bfor\s+(?:me|us)\b",
    re.IGNORECASE,
)
_SMALL = r"(?:the|an?|my|our|some|another|new|to|on|at|in|of|that|just)"
_POLITE = re.compile(
    r"(?:(?:(?:would|is)\s+it(?:\s+be)?\s+possible|it\s+would\s+be\s+\w+\s+if|please|hi|hello|hey(?:\s+there)?|ok|okay|also|and|then|so|now|just|can|could|would|will|you|kindly|be\s+able|"
    r"(?:be\s+)?so\s+kind\s+as|it(?:'s|\s+is|\s+will\s+be|\s+should\s+be)|there(?:'s|\s+is|\s+will\s+be)|help\s+me|help\s+us|"
    r"go\s+ahead\s+and|(?:i|we)(?:'d|\s+would)\s+(?:like|love)|let'?s|let\s+us|let\s+me|"
    rf"(?:i|we)(?:'ll|'ve|'m|'re|\s+will|\s+am|\s+are|\s+was|\s+were)?|{_SMALL}|for)(?:[\s,:]+|$))+",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"(?:schedule|book|reserve|set\s+aside|set\s*up|set|arrange|organi[sz]e|plan|create|make|add|put(?:\s+down)?|get|hold|enter|fix|"
    r"block(?:\s+(?:off|out))?|pencil\s+in|remind\s+(?:me|us)(?:\s+(?:to|about|of))?|do|doing|have|having|has|holding|"
    r"using|use|want|need|must|should|wish|hope|hoping|look|looking|be|going|grab|find|give|mark|keep|note|squeeze\s+in|"
    r"fit\s+in|slot\s+in|sign(?:\s+me|\s+us)?\s+up)(?:\s+(?:me|us))?(?:[\s,:]+|$)",
    re.IGNORECASE,
)
_KIND = re.compile(
    rf"(?:{_SMALL}\s+)*(?:(?:event|slot|entry|time|booking|reservation|reminder)(?:\s+for|\s+to|\s*:|$)\s*)?"
    rf"(?:(?:free|open)\s+)?(?:(?:for|because\s+of|due\s+to)\s+)?(?:{_SMALL}(?:\s+|$))*",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:^|[\s,;:]+)(?:on|at|for|from|in|with|by|and|the|a|an|please|thanks|thank\s+you|to|is|starting|of|every|until|if\s+possible|meets|"
    r"takes?\s+place|happens|is\s+held|will\s+be\s+held|starts|begins|free|available|ready|when|where)$",
    re.IGNORECASE,
)
_MODAL = re.compile(
    r"(?:.{0,40}?\s)??(?:want|need|have|going|must|should|wish|hope|hoping|looking|possible)\s+to\s", re.IGNORECASE
)
"""Another verb follows."""
_SPEAKS = re.compile(r"(?:i|we|it|there|let'?s)\b", re.IGNORECASE)
_SAYS = re.compile(
    r"(?:[\w'\u2019-]+\s+){1,4}?(?:(?:is|are|am)\s+having|(?:has|have)(?:\s+(?:got|to))?|(?:want|wants|need|needs|would\s+like)\s+to)"
    r"\s+(?:an?\s+|the\s+)?(?=\w)",
    re.IGNORECASE,
)
"""Somebody has or wants something, which is the title."""
_BRACKETS = re.compile(r"\([^)]*\)?")
_TRIMS = ' \t\r\n,;:.!?-\u2013\u2014()"'
_SENTENCE = re.compile(r"[!?;](?=\s|\0|$)|(?<!\b[A-Z])(?<!Dr)(?<!Mr)(?<!Mrs)(?<!Ms)\.(?=\s|\0|$)")
LONGEST_TITLE = 200


class Subject(NamedTuple):
    """What a request is about; "" and () for what it does not say."""

    title: str = ""
    place: str = ""
    attendees: tuple[str, ...] = ()


def read_subject(spans: Spans, quoted: str) -> Subject:
    """Return what is left to be said of a request; its title where one was `quoted`."""
    title = quoted or _title_of(spans, _CALLED)
    place = _first_place(spans, (_FREE, _BOOKED))
    attendees = _read_attendees(spans) or _met(spans)
    place = place or _first_place(spans, (_ON, _AT, _ALONE))
    return Subject(title or _rest(spans), place, attendees)


def read_quoted(spans: Spans) -> str:
    """Return the title that stands in quotes, which nothing else is read in; "" where none does."""
    return _title_of(spans, _QUOTED)


def _title_of(spans: Spans, pattern: re.Pattern[str]) -> str:
    found = spans.find(pattern)
    return "" if found is None else next(text for text in found.groupdict().values() if text).strip(_TRIMS)


def read_headcount(spans: Spans) -> int | None:
    """Return for how many people it is, and blank the words that say so."""
    found = spans.find(_HEADCOUNT)
    return None if found is None else number_of(found["count"])


def read_known_place(spans: Spans, places: Iterable[str]) -> str | None:
    """Return the first name of `places` in a request, and blank it; None where there is none."""
    known = {name.lower(): name for name in places if name}
    if not known:
        return None
    names = either(re.escape(name).replace(r"\ ", r"\s+") for name in known)
    found = spans.find(words(rf"(?:(?:in|at|on|@|inside)\s+)?(?:(?:the|our)\s+)?(?P<place>{names})"))
    return None if found is None else known[" ".join(found["place"].lower().split())]


def _first_place(spans: Spans, patterns: Iterable[re.Pattern[str]]) -> str:
    for pattern in patterns:
        for found in pattern.finditer(spans.left):
            place = " ".join(found["place"].split()).strip(_TRIMS)
            if place and _NO_PLACE.match(place) is None:
                spans.take(found.start("place") if pattern is _BOOKED else found.start(), found.end())
                return place
    return ""


def _read_attendees(spans: Spans) -> tuple[str, ...]:
    found = _INVITES.search(spans.left)
    if found is None:
        return ()
    at, people = found.start("names"), list[str]()
    while (one := _PERSON.match(spans.left, at)) is not None:
        people.append(_person(one["person"]))
        at = one.end()
        if not one["next"]:
            break
    if people:
        spans.take(found.start(), at)
    return tuple(dict.fromkeys(person for person in people if person and person.lower() not in _SELF))


def _met(spans: Spans) -> tuple[str, ...]:
    """Return whom somebody meets for something, and blank that: what it is for is the title."""
    found = spans.find(_MEETS)
    return () if found is None else (_person(found["person"]),)


def _person(text: str) -> str:
    return re.sub(r"^(?:the|my|our|all)\s+", "", " ".join(text.split()), flags=re.IGNORECASE)


def _rest(spans: Spans) -> str:
    """Return the words that nothing else has read, without those that only ask: of the first sentence that has any."""
    text = _CALENDAR.sub(READ, spans.left)
    titles = (_bare(" ".join(one.replace(READ, " ").split())) for one in _SENTENCE.split(text))
    return next((title[:LONGEST_TITLE] for title in titles if title), "")


def _bare(text: str) -> str:
    """Return a sentence without the words that ask, of which one is a verb: in `book a book club` the second stays."""
    text = _BRACKETS.sub("", text).strip(_TRIMS)
    if _MODAL.match(text):
        text = _without(text, _POLITE, _VERB)
    text = _without(text, _POLITE, _VERB, _KIND)
    said = _SAYS.match(text)
    text = text if said is None else text[said.end() :]
    if _SPEAKS.match(text):
        text = _without(text, _POLITE, _VERB, _KIND)
    before = ""
    while before != text:
        before, text = text, _TAIL.sub("", text).strip(_TRIMS)
    return re.sub(r"(?:\s*,)+", ",", text)


def _without(text: str, *patterns: re.Pattern[str]) -> str:
    for pattern in patterns:
        found = pattern.match(text)
        text = text if found is None else text[found.end() :].lstrip(_TRIMS)
    return text
