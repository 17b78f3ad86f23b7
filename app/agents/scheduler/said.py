"""What the turns of a request say of an event, and when that is."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from app.agents.scheduler.day_words import NO_DAY, Day
from app.agents.scheduler.zones import instant_of

DEFAULT_MINUTES = 60
"""How long something takes whose request does not say."""
DAY_MINUTES = 24 * 60
MOST_YEARS = 10
"""A day is at most so many years away: what is further is a slip of the pen."""


class Lack(StrEnum):
    """What a request must say before it can be booked."""

    DATE = "date"
    """On which day."""
    TIME = "time"
    """At what time of the day."""


class Trouble(StrEnum):
    """Why a day or a time that was said is none."""

    SKIPPED = "skipped"
    """The clocks go forward over its beginning: there is no such time on that day."""
    END_SKIPPED = "end_skipped"
    """The clocks go forward over its end."""
    NO_DAY = "no_day"
    """There is no such date."""
    FAR = "far"
    """Its day is more than MOST_YEARS away."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What was said, as it was meant when it was said; None, "" and () for what was not."""

    title: str = ""
    place: str = ""
    attendees: tuple[str, ...] = ()
    headcount: int | None = None
    day: Day | None = None
    starts: int | None = None
    """In minutes after midnight, as `ends`."""
    ends: int | None = None
    length_minutes: int | None = None
    begins_at: datetime | None = None
    """Where it was said how far off it is."""
    repeats: bool = False
    is_several: bool = False
    """Another day with a time of its own was said: that is another event."""

    @property
    def is_of_event(self) -> bool:
        """Whether it says when or where something is, or who comes."""
        given = (self.day, self.starts, self.length_minutes, self.begins_at, self.headcount)
        return any(one is not None for one in given) or bool(self.place or self.attendees)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for. `starts_at` is None where it lacks its day or time."""

    title: str = ""
    starts_at: datetime | None = None
    duration_minutes: int = DEFAULT_MINUTES
    place: str = ""
    attendees: tuple[str, ...] = ()
    headcount: int | None = None
    lacks: tuple[Lack, ...] = ()
    trouble: Trouble | None = None
    repeats: bool = False
    is_several: bool = False

    @property
    def ends_at(self) -> datetime | None:
        """When it ends, by the duration."""
        return None if self.starts_at is None else self.starts_at + timedelta(minutes=self.duration_minutes)


def merged(before: Said, then: Said, zone: ZoneInfo) -> Said:
    """Return what was said before with what a later turn says: where both say something, the last word counts."""
    if then.begins_at is not None:
        before = msgspec.structs.replace(before, day=None, starts=None, ends=None)
    elif before.begins_at is not None and (then.day is not None or then.starts is not None):
        begins = before.begins_at.astimezone(zone)
        minutes = begins.hour * 60 + begins.minute
        before = msgspec.structs.replace(before, begins_at=None, day=Day(begins.date()), starts=minutes)
    if before.starts is not None and before.ends is not None and then.starts is not None:
        length = (before.ends - before.starts) % DAY_MINUTES
        before = msgspec.structs.replace(before, ends=None, length_minutes=length)
    if then.length_minutes is not None:
        before = msgspec.structs.replace(before, ends=None)
    told = {name: value for name, value in msgspec.structs.asdict(then).items() if value not in (None, "", (), False)}
    if before.title:
        told.pop("title", None)
    return msgspec.structs.replace(before, **told)


def wanted_of(said: Said, now: datetime, zone: ZoneInfo) -> Wanted:
    """Return what is asked for by what was said, seen from `now` by the clock of a zone."""
    wanted = Wanted(
        title=said.title,
        place=said.place,
        attendees=said.attendees,
        headcount=said.headcount,
        duration_minutes=said.length_minutes or DEFAULT_MINUTES,
        repeats=said.repeats,
        is_several=said.is_several,
    )
    if said.begins_at is not None:
        return _with(wanted, starts_at=said.begins_at)
    if said.day == NO_DAY:
        return _with(wanted, lacks=(Lack.DATE,), trouble=Trouble.NO_DAY)
    if said.day is not None and _is_far(said.day.on, now):
        return _with(wanted, lacks=(Lack.DATE,), trouble=Trouble.FAR)
    if said.day is None or said.starts is None:
        lacks = (*((Lack.DATE,) if said.day is None else ()), *((Lack.TIME,) if said.starts is None else ()))
        return _with(wanted, lacks=lacks)
    return _at(wanted, said.day, said, now, zone)


def _is_far(on: date, now: datetime) -> bool:
    return abs(on.year - now.year) > MOST_YEARS


def _at(wanted: Wanted, day: Day, said: Said, now: datetime, zone: ZoneInfo) -> Wanted:
    on, starts = day.on, said.starts or 0
    starts_at = instant_of(on, starts, zone)
    if day.else_on is not None and (starts_at is None or starts_at <= now):
        on = day.else_on
        starts_at = instant_of(on, starts, zone)
    if starts_at is None:
        return _with(wanted, lacks=(Lack.TIME,), trouble=Trouble.SKIPPED)
    if said.ends is None:
        return _with(wanted, starts_at=starts_at)
    ends_at = instant_of(on, said.ends, zone)
    if said.ends <= starts or (ends_at is not None and ends_at <= starts_at):
        ends_at = instant_of(on + timedelta(days=1), said.ends, zone)
    if ends_at is None:
        return _with(wanted, lacks=(Lack.TIME,), trouble=Trouble.END_SKIPPED)
    return _with(wanted, starts_at=starts_at, duration_minutes=round((ends_at - starts_at) / timedelta(minutes=1)))


def ahead_of(now: datetime, minutes: int) -> datetime:
    """Return the instant that is so many real minutes after the present one."""
    return now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=minutes)


def _with(wanted: Wanted, **told: object) -> Wanted:
    return msgspec.structs.replace(wanted, **told)
