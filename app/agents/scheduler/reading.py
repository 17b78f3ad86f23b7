"""Reads a request by rules: what, when, where and with whom; and says what it does not say."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from app.agents.scheduler.clock_words import Times, read_times
from app.agents.scheduler.corrections import corrected, find_correction, last_word
from app.agents.scheduler.day_words import Day, read_day
from app.agents.scheduler.lengths import read_ahead, read_length
from app.agents.scheduler.people_words import read_attendees, read_headcount, read_met
from app.agents.scheduler.place_words import read_any_place, read_asked_place, read_known_place, read_place
from app.agents.scheduler.spans import Spans, words
from app.agents.scheduler.title_words import read_named, read_quoted, read_title
from app.agents.scheduler.zones import instant_of

DEFAULT_MINUTES = 60
"""How long something takes whose request does not say."""
MEETING = "meeting"
READ_CHARACTERS = 2_000
"""As many are read of a request: the rules try many a word in many a place."""
_BLANKS = re.compile(r"(?:[^\S\n]|\0)+")
_LINES = re.compile(r" ?\n[ \n]*")
_REPEATS = words(r"every|each|weekly|daily|monthly|fortnightly")


class Lack(StrEnum):
    """What a request must say before it can be booked."""

    DATE = "date"
    """On which day."""
    TIME = "time"
    """At what time of the day."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for. `starts_at` is None where it lacks its day or time."""

    title: str = ""
    starts_at: datetime | None = None
    duration_minutes: int = DEFAULT_MINUTES
    place: str = ""
    attendees: tuple[str, ...] = ()
    headcount: int | None = None
    lacks: tuple[Lack, ...] = ()
    is_skipped: bool = False
    """The clocks go forward over that time: there is none on that day."""
    repeats: bool = False

    @property
    def ends_at(self) -> datetime | None:
        """When it ends, by the duration."""
        return None if self.starts_at is None else self.starts_at + timedelta(minutes=self.duration_minutes)


def read_request(text: str, now: datetime, zone: ZoneInfo, places: Sequence[str] = ()) -> Wanted:
    """Return what a request says: days and times are those of the `zone`, seen from `now`; `places` are known."""
    spans, local = Spans(_plain(text)), now.astimezone(zone)
    quoted = read_quoted(spans)
    turn = find_correction(spans)
    headcount = read_headcount(spans)
    place = last_word(spans, turn, lambda left: read_known_place(left, places))
    ahead = last_word(spans, turn, read_ahead)
    day = last_word(spans, turn, lambda left: read_day(left, local.date()))
    length = last_word(spans, turn, read_length)
    times = last_word(spans, turn, read_times) or Times(None)
    named = quoted or read_named(spans)
    place = place or corrected(spans, turn, read_any_place) or read_asked_place(spans)
    attendees = last_word(spans, turn, read_attendees) or read_met(spans) or ()
    place = place or read_place(spans) or ""
    wanted = Wanted(
        title=named or read_title(spans, turn) or _called_by(attendees),
        place=place,
        attendees=attendees,
        headcount=headcount,
        duration_minutes=length or DEFAULT_MINUTES,
        repeats=_REPEATS.search(text) is not None,
    )
    if ahead is not None:
        begins = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=ahead)
        return _settled(wanted, starts_at=begins)
    return _at(wanted, day, times, local, length)


def _plain(text: str) -> str:
    """Return what is read of a text, its white space as single blanks and ends of lines."""
    return _LINES.sub("\n", _BLANKS.sub(" ", text))[:READ_CHARACTERS]


def _called_by(attendees: Sequence[str]) -> str:
    """Return what something is called of which only is said with whom it is: a trade, as in `with the plumber`."""
    if not attendees:
        return ""
    return attendees[0] if len(attendees) == 1 and attendees[0].islower() else MEETING


def _at(wanted: Wanted, day: Day | None, times: Times, local: datetime, length: int | None) -> Wanted:
    if day is None or times.starts is None:
        lacks = (*((Lack.DATE,) if day is None else ()), *((Lack.TIME,) if times.starts is None else ()))
        return _settled(wanted, lacks=lacks)
    zone = local.tzinfo
    if not isinstance(zone, ZoneInfo):
        raise TypeError("the local time has no zone")
    on = day.on
    starts_at = instant_of(on, times.starts, zone)
    if day.else_on is not None and (starts_at is None or starts_at <= local):
        on = day.else_on
        starts_at = instant_of(on, times.starts, zone)
    if starts_at is None:
        return _settled(wanted, lacks=(Lack.TIME,), is_skipped=True)
    ends_at = None if times.ends is None else instant_of(on, times.ends, zone)
    if ends_at is not None and ends_at <= starts_at and times.ends is not None:
        ends_at = instant_of(on + timedelta(days=1), times.ends, zone)
    minutes = None if ends_at is None else round((ends_at - starts_at) / timedelta(minutes=1))
    return _settled(wanted, starts_at=starts_at, duration_minutes=minutes or length or DEFAULT_MINUTES)


def _settled(wanted: Wanted, **told: object) -> Wanted:
    return msgspec.structs.replace(wanted, **told)
