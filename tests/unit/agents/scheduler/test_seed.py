"""The club house that is seeded: its bookings keep its own rules."""

from app.agents.scheduler.records import ResourceKind
from app.agents.scheduler.seed import BOOKED, CONSTRAINTS, PLACES


def test_there_is_a_dozen_of_places_of_every_kind_each_once() -> None:
    assert len(PLACES) == 12
    assert len({one.name.lower() for one in PLACES}) == 12
    assert {one.kind for one in PLACES} == set(ResourceKind)


def test_the_bookings_are_in_places_that_there_are() -> None:
    assert {place for _, place, *_ in BOOKED} <= {one.name for one in PLACES}
    assert len({one.kind for one in CONSTRAINTS}) == len(CONSTRAINTS)
