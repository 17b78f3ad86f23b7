"""Whether something can be booked: every reason against it, from rows alone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from app.agents.scheduler.records import (
    Booking,
    BookingState,
    Conflict,
    ConflictKind,
    Constraint,
    ConstraintKind,
    EventDraft,
    Resource,
)
from app.agents.scheduler.saying import listed, span
from app.agents.scheduler.zones import zone_of

MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60


class Rules(msgspec.Struct, frozen=True):
    """What a draft is held against."""

    resources: tuple[Resource, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    bookings: tuple[Booking, ...] = ()
    """Those that hold at about that time."""

    def resource(self, draft: EventDraft) -> Resource | None:
        """Return what the draft is to be in, if it is one of the tenant's resources."""
        return next((one for one in self.resources if one.resource_id == draft.resource_id), None)


def conflicts_of(draft: EventDraft, rules: Rules, asked_at: datetime) -> tuple[Conflict, ...]:
    """Return every reason why a draft cannot be booked; none if it can."""
    resource = rules.resource(draft)
    found: list[Conflict] = []
    if draft.starts_at < asked_at:
        found.append(Conflict(kind=ConflictKind.NOTICE, text="that time has passed"))
    if resource is not None:
        found += _of_resource(draft, resource, rules.bookings)
    for constraint in rules.constraints:
        if constraint.resource_id in (None, draft.resource_id):
            found += _of_constraint(draft, constraint, rules.bookings, asked_at)
    return tuple(dict.fromkeys(found))


def _of_resource(draft: EventDraft, resource: Resource, bookings: Iterable[Booking]) -> Iterator[Conflict]:
    if not is_open(resource, draft.starts_at, draft.ends_at):
        yield Conflict(kind=ConflictKind.CLOSED, text=f"{resource.name} is open {_hours(resource)}")
    people = headcount_of(draft)
    if resource.capacity is not None and people > resource.capacity:
        text = f"{resource.name} holds {resource.capacity}, and {people} are to come"
        yield Conflict(kind=ConflictKind.CAPACITY, text=text)
    if not resource.is_shared:
        for one in overlapping(draft, bookings):
            if one.resource_id == resource.resource_id:
                text = f"{resource.name} is taken from {_local_span(one, draft.time_zone)} ({one.title})"
                yield Conflict(kind=ConflictKind.OVERLAP, text=text, with_booking_id=one.id)


def _of_constraint(
    draft: EventDraft, constraint: Constraint, bookings: Iterable[Booking], asked_at: datetime
) -> Iterator[Conflict]:
    kind, minutes = constraint.kind, constraint.minutes or 0
    note = f" ({constraint.note})" if constraint.note else ""
    if kind is ConstraintKind.NOTICE and asked_at <= draft.starts_at < asked_at + minutes * MINUTE:
        text = f"it must be asked for {_length(minutes)} ahead{note}"
        yield Conflict(kind=ConflictKind.NOTICE, text=text)
    if kind is ConstraintKind.LENGTH and draft.ends_at - draft.starts_at > minutes * MINUTE:
        yield Conflict(kind=ConflictKind.LENGTH, text=f"it may take {_length(minutes)} at most{note}")
    starts_at, ends_at = constraint.starts_at, constraint.ends_at
    if starts_at is not None and ends_at is not None and draft.starts_at < ends_at and draft.ends_at > starts_at:
        yield Conflict(kind=ConflictKind.BLACKOUT, text=f"nothing can be booked then{note}")
    if kind is ConstraintKind.ATTENDEE:
        yield from _of_attendees(draft, bookings)


def _of_attendees(draft: EventDraft, bookings: Iterable[Booking]) -> Iterator[Conflict]:
    wanted = {one.casefold() for one in draft.attendees}
    for one in overlapping(draft, bookings):
        busy = [name for name in one.attendees if name.casefold() in wanted]
        if busy:
            verb = "is" if len(busy) == 1 else "are"
            text = f"{listed(busy)} {verb} at {one.title} from {_local_span(one, draft.time_zone)}"
            yield Conflict(kind=ConflictKind.ATTENDEE, text=text, with_booking_id=one.id)


def overlapping(draft: EventDraft, bookings: Iterable[Booking]) -> Iterator[Booking]:
    """Yield the bookings that hold at a time of the draft; those that touch it do not."""
    for one in bookings:
        if one.state is BookingState.BOOKED and one.starts_at < draft.ends_at and one.ends_at > draft.starts_at:
            yield one


def headcount_of(draft: EventDraft) -> int:
    """Return how many people come, as far as the draft says: whoever is named, and who asks."""
    return draft.headcount or (len(draft.attendees) + 1 if draft.attendees else 1)


def is_open(resource: Resource, starts_at: datetime, ends_at: datetime) -> bool:
    """Return whether a resource is open all the while, by the clock on its wall."""
    zone = zone_of(resource.time_zone)
    starts, ends = starts_at.astimezone(zone), ends_at.astimezone(zone)
    days = (ends.date() - starts.date()).days
    begins, until = starts.hour * 60 + starts.minute, ends.hour * 60 + ends.minute
    if days == 1 and until == 0:
        days, until = 0, DAY_MINUTES
    if days:
        # Over midnight only where it never closes.
        always = (resource.opens_minute, resource.closes_minute) == (0, DAY_MINUTES)
        on = {(starts + timedelta(days=ahead)).weekday() for ahead in range(days + 1)}
        return always and on <= set(resource.open_days)
    is_day = starts.weekday() in resource.open_days
    return is_day and resource.opens_minute <= begins and until <= resource.closes_minute


_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _hours(resource: Resource) -> str:
    hours = f"from {_clock(resource.opens_minute)} to {_clock(resource.closes_minute)} ({resource.time_zone})"
    if len(set(resource.open_days)) == len(_DAY_NAMES):
        return hours
    return f"on {_days(sorted(set(resource.open_days)))} {hours}"


def _days(days: Sequence[int]) -> str:
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{_DAY_NAMES[days[0]]} to {_DAY_NAMES[days[-1]]}"
    return listed([_DAY_NAMES[one] for one in days]) or "no day"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    said = [f"{hours} hour{'s' if hours > 1 else ''}"] if hours else []
    return " ".join([*said, f"{rest} minutes"] if rest or not hours else said)


def _local_span(one: Booking, time_zone: str) -> str:
    return span(one.starts_at, one.ends_at, zone_of(time_zone)).replace("\u2013", " to ")
