"""Reads a request by rules: what, when, where and with whom."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.agents.scheduler.clock_words import Times, has_time, read_times
from app.agents.scheduler.corrections import corrected, find_correction, last_word
from app.agents.scheduler.day_words import read_day
from app.agents.scheduler.lengths import read_ahead, read_length
from app.agents.scheduler.people_words import read_attendees, read_headcount, read_met, read_named_people
from app.agents.scheduler.place_words import read_any_place, read_asked_place, read_known_place, read_place
from app.agents.scheduler.said import Said, Wanted, ahead_of, wanted_of
from app.agents.scheduler.spans import Spans, words
from app.agents.scheduler.title_words import read_named, read_quoted, read_title

MEETING = "meeting"
READ_CHARACTERS = 2_000
"""As many are read of a request: the rules try many a word in many a place."""
_BLANKS = re.compile(r"(?:[^\S\n]|\0)+")
_LINES = re.compile(r" ?\n[ \n]*")
_REPEATS = words(r"every|each|weekly|daily|monthly|fortnightly")


def read_request(text: str, now: datetime, zone: ZoneInfo, places: Sequence[str] = ()) -> Wanted:
    """Return what a request asks for: days and times are those of the `zone`, seen from `now`; `places` are known."""
    return wanted_of(read_said(text, now, zone, places), now, zone)


def read_said(text: str, now: datetime, zone: ZoneInfo, places: Sequence[str] = ()) -> Said:
    """Return what a text says of an event."""
    spans, today = Spans(_plain(text)), now.astimezone(zone).date()
    quoted = read_quoted(spans)
    turn = find_correction(spans)
    headcount = read_headcount(spans)
    place = last_word(spans, turn, lambda left: read_known_place(left, places))
    ahead = last_word(spans, turn, read_ahead)
    day = last_word(spans, turn, lambda left: read_day(left, today))
    length = last_word(spans, turn, read_length)
    times = last_word(spans, turn, read_times) or Times(None)
    named = quoted or read_named(spans)
    place = place or corrected(spans, turn, read_any_place) or read_asked_place(spans)
    attendees = last_word(spans, turn, read_attendees) or read_met(spans) or ()
    place = place or read_place(spans) or ""
    attendees = attendees or _named_people(spans)
    title = named or read_title(spans, turn) or _called_by(attendees)
    return Said(
        title=title,
        place=place,
        attendees=attendees,
        headcount=headcount,
        day=day if ahead is None else None,
        starts=times.starts,
        ends=times.ends,
        length_minutes=length,
        begins_at=None if ahead is None else ahead_of(now, ahead),
        repeats=_REPEATS.search(text) is not None,
        is_several=day is not None and times.starts is not None and _is_another(spans, today),
    )


def _named_people(spans: Spans) -> tuple[str, ...]:
    """Return who is named beside what they do, where that leaves a title: else the name is one."""
    left = Spans(spans.left)
    people = read_named_people(left)
    if people is None or not read_title(left):
        return ()
    spans.left = left.left
    return people


def _is_another(spans: Spans, today: date) -> bool:
    """Return whether what is left has a day and a time once more."""
    left = Spans(spans.left)
    return read_day(left, today) is not None and has_time(left)


def _plain(text: str) -> str:
    """Return what is read of a text, its white space as single blanks and ends of lines."""
    return _LINES.sub("\n", _BLANKS.sub(" ", text))[:READ_CHARACTERS]


def _called_by(attendees: Sequence[str]) -> str:
    """Return what something is called of which only is said with whom it is: a trade, as in `with the plumber`."""
    if not attendees:
        return ""
    return attendees[0] if len(attendees) == 1 and attendees[0].islower() else MEETING
