"""What the clock of a time zone shows, as an instant: also in the nights in which an hour is missing or comes twice."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_ZONE = ZoneInfo("UTC")
UNKNOWN = (ZoneInfoNotFoundError, ValueError, OSError)


@lru_cache(maxsize=64)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the IANA time zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except UNKNOWN:
        return None


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name, or UTC for one that there is none of."""
    return find_zone(name) or UTC_ZONE


async def load_zones(names: Iterable[str]) -> None:
    """Have zones read from the disk, which the loop must not wait for, before they are used."""
    await asyncio.to_thread(lambda: [find_zone(name) for name in names])


def instant_of(on: date, minutes: int, zone: ZoneInfo) -> datetime | None:
    """Return the instant, in UTC, at which the clock shows so many minutes after midnight of a day.

    None where it never does: the hour is skipped. Of an hour that comes twice it is the first.
    """
    shown = datetime.combine(on, time(), zone) + timedelta(minutes=minutes)
    instant = shown.astimezone(UTC)
    there = instant.astimezone(zone)
    return instant if there.replace(tzinfo=None) == shown.replace(tzinfo=None) else None


def comes_twice(instant: datetime, zone: ZoneInfo) -> bool:
    """Return whether the clock shows at another instant what it shows then."""
    shown = instant.astimezone(zone)
    return shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()
