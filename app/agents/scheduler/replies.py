"""What the scheduler team says, by rules, and the same in a form."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

from app.agents.scheduler.reading import READ_CHARACTERS
from app.agents.scheduler.records import Booking, Conflict, EventDraft, Option
from app.agents.scheduler.said import MOST_YEARS, Lack, Trouble, Wanted
from app.agents.scheduler.saying import event, listed
from app.agents.scheduler.zones import zone_of

CONFIRMED = "Event confirmed!"
UNSAID_ZONE = "No time zone was given, so times are UTC."
ONCE = "It is booked once: I book no series."
BOOKS_ONLY = (
    "I only book events, and have booked and changed nothing. What is booked is at GET /events; DELETE "
    "/events/{event_id} cancels one. What shall I book?"
)
SEVERAL = "I book one event at a time, and have booked nothing. Which one is first, on which day and at what time?"
NOTHING_YET = "Nothing is booked yet."
GIVEN_UP = "Then nothing is booked."
CUT = f"Only the first {READ_CHARACTERS:,} characters were read."
ASKS_ALL = "What shall I book, on which day and at what time?"
_ASKS = {Lack.DATE: "on which day", Lack.TIME: "at what time"}


def confirmed(booking: Booking, notes: Sequence[str]) -> str:
    """Return that a booking stands."""
    rest = (booking.place, f"with {listed(booking.attendees)}" if booking.attendees else "")
    said = event(_capital(booking.title), booking.starts_at, booking.ends_at, booking.time_zone, rest)
    return " ".join((CONFIRMED, f"{said}.", *notes))


def unchecked(place: str) -> str:
    """Return that nobody looked whether a place is free, for it is no resource."""
    return f"{place} is none of your resources, so whether it is free was not checked."


def refused(draft: EventDraft, conflicts: Sequence[Conflict], options: Sequence[Option]) -> str:
    """Return why a draft is not booked, and what could be instead."""
    what = event(_capital(draft.title), draft.starts_at, draft.ends_at, draft.time_zone, (draft.place,))
    return _offered(f"I cannot book this: {what}. {_why(conflicts)}.", draft, options)


def is_taken(draft: EventDraft, conflicts: Sequence[Conflict], options: Sequence[Option]) -> str:
    """Return that what was asked for is not free, why, and what is."""
    return _offered(f"No: {_asked_for(draft)} is not possible. {_why(conflicts)}.", draft, options)


def unknown(name: str) -> str:
    """Return that nothing is known by which something could be said to be free."""
    known = f"I know no resource {name[:80]!r}, so I cannot say whether it is free."
    return f"{known} Nothing is booked. What shall I look at?"


def is_free(draft: EventDraft) -> str:
    """Return that what was asked for is free; it is not booked."""
    return f"Yes: {_asked_for(draft)} is free. Nothing is booked yet. Shall I book it?"


def still_open(draft: EventDraft, options: Sequence[Option], *, is_look: bool) -> str:
    """Return that nothing is booked yet, and what could be."""
    return is_free(draft) if is_look and len(options) == 1 else _offered(NOTHING_YET, draft, options)


def _asked_for(draft: EventDraft) -> str:
    names = (draft.place, listed(draft.attendees))
    return event(next((one for one in names if one), "it"), draft.starts_at, draft.ends_at, draft.time_zone, ())


def _why(conflicts: Sequence[Conflict]) -> str:
    return _capital("; ".join(one.text for one in conflicts))


def _offered(said: str, draft: EventDraft, options: Sequence[Option]) -> str:
    if not options:
        return f"{said} Is there another time or place?"
    offers = " ".join(
        f"({number}) {event('', one.starts_at, one.ends_at, draft.time_zone, (one.place,)).removeprefix(', ')}."
        for number, one in enumerate(options, start=1)
    )
    return f"{said} Possible instead: {offers} Which one?"


def clarifies(wanted: Wanted, time_zone: str) -> str:
    """Return what is asked of whoever left something out."""
    match wanted.trouble:
        case Trouble.SKIPPED:
            return f"The clocks in {time_zone} go forward over that time on that day. At what time is it?"
        case Trouble.END_SKIPPED:
            return (
                f"The clocks in {time_zone} go forward over the time at which it ends on that day. From when to when "
                "is it?"
            )
        case Trouble.NO_DAY:
            return "There is no such date. On which day is it?"
        case Trouble.FAR:
            return f"I book events that are at most {MOST_YEARS} years away. On which day is it?"
        case None:
            return _asks(wanted)
        case _:
            assert_never(wanted.trouble)


def _asks(wanted: Wanted) -> str:
    if not wanted.title and len(wanted.lacks) == len(Lack):
        return ASKS_ALL
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


def look_details(
    draft: EventDraft, conflicts: Sequence[Conflict] = (), options: Sequence[Option] = ()
) -> dict[str, Any]:
    """Return whether what was asked for is free as a form has it."""
    return {**refused_details(draft, conflicts, options), "is_free": not conflicts}


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
