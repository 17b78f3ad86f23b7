"""Times of the day as requests write them: `2pm`, `half past three`, `from 2 to 3:30pm`, `noon`, `at 5`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.agents.scheduler.numerals import HOUR_WORD, NUMBER, number_of
from app.agents.scheduler.spans import READ, Spans, words

NOON_HOUR = 12
DAY_MINUTES = 24 * 60
HALF_MINUTES = 12 * 60
LAST_AFTERNOON_HOUR = 6
"""Without am or pm, 1 to this hour are afternoon, and later ones morning."""


class Clock(NamedTuple):
    """A time as it stands: minutes after midnight, and by how many `half past` or `quarter to` moves it.

    `half` is `am`, `pm`, `24` (nothing to add) or "" where the request does not say.
    """

    minutes: int
    half: str = ""
    shift: int = 0

    @property
    def settled(self) -> int:
        """The minutes after midnight, with the half of the day that is meant where none is said."""
        minutes, hour = self.minutes, self.minutes // 60
        if self.half == "pm" or (not self.half and 1 <= hour <= LAST_AFTERNOON_HOUR):
            minutes = minutes % HALF_MINUTES + HALF_MINUTES
        elif self.half == "am":
            minutes %= HALF_MINUTES
        return (minutes + self.shift) % DAY_MINUTES


class Times(NamedTuple):
    """When a request begins and ends, in minutes after midnight; None for what it does not say."""

    starts: int | None
    ends: int | None = None


_HALF = r"(?:\s*(?P<half{n}>[ap])(?:\.\s?m\b\.?|\s?m\b))"
_HOUR = rf"(?P<hour{{n}}>(?:[01]?\d|2[0-4])(?!\d|(?:st|nd|rd|th|[%/$])\b|[./]\d{{{{3}}}})|{HOUR_WORD}\b)"
_ODD = rf"(?P<odd{{n}}>half|(?:a\s)?quarter|{NUMBER}(?:\s+minutes)?)\s+(?P<way{{n}}>past|after|to|before|till)\s+"
_TIME = (
    r"(?:(?:(?:12|twelve)\s+)?(?P<named{n}>noon|midday|midnight)"
    rf"|(?:{_ODD})?{_HOUR}(?:[:.h](?P<minute{{n}}>[0-5]\d)(?!\d))?(?:\s*(?P<clock{{n}}>o'?\s?clock|hrs|h\b))?{_HALF}?)"
    r"(?:\s+sharp\b)?"
)


def _time(number: int) -> str:
    return _TIME.replace("{n}", str(number)).replace("{{", "{").replace("}}", "}")


_JOIN = r"[\s\0]*(?:to|till|til|until|through|-|\u2013|\u2014)\s*"
_RANGE = words(rf"(?P<lead>from\s+|at\s+|@\s*)?{_time(1)}{_JOIN}{_time(2)}")
_BETWEEN = words(rf"(?P<lead>between)\s+{_time(1)}\s*(?:and|-|&)\s*{_time(2)}")
_LEAD = r"(?:(?P<lead>at|from|starting(?:\s+at)?|beginning(?:\s+at)?|by|around|about|for|@)\s*(?:about\s+|around\s+)?)"
_FOUR = words(
    r"(?:(?:at|from|around|by|@)\s*(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)|(?P<hour_of>[01]\d"
    r"|2[0-3])(?P<minute_of>[0-5]\d)(?=\s*h))"
    rf"(?:\s*(?:hrs|hours|h))?(?:{_JOIN}(?P<end_hour>[01]\d|2[0-3])(?P<end_minute>[0-5]\d)(?:\s*(?:hrs|hours|h))?)?"
)
_SINGLE = words(rf"{_LEAD}?{_time(1)}")
_END = words(rf"(?P<lead>until|till|til|to|ending(?:\s+at)?)\s+{_time(1)}")
_PART = r"(?P<part>morning|afternoon|evening|night)"
_HOUR_OF_PART = words(rf"(?P<lead>){_time(1)}(?=\s+in\s+the\s+(?:morning|afternoon|evening)\b)")
_PARTS = words(rf"(?:in\s+the|during\s+the|\0+)\s+{_PART}|at\s+night|tonight|(?P<early>before\s+noon)")


def read_times(spans: Spans) -> Times | None:
    """Return when a request begins and ends, and blank the words that say so; None where it does not say."""
    hour = _HOUR_OF_PART.search(spans.left)
    part = _part_of(spans)
    four = spans.find(_FOUR)
    if four is not None:
        return _of_four(four)
    for pattern in (_BETWEEN, _RANGE):
        for found in pattern.finditer(spans.left):
            if _is_minutes_to(found):
                continue
            if _is_time(found, 1) or _is_time(found, 2) or found["lead"] or _is_bare_range(spans, found):
                spans.take_match(found)
                return _ordered(_clock(found, 1, part), _clock(found, 2, "" if READ in found[0] else part))
    starts = next(_singles(spans), None) or hour
    if starts is None:
        return None
    start = _clock(spans.take_match(starts), 1, part)
    ends = _END.search(spans.left)
    if ends is None:
        return Times(start.settled)
    return _ordered(start, _clock(spans.take_match(ends), 1, ""))


def has_time(spans: Spans) -> bool:
    """Return whether something is left that can be nothing but a time of the day."""
    return any(_is_time(found, 1) for found in _SINGLE.finditer(spans.left))


def _is_minutes_to(found: re.Match[str]) -> bool:
    """Return whether a range is none, but a time, as in `at ten to seven`."""
    is_at = (found["lead"] or "").lower().strip() == "at" and not _is_time(found, 1)
    return is_at and re.match(r"at\s+(?:five|ten|twenty)\s+to\s", found[0], re.IGNORECASE) is not None


def _of_four(found: re.Match[str]) -> Times:
    hour, minute = found["hour"] or found["hour_of"], found["minute"] or found["minute_of"]
    ends = int(found["end_hour"]) * 60 + int(found["end_minute"]) if found["end_hour"] else None
    return Times(int(hour) * 60 + int(minute), ends)


def _singles(spans: Spans) -> Iterator[re.Match[str]]:
    """Yield what may be the time: first what can be nothing else, then bare hours after a word like `at`."""
    found = list(_SINGLE.finditer(spans.left))
    yield from (one for one in found if _is_time(one, 1))
    yield from (one for one in found if one["lead"] and one["lead"].lower() != "for")
    yield from (one for one in found if _is_bare(spans, one))


def _is_bare(spans: Spans, found: re.Match[str]) -> bool:
    """Return whether an hour alone stands behind a day or a part of a day, which are blank by now."""
    return not found["lead"] and spans.left[: found.start()].rstrip(" ,").endswith(READ)


def _is_bare_range(spans: Spans, found: re.Match[str]) -> bool:
    """Return whether two hours stand beside a day; before one, as in `Room 2 Saturday`, a single one does not count."""
    return _is_bare(spans, found) or spans.left[found.end() :].lstrip(" ,").startswith(READ)


def _is_time(found: re.Match[str], number: int) -> bool:
    """Return whether a piece is a time of the day whatever stands beside it."""
    return any(found[f"{name}{number}"] for name in ("named", "odd", "minute", "clock", "half"))


def _part_of(spans: Spans) -> str:
    """Return and blank the part of the day that a request names beside a time or a day, as am or pm."""
    found = _PARTS.search(spans.left)
    if found is None:
        return ""
    spans.take_match(found)
    return "am" if found["early"] or (found["part"] or "").lower() == "morning" else "pm"


def _clock(found: re.Match[str], number: int, part: str) -> Clock:
    named = (found[f"named{number}"] or "").lower()
    if named:
        return Clock(0 if named == "midnight" else NOON_HOUR * 60, "24")
    hour_text = found[f"hour{number}"]
    half = {"a": "am", "p": "pm"}.get((found[f"half{number}"] or "").lower(), "")
    hour = number_of(hour_text)
    is_whole = hour > NOON_HOUR or hour == 0 or (hour_text.startswith("0") and found[f"minute{number}"] is not None)
    minutes = hour * 60 + int(found[f"minute{number}"] or 0)
    return Clock(minutes, half or ("24" if is_whole else part), _shift(found, number))


def _shift(found: re.Match[str], number: int) -> int:
    """Return how many minutes `half past` and its like move the hour."""
    odd = (found[f"odd{number}"] or "").lower()
    if not odd:
        return 0
    amount = {"half": 30, "quarter": 15, "a quarter": 15}.get(odd) or number_of(odd.removesuffix("minutes"))
    return amount if (found[f"way{number}"] or "").lower() in {"past", "after"} else -amount


def _ordered(start: Clock, end: Clock) -> Times:
    """Return a range: what one of its ends says of the half of the day holds for the other, if it can."""
    ends = end.settled
    if not start.half and end.half in {"am", "pm"}:
        same = start._replace(half=end.half).settled
        begins = same if same < ends else start._replace(half="am" if end.half == "pm" else "pm").settled
        return Times(begins, ends)
    begins = start.settled
    if not end.half:
        # The first such time after it, which may be that of the next day.
        both = (end._replace(half=half).settled for half in ("am", "pm"))
        ends = min(both, key=lambda one: (one - begins - 1) % DAY_MINUTES)
    return Times(begins, ends)
