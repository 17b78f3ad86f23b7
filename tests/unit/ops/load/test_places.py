"""Arrivals wait for nobody; people who take turns do."""

from ops.load.arrivals import Persona, Visit
from ops.load.places import Arrivals, Turns
from ops.load.samples import Entry, Outcome, Sample
from tests.unit.ops.load.scripted import PLAN, StillClock

VISITS = [Visit(number, Persona.CHAT, number + 1.0) for number in range(4)]


def test_arrivals_come_at_their_times_and_then_the_door_closes() -> None:
    clock, refused = StillClock(), list[Sample]()
    arrivals = Arrivals(VISITS, 4, clock, refused.append)
    arrivals.feed()
    assert clock.now_s == 4.0
    assert [arrivals.take() for _ in range(5)] == [*VISITS, None]
    assert not refused


def test_who_finds_no_place_is_recorded_as_not_started() -> None:
    refused = list[Sample]()
    arrivals = Arrivals(VISITS, 3, StillClock(), refused.append)
    arrivals.feed()
    assert refused == [Sample(Entry.NOT_STARTED, 4.0, 0.0, Outcome.NOT_STARTED, code="no_place")]


def test_a_place_can_be_taken_again() -> None:
    refused = list[Sample]()
    arrivals = Arrivals(VISITS[:1], 1, StillClock(), refused.append)
    arrivals.feed()
    assert arrivals.take() == VISITS[0]
    arrivals.leave()
    again = Arrivals(VISITS, 4, StillClock(), refused.append)
    again.feed()
    assert not refused


def test_a_door_that_opens_late_says_how_late() -> None:
    clock = StillClock()
    clock.now_s = 3.5
    arrivals = Arrivals(VISITS, 9, clock, list[Sample]().append)
    arrivals.feed()
    assert arrivals.latest_s == 2.5


def test_people_who_take_turns_rest_in_between_and_stop_when_it_is_over() -> None:
    clock = StillClock(duration_s=3.0)
    turns = Turns(PLAN, clock)
    first = turns.take()
    turns.leave()
    second = turns.take()
    turns.leave()
    assert first is not None
    assert second is not None
    assert (first.number, first.intended_s, second.number, second.intended_s) == (0, 0.0, 1, 2.0)
    assert turns.take() is None
