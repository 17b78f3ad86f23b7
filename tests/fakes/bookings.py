"""A club house of a few rooms, for tests of what can be booked there."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from app.agents.scheduler.checks import Rules
from app.agents.scheduler.records import (
    Booking,
    BookingState,
    Constraint,
    ConstraintKind,
    EventDraft,
    Resource,
    ResourceKind,
)

ZONE = "America/New_York"
NOW = datetime(2026, 11, 4, 15, tzinfo=UTC)
TWO_PM = datetime(2026, 11, 7, 19, tzinfo=UTC)
"""Saturday, by the clock in ZONE."""
HOUR = timedelta(hours=1)


def room(number: int, name: str, **more: object) -> Resource:
    """Return a resource that is open from 8 to 22 and holds 40."""
    made = Resource(
        resource_id=UUID(int=number),
        name=name,
        kind=ResourceKind.FIELD,
        capacity=40,
        time_zone=ZONE,
        opens_minute=8 * 60,
        closes_minute=22 * 60,
    )
    return msgspec.structs.replace(made, **more)


FIELD_1, FIELD_2 = room(1, "Field 1"), room(2, "Field 2")
GYM = room(3, "Gym", kind=ResourceKind.ROOM)
CONSTRAINTS = (
    Constraint(kind=ConstraintKind.NOTICE, minutes=60),
    Constraint(kind=ConstraintKind.LENGTH, minutes=180),
    Constraint(kind=ConstraintKind.ATTENDEE),
)
RULES = Rules((FIELD_1, FIELD_2, GYM), CONSTRAINTS)


def draft(**more: object) -> EventDraft:
    """Return soccer practice on Field 2, on Saturday from 14 to 15."""
    made = EventDraft(
        title="soccer practice",
        starts_at=TWO_PM,
        ends_at=TWO_PM + HOUR,
        time_zone=ZONE,
        place="Field 2",
        resource_id=FIELD_2.resource_id,
    )
    return msgspec.structs.replace(made, **more)


def booking(title: str = "a match", **more: object) -> Booking:
    """Return a booking of Field 2, on Saturday from 14 to 15."""
    made = Booking(
        id=UUID(int=77),
        title=title,
        starts_at=TWO_PM,
        ends_at=TWO_PM + HOUR,
        time_zone=ZONE,
        state=BookingState.BOOKED,
        created_at=NOW,
        changed_at=NOW,
        place="Field 2",
        resource_id=FIELD_2.resource_id,
    )
    return msgspec.structs.replace(made, **more)


def rules(*bookings: Booking, **more: object) -> Rules:
    """Return RULES with bookings."""
    return msgspec.structs.replace(RULES, bookings=bookings, **more)
