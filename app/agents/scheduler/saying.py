"""Times and events in words."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.agents.scheduler.zones import comes_twice, zone_of


def day(instant: datetime, zone: ZoneInfo) -> str:
    """Return a day as people write it, such as `Saturday, November 7, 2026`."""
    shown = instant.astimezone(zone)
    return f"{shown:%A}, {shown:%B} {shown.day}, {shown.year}"


def span(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """Return from when to when, such as `14:00-15:00` with a dash for print; a later day is named."""
    starts, ends = starts_at.astimezone(zone), ends_at.astimezone(zone)
    first = " (the first of the two)" if comes_twice(starts_at, zone) else ""
    last = " (the first of the two)" if comes_twice(ends_at, zone) and not comes_twice(starts_at, zone) else ""
    until = f"{ends:%H:%M}{last}" if ends.date() == starts.date() else f"{day(ends_at, zone)}, {ends:%H:%M}"
    return f"{starts:%H:%M}{first}\u2013{until}"


def event(title: str, starts_at: datetime, ends_at: datetime, time_zone: str, rest: Sequence[str]) -> str:
    """Return an event in one line: what, when, and the `rest`, such as where."""
    zone = zone_of(time_zone)
    when = f"{day(starts_at, zone)}, {span(starts_at, ends_at, zone)} ({time_zone})"
    return ", ".join((title, when, *(one for one in rest if one)))


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
