"""What could be booked instead: the same elsewhere, and the nearest free times; the same for the same rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from app.agents.scheduler.checks import Rules, conflicts_of, headcount_of
from app.agents.scheduler.records import ConflictKind, EventDraft, Option
from app.agents.scheduler.zones import zone_of

MOST = 3
STEP = timedelta(minutes=30)
DAY_STEPS = 48
DAYS = 7
"""How many days ahead are looked at: rules hold the bookings of so many days before and after."""
UP_HOUR = 7
HOPELESS = {ConflictKind.LENGTH}
"""No other time and place helps against it."""


def alternatives(draft: EventDraft, rules: Rules, asked_at: datetime) -> tuple[Option, ...]:
    """Return up to MOST options without a conflict: one elsewhere at that time, then the nearest times.

    Nearest are those of the same day, the later of two first; then the same time on the days after.
    """
    if {one.kind for one in conflicts_of(draft, rules, asked_at)} & HOPELESS:
        return ()
    found = [*next_elsewhere(draft, rules, asked_at)]
    for other in _other_times(draft):
        if len(found) == MOST:
            break
        if not conflicts_of(other, rules, asked_at) and all(not _touch(other, one) for one in found):
            found.append(_option(other))
    return tuple(found)


def next_elsewhere(draft: EventDraft, rules: Rules, asked_at: datetime) -> Iterator[Option]:
    """Yield the smallest other resource of the same kind that is free at that time, if there is one."""
    here = rules.resource(draft)
    if here is None:
        return
    people = headcount_of(draft)
    others = [one for one in rules.resources if one.kind is here.kind and one.resource_id != here.resource_id]
    for one in sorted(others, key=lambda one: (one.capacity or people, one.name)):
        moved = msgspec.structs.replace(draft, resource_id=one.resource_id, place=one.name)
        if not conflicts_of(moved, rules, asked_at):
            yield _option(moved)
            return


def _other_times(draft: EventDraft) -> Iterator[EventDraft]:
    for steps in range(1, DAY_STEPS // 2):
        yield from _by_day(_moved(draft, STEP * steps))
        yield from _by_day(_moved(draft, -STEP * steps))
    for days in range(1, DAYS):
        yield _moved(draft, timedelta(days=days))


def _by_day(draft: EventDraft) -> Iterator[EventDraft]:
    """Yield a draft at an hour at which people are up."""
    zone = zone_of(draft.time_zone)
    starts, ends = draft.starts_at.astimezone(zone), draft.ends_at.astimezone(zone)
    if starts.hour >= UP_HOUR and starts.date() == ends.date():
        yield draft


def _moved(draft: EventDraft, by: timedelta) -> EventDraft:
    """Return a draft at another time, by the clock of whoever asked."""
    zone = zone_of(draft.time_zone)
    starts_at = (draft.starts_at.astimezone(zone) + by).astimezone(UTC)
    return msgspec.structs.replace(draft, starts_at=starts_at, ends_at=starts_at + (draft.ends_at - draft.starts_at))


def _option(draft: EventDraft) -> Option:
    return Option(starts_at=draft.starts_at, ends_at=draft.ends_at, place=draft.place, resource_id=draft.resource_id)


def with_option(draft: EventDraft, option: Option) -> EventDraft:
    """Return a draft at the time and in the place of an option."""
    return msgspec.structs.replace(draft, **msgspec.structs.asdict(option))


def _touch(draft: EventDraft, option: Option) -> bool:
    """Return whether an option is much the same: in the same place, and at a time of it."""
    is_there = option.resource_id == draft.resource_id
    return is_there and draft.starts_at < option.ends_at and draft.ends_at > option.starts_at
