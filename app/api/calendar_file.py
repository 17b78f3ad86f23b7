"""Events as iCalendar (RFC 5545): what calendars subscribe to and import."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from app.agents.scheduler.records import Booking, BookingState

MEDIA_TYPE = "text/calendar"
PRODUCT = "-//Switchyard//scheduler//EN"
LINE_BYTES = 75
_ESCAPED = re.compile(r"[\\;,]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STATUS = {BookingState.BOOKED: "CONFIRMED", BookingState.CANCELLED: "CANCELLED"}


def write_calendar(bookings: Iterable[Booking]) -> bytes:
    """Return a calendar of events; times are in UTC, which every reader shows in its own zone."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN"]
    for booking in bookings:
        lines += _event(booking)
    lines.append("END:VCALENDAR")
    return b"".join(fold(line) for line in lines)


def _event(booking: Booking) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{booking.id}"
    # Without METHOD the stamp is when it was last revised (section 3.8.7.2).
    yield f"DTSTAMP:{_utc(booking.changed_at)}"
    yield f"CREATED:{_utc(booking.created_at)}"
    yield f"LAST-MODIFIED:{_utc(booking.changed_at)}"
    yield f"SEQUENCE:{int(booking.state is BookingState.CANCELLED)}"
    yield f"DTSTART:{_utc(booking.starts_at)}"
    yield f"DTEND:{_utc(booking.ends_at)}"
    yield f"SUMMARY:{escape(booking.title)}"
    if booking.place:
        yield f"LOCATION:{escape(booking.place)}"
    if booking.attendees:
        # ATTENDEE takes addresses, and names are all that is known.
        yield f"DESCRIPTION:{escape('With ' + ', '.join(booking.attendees))}"
    yield f"STATUS:{_STATUS[booking.state]}"
    yield "END:VEVENT"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escape(text: str) -> str:
    """Return a text as a property's value (section 3.3.11); what no value may hold is left out."""
    shown = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _ESCAPED.sub(lambda found: f"\\{found[0]}", shown).replace("\n", "\\n")


def fold(line: str) -> bytes:
    """Return a content line of at most LINE_BYTES octets a piece (section 3.1), no character cut in two."""
    pieces, piece = list[bytes](), b""
    for character in line:
        octets = character.encode()
        # Each piece but the first begins with a blank.
        if len(piece) + len(octets) > LINE_BYTES - bool(pieces):
            pieces.append(piece)
            piece = b""
        piece += octets
    return b"\r\n ".join([*pieces, piece]) + b"\r\n"
