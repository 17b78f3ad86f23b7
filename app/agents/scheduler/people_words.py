"""Whom a request is with, and for how many."""

import re

from app.agents.scheduler.numerals import NUMBER, number_of
from app.agents.scheduler.spans import READ, Spans, words

_CAPITAL = r"[A-Z\u00c0-\u00de]"
_NAME = rf"(?:(?:Dr|Mr|Mrs|Ms|Prof)\.?\s+)?{_CAPITAL}[\w'\u2019.-]*[\w](?:\s+{_CAPITAL}[\w'\u2019-]+)*|[A-Z]\b"
_INVITES = re.compile(
    r"(?:,?\s*\b(?:and\s+)?(?:invite|inviting|include|including|attendees(?:\s+are)?:?"
    r"|participants(?:\s+are)?:?|guests:|who:|"
    r"together\s+with|along\s+with|with|w/))\s+(?P<names>.+)",
    re.IGNORECASE | re.DOTALL,
)
_ENDS = (
    r"(?:in|at|on|for|about|to|from|regarding|over|this|next|every|during|after|before|please|via|re|as|so|but"
    r"|because|by|until"
    r"|an?|the|we|i|it|is|are|will|would|has|have|can|could)\b"
)
_PERSON = re.compile(
    rf"\s*(?P<person>(?:(?:the|my|our|all|everyone)\s+)?(?:{_NAME})"
    r"|(?:(?:the|my|our|all|everyone)\s+)?(?:[a-z'\u2019-]+\s+){0,3}?[a-z'\u2019-]+)"
    rf"(?P<next>\s*,\s*(?:and\s+)?|\s+and\s+(?=[^{READ}])|\s*&\s*|(?=\s*(?:[{READ}.;:!?()]|$))|(?=\s+(?i:{_ENDS})))"
)
_MEETS = re.compile(
    rf"\b(?i:meet|meeting|see|seeing)\s+(?P<person>{_NAME})(?=[\s{READ}]+(?:for|to|about|over|regarding)\s)"
)
_PEOPLE = re.compile(rf"(?:{_NAME})(?:\s*(?:,|&|\band\b)\s*(?:{_NAME}))*")
_NO_NAME = (
    r"(?!(?:I|You|We|They|It|He|She|There|This|That|Can|Could|Will|Would|Let|Please|Book|Schedule|The|My|Our|If|When"
    r"|Add|Put|Set|Have|Get|Is|Are|Do|Does|On|At|In|For|Who|What|Someone|Everyone|Everybody|Nobody)\b)"
)
_NAMES = rf"{_NO_NAME}(?:{_NAME})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)(?:{_NAME}))*"
_AND_ME = r"(?:\s*,)?\s+and\s+(?:[Ii]|me|us|myself)\b"
_NAMED = (
    re.compile(
        rf"\b(?i:get|put|bring|have|invite)\s+(?P<people>{_NAMES})(?=\s+(?i:in|on|into|together|down|over|for)\s)"
    ),
    re.compile(rf"\b(?P<people>{_NAMES})\s+(?:joins?|meets?|sees?|visits?)\s+(?:me|us)\b"),
    re.compile(rf"(?:\b(?i:for|between|of)\s+)?(?<![\w'\u2019])(?P<people>{_NAMES}){_AND_ME}"),
    re.compile(rf"(?:(?<=talk\s)|(?<=speak\s))(?:to|with)\s+(?P<people>{_NAMES})(?=[\s{READ},.;!?]|$)"),
    re.compile(
        rf"(?<![\w'\u2019])(?P<people>{_NAMES})(?<!['\u2019]s)(?=\s+(?:comes?|joins?|attends?|visits?|teaches"
        rf"|shows|gives"
        rf"|(?:is|are)\s+(?:coming|invited)"
        r"|(?:will|should|can)\s+(?:be\s+there|come|join|attend|visit|give|show|teach|have))\b)"
    ),
    re.compile(
        rf"(?<![\w'\u2019])(?P<people>{_NO_NAME}(?:(?:Dr|Mr|Mrs|Ms|Prof)\.?\s+{_NAME}"
        rf"|{_CAPITAL}\w+\s+{_CAPITAL}\w+))(?=\s+(?:has|have|wants|needs|would\s+like)\b)"
    ),
)
"""People who are named beside what they do."""
_SELF = {"me", "us", "i", "myself"}
_HEADCOUNT = words(
    rf"(?:for|with|about)?\s*(?:(?:a\s+)?(?:group|party|team)\s+of\s+)?(?P<count>{NUMBER})\s+"
    r"(?:people|persons?|attendees|guests|kids|children|players|participants|students|adults|seats)"
)


def read_headcount(spans: Spans) -> int | None:
    """Return for how many people it is, and blank the words that say so."""
    found = spans.find(_HEADCOUNT)
    return None if found is None else number_of(found["count"])


def read_attendees(spans: Spans) -> tuple[str, ...] | None:
    """Return who comes, and blank the words that say so; None where nobody is named."""
    for found in _INVITES.finditer(spans.left):
        at, people = found.start("names"), list[str]()
        while (one := _PERSON.match(spans.left, at)) is not None:
            people.append(_person(one["person"]))
            at = one.end()
            if not one["next"]:
                break
        if people:
            spans.take(found.start(), at)
            return tuple(dict.fromkeys(person for person in people if person and person.lower() not in _SELF))
    return None


def names_of(text: str) -> tuple[str, ...]:
    """Return the people whom a text consists of; none where it is anything else."""
    found = _PEOPLE.fullmatch(text.strip())
    return () if found is None else tuple(re.split(r"\s*(?:,|&|\band\b)\s*", text.strip()))


def read_met(spans: Spans) -> tuple[str, ...] | None:
    """Return whom somebody meets for something, and blank that: what it is for is the title; None for nobody."""
    found = spans.find(_MEETS)
    return None if found is None else (_person(found["person"]),)


def read_named_people(spans: Spans) -> tuple[str, ...] | None:
    """Return who is named beside what they do, and blank the names; None where nobody is."""
    for pattern in _NAMED:
        found = pattern.search(spans.left)
        if found is not None:
            spans.take_match(found)
            return tuple(one for one in re.split(r"\s*(?:,|&|\band\b)\s*", found["people"]) if one)
    return None


def _person(text: str) -> str:
    return re.sub(r"^(?:the|my|our|all)\s+", "", " ".join(text.split()), flags=re.IGNORECASE)
