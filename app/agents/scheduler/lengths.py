"""How long something takes, and how far off it is: `for 90 minutes`, `a two-hour`, `in 2 hours`."""

import re

from app.agents.scheduler.numerals import NUMBER, number_of
from app.agents.scheduler.spans import Spans, words

HOUR_MINUTES = 60
_HOURS = r"(?:hours?|hrs?|h)\b"
_MINUTES = r"(?:minutes?|mins?|m)\b"
_JOIN = r"[\s-]*"
_COUNT = rf"(?:\d{{1,3}}[\s-]*|{NUMBER}[\s-]+)"
"""A number and what stands before its unit: a word needs a blank, for `am` is no minute."""
_AND = r"(?:\s*,?\s*(?:and\s+)?)"
_LENGTH = (
    rf"(?:(?P<both>\d{{1,2}})\s?h\s?(?P<rest>\d{{1,2}})(?:\s?m(?:in)?)?\b"
    rf"|(?P<decimal>\d{{1,2}}[.,]\d{{1,2}}){_JOIN}{_HOURS}"
    rf"|(?P<part>half|(?:a\s+)?quarter|three\s+quarters)(?:\s+of)?[\s-]+(?:an?[\s-]+)?hour\b"
    rf"|(?P<mixed>{NUMBER})\s+and\s+a\s+half{_JOIN}{_HOURS}"
    rf"|(?P<hours>{_COUNT}){_HOURS}(?:{_AND}(?P<more>a\s+half\b|a\s+quarter\b|{_COUNT}{_MINUTES}))?"
    rf"|(?P<minutes>{_COUNT}){_MINUTES})"
)
_LEAD = (
    r"(?:(?:for|lasting|takes|taking|it\s+takes|duration(?:\s+of)?:?)\s+)?(?:about\s+|around\s+)?"
    r"(?:an?\s+(?=\d|\w+[\s-]))?"
)
_LASTS = words(rf"(?<!\bat\s)(?<!@)(?<!@\s){_LEAD}{_LENGTH}(?:[\s-]+long)?")
_AHEAD = words(
    rf"in\s+(?:about\s+)?{_LENGTH}(?:['\u2019]?s?\s+time)?|{_LENGTH.replace('?P<', '?P<from_')}\s+from\s+now"
)
_PARTS = {"half": 30, "quarter": 15, "a quarter": 15, "three quarters": 45}


def read_length(spans: Spans) -> int | None:
    """Return how many minutes a request says that it takes, and blank the words that say so."""
    found = spans.find(_LASTS)
    return None if found is None else _minutes(found, "")


def read_ahead(spans: Spans) -> int | None:
    """Return in how many minutes from now a request is to begin, and blank the words that say so."""
    found = spans.find(_AHEAD)
    if found is None:
        return None
    minutes = _minutes(found, "")
    return _minutes(found, "from_") if minutes is None else minutes


def _minutes(found: re.Match[str], prefix: str) -> int | None:
    said = {
        name.removeprefix(prefix): text for name, text in found.groupdict().items() if name.startswith(prefix) and text
    }
    if "both" in said:
        return int(said["both"]) * HOUR_MINUTES + int(said["rest"])
    if "decimal" in said:
        return round(float(said["decimal"].replace(",", ".")) * HOUR_MINUTES)
    if "part" in said:
        return _PARTS[" ".join(said["part"].lower().split())]
    if "mixed" in said:
        return number_of(said["mixed"]) * HOUR_MINUTES + 30
    if "hours" in said:
        return number_of(_bare(said["hours"])) * HOUR_MINUTES + _more(said.get("more", "").lower())
    return number_of(_bare(said["minutes"])) if "minutes" in said else None


def _more(text: str) -> int:
    if text.startswith("a half") or text.startswith("a quarter"):
        return _PARTS[text.removeprefix("a ")]
    found = re.match(NUMBER, text, re.IGNORECASE)
    return 0 if found is None else number_of(found[0])


def _bare(count: str) -> str:
    return count.strip(" -\t\n")
