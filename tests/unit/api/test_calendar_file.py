"""Events as iCalendar: the lines of RFC 5545, whatever stands in a title."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.scheduler.records import Booking, BookingState
from app.api.calendar_file import LINE_BYTES, escape, fold, write_calendar

EVENT = Booking(
    id=UUID(int=5),
    title="soccer practice",
    starts_at=datetime(2026, 11, 7, 19, tzinfo=UTC),
    ends_at=datetime(2026, 11, 7, 20, 30, tzinfo=UTC),
    time_zone="America/New_York",
    state=BookingState.BOOKED,
    created_at=datetime(2026, 11, 4, 15, tzinfo=UTC),
    changed_at=datetime(2026, 11, 4, 15, 0, 1, tzinfo=UTC),
    place="Field 2",
    attendees=("Ana", "Bo, Jr."),
)


def unfolded(written: bytes) -> list[str]:
    """Return the content lines as a reader joins them."""
    return written.replace(b"\r\n ", b"").decode().removesuffix("\r\n").split("\r\n")


def unescaped(value: str) -> str:
    """Return the text that a value stands for, as a reader takes it."""
    parts = value.replace("\\\\", "\0").replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";")
    return parts.replace("\0", "\\")


def test_an_event_is_written_as_calendars_read_it() -> None:
    assert unfolded(write_calendar([EVENT])) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Switchyard//scheduler//EN",
        "CALSCALE:GREGORIAN",
        "BEGIN:VEVENT",
        "UID:00000000-0000-0000-0000-000000000005",
        "DTSTAMP:20261104T150001Z",
        "CREATED:20261104T150000Z",
        "LAST-MODIFIED:20261104T150001Z",
        "SEQUENCE:0",
        "DTSTART:20261107T190000Z",
        "DTEND:20261107T203000Z",
        "SUMMARY:soccer practice",
        "LOCATION:Field 2",
        "DESCRIPTION:With Ana\\, Bo\\, Jr.",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_a_cancelled_event_says_so_in_a_later_sequence() -> None:
    lines = unfolded(write_calendar([msgspec.structs.replace(EVENT, state=BookingState.CANCELLED)]))
    assert {"STATUS:CANCELLED", "SEQUENCE:1"} <= set(lines)


def test_no_title_can_begin_a_line_of_its_own() -> None:
    evil = msgspec.structs.replace(EVENT, title="x\r\nEND:VEVENT\nATTACH:http://evil", place="", attendees=())
    lines = unfolded(write_calendar([evil]))
    assert "SUMMARY:x\\nEND:VEVENT\\nATTACH:http://evil" in lines
    assert lines.count("END:VEVENT") == 1


@pytest.mark.parametrize("text", ["a,b;c\\d", "one\ntwo", "Ünï, ß \U0001f600" * 30])
def test_what_is_escaped_reads_as_it_was(text: str) -> None:
    assert unescaped(escape(text)) == text


@given(st.text(max_size=300))
def test_every_line_is_short_and_joins_to_the_whole(text: str) -> None:
    line = f"SUMMARY:{escape(text)}"
    written = fold(line)
    assert all(len(piece) <= LINE_BYTES for piece in written.split(b"\r\n"))
    assert written.endswith(b"\r\n")
    assert unfolded(written) == [line]
    for piece in written.split(b"\r\n"):
        piece.decode()
