"""What can be booked: every rule speaks against what breaks it, in words, and against nothing else."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.scheduler.checks import conflicts_of
from app.agents.scheduler.records import BookingState, ConflictKind, Constraint, ConstraintKind, EventDraft
from tests.fakes.bookings import FIELD_1, FIELD_2, HOUR, NOW, TWO_PM, booking, draft, room, rules


def told(made: EventDraft, *bookings: object, **more: object) -> list[tuple[ConflictKind, str]]:
    """Return what speaks against a draft."""
    return [(one.kind, one.text) for one in conflicts_of(made, rules(*bookings, **more), NOW)]  # pyright: ignore[reportArgumentType]


def test_nothing_speaks_against_a_free_place() -> None:
    assert told(draft()) == []


@pytest.mark.parametrize(("early", "late"), [(0, 0), (30, 0), (0, 30), (-15, -15), (59, 0), (0, 59)])
def test_a_place_that_is_taken_is_not_booked_again(early: int, late: int) -> None:
    minute = timedelta(minutes=1)
    taken = booking(starts_at=TWO_PM - early * minute, ends_at=TWO_PM + HOUR + late * minute)
    ((kind, text),) = told(draft(), taken)
    assert kind is ConflictKind.OVERLAP
    assert text.startswith("Field 2 is taken from ")
    assert "(a match)" in text


@pytest.mark.parametrize(
    "other",
    [
        booking(starts_at=TWO_PM + HOUR, ends_at=TWO_PM + 2 * HOUR),
        booking(starts_at=TWO_PM - HOUR, ends_at=TWO_PM),
        booking(state=BookingState.CANCELLED),
        booking(place="Field 1", resource_id=FIELD_1.resource_id),
    ],
)
def test_what_only_touches_or_is_elsewhere_or_cancelled_speaks_against_nothing(other: object) -> None:
    assert told(draft(), other) == []


def test_a_shared_place_takes_several() -> None:
    assert told(draft(), booking(), resources=(room(2, "Field 2", is_shared=True),)) == []


@pytest.mark.parametrize(("begins", "ends", "refused"), [(-6, -5, 0), (-7, -5, 1), (7, 8, 0), (7, 9, 1), (11, 13, 1)])
def test_a_place_is_booked_while_it_is_open(begins: int, ends: int, refused: int) -> None:
    made = draft(starts_at=TWO_PM + begins * HOUR, ends_at=TWO_PM + ends * HOUR)
    closed = (ConflictKind.CLOSED, "Field 2 is open from 08:00 to 22:00 (America/New_York)")
    assert told(made) == [closed] * refused


def test_a_place_is_closed_on_other_days() -> None:
    ((kind, text),) = told(draft(), resources=(room(2, "Field 2", open_days=(0, 1, 2, 3, 4)),))
    assert (kind, text) == (
        ConflictKind.CLOSED,
        "Field 2 is open on Monday to Friday from 08:00 to 22:00 (America/New_York)",
    )


def test_a_place_that_never_closes_is_booked_over_midnight() -> None:
    always = room(2, "Field 2", opens_minute=0, closes_minute=1440)
    assert told(draft(starts_at=TWO_PM + 9 * HOUR, ends_at=TWO_PM + 11 * HOUR), resources=(always,)) == []
    assert told(draft(starts_at=TWO_PM + 9 * HOUR, ends_at=TWO_PM + 10 * HOUR), resources=(always,)) == []


def test_more_people_than_a_place_holds_are_too_many() -> None:
    assert told(draft(headcount=40)) == []
    assert told(draft(headcount=41)) == [(ConflictKind.CAPACITY, "Field 2 holds 40, and 41 are to come")]
    ((kind, _),) = told(draft(attendees=("Ana", "Bo")), resources=(room(2, "Field 2", capacity=2),))
    assert kind is ConflictKind.CAPACITY


def test_what_begins_too_soon_is_told_how_far_ahead_it_must_be_asked_for() -> None:
    soon = draft(starts_at=NOW + 0.5 * HOUR, ends_at=NOW + HOUR)
    assert told(soon) == [(ConflictKind.NOTICE, "it must be asked for 1 hour ahead")]
    assert told(draft(starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)) == []


def test_nobody_books_the_past_whatever_the_rules() -> None:
    past = draft(starts_at=NOW - HOUR, ends_at=NOW + HOUR)
    assert told(past, constraints=()) == [(ConflictKind.NOTICE, "that time has passed")]


def test_what_takes_too_long_is_told_how_long_it_may() -> None:
    assert told(draft(ends_at=TWO_PM + 3 * HOUR)) == []
    assert told(draft(ends_at=TWO_PM + 3.5 * HOUR)) == [(ConflictKind.LENGTH, "it may take 3 hours at most")]


def test_nothing_is_booked_in_a_blackout() -> None:
    constraint = Constraint(
        kind=ConstraintKind.BLACKOUT, starts_at=TWO_PM + 0.5 * HOUR, ends_at=TWO_PM + 5 * HOUR, note="the pitch is mown"
    )
    assert told(draft(), constraints=(constraint,)) == [
        (ConflictKind.BLACKOUT, "nothing can be booked then (the pitch is mown)")
    ]
    assert told(draft(ends_at=TWO_PM + 0.5 * HOUR), constraints=(constraint,)) == []


def test_a_rule_for_one_place_says_nothing_of_others() -> None:
    constraint = Constraint(kind=ConstraintKind.LENGTH, minutes=30, resource_id=FIELD_1.resource_id)
    assert told(draft(), constraints=(constraint,)) == []
    assert told(draft(resource_id=FIELD_1.resource_id), constraints=(constraint,)) != []


def test_nobody_is_at_two_events_at_once() -> None:
    elsewhere = booking("choir", resource_id=None, place="", attendees=("Maria", "Ben"))
    made = draft(attendees=("maria", "Zoe"))
    assert told(made, elsewhere) == [(ConflictKind.ATTENDEE, "Maria is at choir from 14:00 to 15:00")]
    assert told(made, elsewhere, constraints=()) == []


@given(st.integers(-240, 240), st.integers(15, 240), st.integers(-240, 240), st.integers(15, 240))
def test_two_bookings_of_a_place_never_share_a_minute(start: int, length: int, other: int, its_length: int) -> None:
    minute = timedelta(minutes=1)
    one = booking(starts_at=TWO_PM + other * minute, ends_at=TWO_PM + (other + its_length) * minute)
    made = draft(starts_at=TWO_PM + start * minute, ends_at=TWO_PM + (start + length) * minute)
    shared = max(start, other) < min(start + length, other + its_length)
    kinds = [kind for kind, _ in told(made, one, constraints=())]
    assert (ConflictKind.OVERLAP in kinds) == shared
    assert FIELD_2.resource_id == made.resource_id
