"""Days as requests write them: `tomorrow`, `next Saturday`, `Nov 7`, `in two weeks`, `11/7/2026`."""

import difflib
import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import NamedTuple, TypeAlias

from app.agents.scheduler.numerals import NUMBER, ORDINAL, number_of, ordinal_of
from app.agents.scheduler.spans import Spans, either, words

WEEK_DAYS = 7
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6}
_DAYS = {name: number for number, name in enumerate(_WEEKDAYS)} | _SHORT
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_FULL = {name: number for number, name in enumerate(_MONTHS, start=1)}
_MONTH_NUMBERS = _FULL | {name[:3]: number for name, number in _FULL.items()} | {"sept": 9}

_DAY = rf"(?P<weekday>{either(_DAYS)})\b\.?"
_MONTH = rf"(?P<month>{either(_MONTH_NUMBERS)})\b\.?"
_YEAR = r"(?:,?\s+(?P<year>(?:19|20|[3-9]\d)\d\d)(?![:.\d]))?"
_ON = r"(?:(?:on|for|by)\s+)?(?:the\s+)?"
_NO_DAY = r"(?:floor|grade|street|avenue|team|graders?|anniversary|birthday|meeting|session|round)\b"
_NAMED_BEFORE = rf"(?:(?:this|next|coming)?\s*{either(_DAYS)}\b\.?,?\s+(?:the\s+)?)?"
# Words in which letters were swapped or doubled; a weekday is written over them, so no other place moves.
_LIKE_DAY = re.compile(
    r"\b(?!yesterday|birthday|holiday|workday|weekday|midday|today)[a-z]{3,7}d[a-z]{1,3}y\b", re.IGNORECASE
)


class Day(NamedTuple):
    """A day; where it may be today, also the day that is meant once the time of the day has passed."""

    on: date
    else_on: date | None = None


NO_DAY = Day(date.min)
"""A date that is in no calendar, such as February 30."""
Reader: TypeAlias = Callable[[re.Match[str], date], Day | None]


def _spelt(found: re.Match[str]) -> str:
    """Return the weekday that a word is a misspelling of, in as many letters; else the word."""
    word = found[0]
    near = difflib.get_close_matches(word.lower(), _WEEKDAYS, 1, 0.8)
    return (
        near[0][: len(word)].ljust(len(word))
        if near and near[0] != word.lower() and len(near[0]) <= len(word)
        else word
    )


def _monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


def _weekday(found: re.Match[str]) -> int:
    return _DAYS[found["weekday"].lower()]


def _iso(found: re.Match[str], today: date) -> Day | None:
    del today
    return _made(int(found["year"]), int(found["month"]), int(found["day"]))


def _slashed(found: re.Match[str], today: date) -> Day | None:
    """Read a date with slashes as month first, as in the United States, unless only the other way is a day."""
    first, second = int(found["first"]), int(found["second"])
    month, day = (second, first) if first > 12 else (first, second)
    return _dated(month, day, found["year"], today)


def _dotted(found: re.Match[str], today: date) -> Day | None:
    return _dated(int(found["second"]), int(found["first"]), found["year"], today)


def _month_day(found: re.Match[str], today: date) -> Day | None:
    month = _MONTH_NUMBERS[found["month"].lower()]
    return _dated(month, ordinal_of(found["day"]), found["year"], today)


def _dated(month: int, day: int, year: str | None, today: date) -> Day | None:
    if year:
        return _made(int(year) + (2000 if len(year) == 2 else 0), month, day)
    # A day that is only in some years is the next one that there is.
    return _next_of((_made(today.year + ahead, month, day) for ahead in range(9)), today)


def _next_of(made: Iterable[Day | None], today: date) -> Day | None:
    """Return the first day that has not passed; with it the one after it, where it is today."""
    days = [one.on for one in made if one is not None and one.on >= today][:2]
    return Day(days[0], days[1] if days[0] == today and len(days) > 1 else None) if days else None


def _made(year: int, month: int, day: int) -> Day | None:
    try:
        return Day(date(year, month, day))
    except ValueError:
        return None


def _of_month(found: re.Match[str], today: date) -> Day | None:
    day, month = ordinal_of(found["day"]), today.year * 12 + today.month - 1
    ahead = range(1, 2) if (found["which"] or "").lower() == "next" else range(13)
    return _next_of((_made((month + one) // 12, (month + one) % 12 + 1, day) for one in ahead), today)


def _next_week_day(found: re.Match[str], today: date) -> Day:
    return Day(_monday(today) + timedelta(days=WEEK_DAYS + _weekday(found)))


def _weeks_from(found: re.Match[str], today: date) -> Day:
    weeks = number_of(found["count"] or "1")
    named = found["weekday"]
    begins = today if named is None else _coming(_weekday(found), today)
    if found["from"] and found["from"].lower() == "tomorrow":
        begins = today + timedelta(days=1)
    return Day(begins + timedelta(days=WEEK_DAYS * weeks))


def _coming(weekday: int, today: date) -> date:
    return today + timedelta(days=(weekday - today.weekday() - 1) % WEEK_DAYS + 1)


def _this_week_day(found: re.Match[str], today: date) -> Day:
    on = _monday(today) + timedelta(days=_weekday(found))
    return Day(on) if on >= today else Day(on + timedelta(days=WEEK_DAYS))


def _bare_day(found: re.Match[str], today: date) -> Day:
    coming = _coming(_weekday(found), today)
    is_today = (coming - today).days == WEEK_DAYS
    return Day(today, coming) if is_today else Day(coming)


def _ahead(found: re.Match[str], today: date) -> Day | None:
    count, unit = number_of(found["count"]), found["unit"].lower()
    if unit.startswith("month"):
        month = today.year * 12 + today.month - 1 + count
        days = (_made(month // 12, month % 12 + 1, day) for day in range(today.day, 0, -1))
        return next((one for one in days if one is not None), None)
    weeks = 2 if unit == "fortnight" else 1
    return Day(today + timedelta(days=count * (1 if unit.startswith("day") else WEEK_DAYS * weeks)))


def _days_ahead(days: int) -> Reader:
    return lambda _found, today: Day(today + timedelta(days=days))


_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (
        re.compile(
            r"\b(?:on\s+)?(?P<year>[2-9]\d{3})-(?P<month>\d\d?)-(?P<day>\d\d?)(?:T(?=\d)|(?!\w))", re.IGNORECASE
        ),
        _iso,
    ),
    (words(rf"(?:on\s+)?{_NAMED_BEFORE}(?P<first>\d\d?)/(?P<second>\d\d?)(?:/(?P<year>\d{{4}}|\d\d))?"), _slashed),
    (words(rf"(?:on\s+)?{_NAMED_BEFORE}(?P<first>\d\d?)\.(?P<second>\d\d?)\.(?P<year>\d{{4}})?"), _dotted),
    (
        words(rf"{_ON}{_NAMED_BEFORE}{_MONTH}\s+(?:the\s+)?(?P<day>\d\d?(?![\d:])|{ORDINAL})(?:st|nd|rd|th)?{_YEAR}"),
        _month_day,
    ),
    (words(rf"{_ON}{_NAMED_BEFORE}(?P<day>\d\d?|{ORDINAL})\s+(?:of\s+)?{_MONTH}{_YEAR}"), _month_day),
    (words(r"(?:on\s+)?(?:the\s+)?day\s+after\s+tomorrow"), _days_ahead(2)),
    (
        words(
            rf"(?P<count>{NUMBER})\s+weeks?\s+(?:from|after)\s+(?:(?P<from>today|now|tomorrow)|(?:on\s+"
            rf"|this\s+)?{_DAY})"
        ),
        _weeks_from,
    ),
    (words(r"(?:on\s+)?(?P<from>today|tomorrow)\s+(?P<count>)week(?P<weekday>)"), _weeks_from),
    (words(rf"{_ON}(?:next\s+week\s+(?:on\s+)?{_DAY})"), _next_week_day),
    (words(rf"{_ON}{_DAY}\s+(?:of\s+)?next\s+week"), _next_week_day),
    (words(rf"(?:on\s+)?{_DAY}\s+(?P<from>)(?P<count>)week"), _weeks_from),
    (words(rf"{_ON}next\s+{_DAY}"), _next_week_day),
    (words(rf"(?:on\s+)?this\s+{_DAY}(?:\s+of\s+this\s+week)?"), _this_week_day),
    (words(rf"in\s+(?P<count>{NUMBER})\s+(?P<unit>days?|weeks?|fortnight|months?)(?:['\u2019]?s?\s+time)?"), _ahead),
    (words(rf"(?P<count>{NUMBER})\s+(?P<unit>days?|weeks?|months?)\s+from\s+(?:now|today)"), _ahead),
    (words(rf"(?:on\s+)?the\s+(?P<day>{ORDINAL})\s+of\s+(?P<which>this|next)\s+month"), _of_month),
    (
        words(
            rf"(?:on\s+)?(?:{either(_DAYS)}\b,?\s+)?(?:the|on)\s+(?P<day>\d\d?(?:st|nd|rd"
            rf"|th))(?P<which>)(?!\s+{_NO_DAY})"
        ),
        _of_month,
    ),
    (words(rf"on\s+the\s+(?P<day>{ORDINAL})(?P<which>)(?=\s+at\b|[,.!?]|$)"), _of_month),
    (words(r"tomorrow|tmrw|tmr"), _days_ahead(1)),
    (words(r"(?:later\s+)?today|this(?=\s+(?:morning|afternoon|evening))"), _days_ahead(0)),
    (re.compile(r"\b(?=tonight\b)", re.IGNORECASE), _days_ahead(0)),
    (words(rf"(?:every|each|on|for|by|the|this\s+coming|coming)?\s*{_DAY}"), _bare_day),
)


def read_day(spans: Spans, today: date) -> Day | None:
    """Return the day that a request names, and blank the words that say so; None where it names none.

    NO_DAY where it names a date that there is none of.
    """
    spans.left = _LIKE_DAY.sub(_spelt, spans.left)
    none: re.Match[str] | None = None
    for pattern, reader in _READERS:
        for found in pattern.finditer(spans.left):
            day = reader(found, today)
            if day is not None:
                spans.take_match(found)
                return day
            none = none or (found if reader in {_iso, _month_day} else None)
    return None if none is None else _no_day(spans, none)


def _no_day(spans: Spans, found: re.Match[str]) -> Day:
    spans.take_match(found)
    return NO_DAY
