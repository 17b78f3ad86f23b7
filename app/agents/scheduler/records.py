"""Rows of the scheduler's tables as values; times are aware, in UTC."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class ResourceKind(StrEnum):
    """What can be booked."""

    ROOM = "room"
    """A room, in a house."""
    FIELD = "field"
    """A field or court for sports."""
    GEAR = "gear"
    """Something that is carried away."""


class BookingState(StrEnum):
    """Whether a booking holds."""

    BOOKED = "booked"
    """It holds its resource and its attendees."""
    CANCELLED = "cancelled"
    """It holds nothing any more."""


class ConstraintKind(StrEnum):
    """A rule of a tenant for its bookings."""

    NOTICE = "notice"
    """They begin so many minutes after they are asked for, or later."""
    LENGTH = "length"
    """They take so many minutes, or fewer."""
    BLACKOUT = "blackout"
    """There are none from one instant to another."""
    ATTENDEE = "attendee"
    """No attendee is at two of them at once."""


class ConflictKind(StrEnum):
    """Why something cannot be booked."""

    OVERLAP = "overlap"
    """Its resource has a booking at that time."""
    CLOSED = "closed"
    """Its resource is not open then."""
    CAPACITY = "capacity"
    """More people come than its resource holds."""
    NOTICE = "notice"
    """It would begin too soon, or has begun."""
    LENGTH = "length"
    """It would take too long."""
    BLACKOUT = "blackout"
    """Nothing may be booked then."""
    ATTENDEE = "attendee"
    """Somebody who is to come is elsewhere then."""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be booked; it is open on `open_days` (Monday is 0) by the clock of its own zone."""

    resource_id: UUID
    name: str
    kind: ResourceKind
    capacity: int | None = None
    """How many people it holds."""
    time_zone: str = "UTC"
    opens_minute: int = 0
    closes_minute: int = 1440
    open_days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    is_shared: bool = False
    """It may have several bookings at once."""


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """A rule; for one resource, or for all."""

    kind: ConstraintKind
    resource_id: UUID | None = None
    minutes: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    note: str = ""


class EventDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be booked, complete."""

    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    """Of whoever asked."""
    place: str = ""
    resource_id: UUID | None = None
    attendees: tuple[str, ...] = ()
    headcount: int | None = None


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was booked."""

    id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    state: BookingState
    created_at: datetime
    changed_at: datetime
    place: str = ""
    resource_id: UUID | None = None
    attendees: tuple[str, ...] = ()
    headcount: int | None = None


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why something cannot be booked, in words."""

    kind: ConflictKind
    text: str
    with_booking_id: UUID | None = None


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """What could be booked instead."""

    starts_at: datetime
    ends_at: datetime
    place: str
    resource_id: UUID | None = None
