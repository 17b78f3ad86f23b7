"""The JSON that goes in and out of the routes of events."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.agents.scheduler.records import Booking, BookingState
from app.agents.scheduler.zones import zone_of
from app.api.task_shapes import CALLBACK_CHARACTERS

ZoneName = Annotated[str, Meta(min_length=1, max_length=64, description="An IANA time zone.")]
Instant = Annotated[datetime, Meta(tz=True)]


class EventRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be scheduled, in a sentence. Unknown fields are refused."""

    message: Annotated[
        str,
        Meta(
            min_length=1,
            description="What, when, where, with whom.",
            examples=["Schedule soccer practice Saturday at 2pm"],
        ),
    ]
    time_zone: Annotated[
        ZoneName | None,
        Meta(description="The zone of the asker's clock, an IANA name. Absent means UTC."),
    ] = None
    now: Annotated[
        Instant | None,
        Meta(description="The instant that `tomorrow` counts from. Absent means when the request is accepted."),
    ] = None
    session_id: Annotated[
        UUID | None, Meta(description="The session of an earlier request that this one answers or changes.")
    ] = None
    callback_url: Annotated[
        Annotated[str, Meta(min_length=1, max_length=CALLBACK_CHARACTERS)] | None,
        Meta(description="Where a signed webhook tells the end: http or https, at a public address."),
    ] = None


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event; times are those of the asker's zone, with their offset."""

    event_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    place: str | None
    attendees: tuple[str, ...]
    headcount: int | None
    state: BookingState
    created_at: datetime
    changed_at: datetime


class EventPage(msgspec.Struct, frozen=True):
    """Events, the earliest first."""

    events: tuple[EventView, ...]
    next_cursor: str | None


def view_event(booking: Booking) -> EventView:
    """Return a booking as its owner sees it."""
    zone = zone_of(booking.time_zone)
    return EventView(
        event_id=booking.id,
        title=booking.title,
        starts_at=booking.starts_at.astimezone(zone),
        ends_at=booking.ends_at.astimezone(zone),
        time_zone=booking.time_zone,
        place=booking.place or None,
        attendees=booking.attendees,
        headcount=booking.headcount,
        state=booking.state,
        created_at=booking.created_at,
        changed_at=booking.changed_at,
    )
