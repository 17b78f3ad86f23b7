"""What the scheduler team says, by rules, and the same in a form."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.agents.scheduler.reading import Lack, Wanted
from app.agents.scheduler.records import Booking, Conflict, EventDraft, Option
from app.agents.scheduler.saying import event, listed
from app.agents.scheduler.zones import zone_of

CONFIRMED = "Event confirmed!"
UNSAID_ZONE = "No time zone was given, so times are UTC."
ONCE = "It is booked once: I book no series."
BOOKS_ONLY = (
    "I only book events, and have booked nothing. What is booked is at GET /events; DELETE /events/{event_id} cancels "
    "one. What shall I book?"
)
_ASKS = {Lack.DATE: "on which day", Lack.TIME: "at what time"}


def confirmed(booking: Booking, notes: Sequence[str]) -> str:
    """Return that a booking stands."""
    rest = (booking.place, f"with {listed(booking.attendees)}" if booking.attendees else "")
    said = event(_capital(booking.title), booking.starts_at, booking.ends_at, booking.time_zone, rest)
    return " ".join((CONFIRMED, f"{said}.", *notes))


def refused(draft: EventDraft, conflicts: Sequence[Conflict], options: Sequence[Option]) -> str:
    """Return why a draft is not booked, and what could be instead."""
    what = event(_capital(draft.title), draft.starts_at, draft.ends_at, draft.time_zone, (draft.place,))
    why = "; ".join(one.text for one in conflicts)
    said = f"I cannot book this: {what}. {_capital(why)}."
    if not options:
        return f"{said} Is there another time or place?"
    offers = " ".join(
        f"({number}) {event('', one.starts_at, one.ends_at, draft.time_zone, (one.place,)).removeprefix(', ')}."
        for number, one in enumerate(options, start=1)
    )
    return f"{said} Possible instead: {offers} Which one?"


def clarifies(wanted: Wanted, time_zone: str) -> str:
    """Return what is asked of whoever left something out."""
    if wanted.is_skipped:
        return f"The clocks in {time_zone} go forward over that time on that day. At what time is it?"
    asks = listed([_ASKS[lack] for lack in wanted.lacks])
    return f"{_capital(asks)} is {wanted.title or 'it'}?"


def booking_details(booking: Booking) -> dict[str, Any]:
    """Return a booking as a form has it; times are local, with their offset."""
    return {
        "event_id": str(booking.id),
        "title": booking.title,
        "starts_at": _local(booking.starts_at, booking.time_zone),
        "ends_at": _local(booking.ends_at, booking.time_zone),
        "time_zone": booking.time_zone,
        "place": booking.place or None,
        "attendees": list(booking.attendees),
    }


def refused_details(draft: EventDraft, conflicts: Sequence[Conflict], options: Sequence[Option]) -> dict[str, Any]:
    """Return a draft that is not booked as a form has it."""
    return {
        "title": draft.title,
        "starts_at": _local(draft.starts_at, draft.time_zone),
        "ends_at": _local(draft.ends_at, draft.time_zone),
        "time_zone": draft.time_zone,
        "place": draft.place or None,
        "attendees": list(draft.attendees),
        "conflicts": [{"kind": one.kind.value, "text": one.text} for one in conflicts],
        "alternatives": [
            {
                "starts_at": _local(one.starts_at, draft.time_zone),
                "ends_at": _local(one.ends_at, draft.time_zone),
                "place": one.place or None,
            }
            for one in options
        ],
    }


def lacking_details(wanted: Wanted) -> dict[str, Any]:
    """Return what was read, and what was not, as a form has it."""
    return {
        "title": wanted.title,
        "place": wanted.place or None,
        "attendees": list(wanted.attendees),
        "lacks": [lack.value for lack in wanted.lacks],
    }


def _local(instant: datetime, time_zone: str) -> str:
    return instant.astimezone(zone_of(time_zone)).isoformat(timespec="minutes")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
