"""What is proposed instead is free, is near, and is the same for the same rows."""

from hypothesis import given
from hypothesis import strategies as st

from app.agents.scheduler.alternatives import MOST, alternatives
from app.agents.scheduler.checks import conflicts_of
from app.agents.scheduler.records import Constraint, ConstraintKind, Option
from tests.fakes.bookings import FIELD_1, FIELD_2, HOUR, NOW, TWO_PM, booking, draft, room, rules


def option(hours: float, place: str = "Field 2") -> Option:
    """Return an hour at so many hours after two, in a place."""
    resource = FIELD_2 if place == "Field 2" else FIELD_1
    return Option(
        starts_at=TWO_PM + hours * HOUR,
        ends_at=TWO_PM + (hours + 1) * HOUR,
        place=place,
        resource_id=resource.resource_id,
    )


def test_another_place_of_its_kind_comes_first_then_the_nearest_times() -> None:
    found = alternatives(draft(), rules(booking()), NOW)
    assert found == (option(0, "Field 1"), option(1), option(-1))


def test_without_another_place_there_are_times() -> None:
    taken = (booking(), booking(resource_id=FIELD_1.resource_id), booking(starts_at=TWO_PM - HOUR, ends_at=TWO_PM))
    assert alternatives(draft(), rules(*taken), NOW) == (option(1), option(2), option(-2))


def test_of_places_that_are_free_the_smallest_that_holds_them_is_proposed() -> None:
    small, large = room(8, "Field 8", capacity=25), room(9, "Field 9", capacity=90)
    found = alternatives(draft(headcount=30), rules(booking(), resources=(FIELD_2, large, small)), NOW)
    assert found[0].place == "Field 9"


def test_a_closed_day_is_passed_over() -> None:
    weekdays = room(2, "Field 2", open_days=(0, 1, 2, 3, 4))
    (first, *_) = alternatives(draft(), rules(resources=(weekdays,)), NOW)
    assert first == option(48)


def test_what_is_too_long_has_no_alternative() -> None:
    assert alternatives(draft(ends_at=TWO_PM + 9 * HOUR), rules(), NOW) == ()


def test_nobody_is_proposed_the_middle_of_the_night() -> None:
    busy = booking(resource_id=None, attendees=("Ana",), starts_at=TWO_PM - 8 * HOUR, ends_at=TWO_PM + 11 * HOUR)
    made = draft(resource_id=None, place="", attendees=("Ana",))
    found = alternatives(made, rules(busy, constraints=(Constraint(kind=ConstraintKind.ATTENDEE),)), NOW)
    assert {one.starts_at.astimezone().date() for one in found}
    assert all((one.starts_at - TWO_PM) % (24 * HOUR) == 0 * HOUR for one in found)


@given(st.lists(st.tuples(st.integers(-30, 60), st.integers(1, 8)), max_size=12))
def test_every_proposal_can_be_booked_and_no_two_are_the_same(taken: list[tuple[int, int]]) -> None:
    others = [
        booking(starts_at=TWO_PM + begins * 0.5 * HOUR, ends_at=TWO_PM + (begins + length) * 0.5 * HOUR)
        for begins, length in taken
    ]
    held = rules(booking(), *others)
    found = alternatives(draft(), held, NOW)
    assert 0 < len(found) <= MOST
    assert len({(one.starts_at, one.resource_id) for one in found}) == len(found)
    for one in found:
        made = draft(starts_at=one.starts_at, ends_at=one.ends_at, resource_id=one.resource_id, place=one.place)
        assert conflicts_of(made, held, NOW) == ()
    assert found == alternatives(draft(), held, NOW)
