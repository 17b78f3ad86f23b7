"""When something that fails is left alone, and when it is tried again."""

import pytest

from app.breaker import CALLS_KEPT, REST_S, Breaker, BreakerState


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def test_a_breaker_that_stays_open_remembers_the_last_calls_only(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10)
    for number in range(CALLS_KEPT + 1):
        breaker.fail(f"call {number}")
    clock.now_s += 10
    for call, state in ((f"call {CALLS_KEPT}", BreakerState.HALF_OPEN), ("call 0", BreakerState.OPEN)):
        breaker.start()
        breaker.fail(call)
        assert breaker.state is state, call


def test_a_breaker_opens_after_distinct_failures_in_a_row_only(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=3, open_for_s=10)
    for number in range(5):
        breaker.fail(f"a{number}")
        breaker.fail(f"b{number}")
        assert breaker.state is BreakerState.CLOSED
        breaker.succeed()
    for call in "abc":
        breaker.fail(call)
    assert breaker.state is BreakerState.OPEN


def test_a_trial_by_what_failed_before_proves_nothing_and_the_next_call_is_the_trial(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10)
    breaker.fail("poison")
    clock.now_s += 10
    breaker.start()
    breaker.fail("poison")
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.start()
    breaker.fail("another")
    assert breaker.state is BreakerState.OPEN


def test_half_open_lets_one_trial_through_and_its_end_decides(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10)
    breaker.fail("a")
    clock.now_s += 10
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.start()
    assert breaker.state is BreakerState.OPEN
    breaker.fail("b")
    assert breaker.state is BreakerState.OPEN
    clock.now_s += 10
    breaker.start()
    breaker.succeed()
    assert breaker.state is BreakerState.CLOSED


def test_a_trial_that_never_reports_does_not_block_the_next(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10)
    breaker.fail("a")
    clock.now_s += 10
    breaker.start()
    clock.now_s += 10
    assert breaker.state is BreakerState.HALF_OPEN


def test_calls_without_an_identity_are_each_another(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=3, open_for_s=10)
    seen: list[BreakerState] = []
    for _ in range(3):
        breaker.fail()
        seen.append(breaker.state)
    clock.now_s += 10
    breaker.start()
    breaker.fail()
    clock.now_s += 9
    assert [*seen, breaker.state] == [BreakerState.CLOSED, BreakerState.CLOSED, BreakerState.OPEN, BreakerState.OPEN]
    clock.now_s += 1
    assert breaker.state is BreakerState.HALF_OPEN


def test_each_trial_that_fails_keeps_it_open_twice_as_long_up_to_a_limit(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10, longest_s=35)
    waited: list[float] = []
    for _ in range(4):
        breaker.start()
        breaker.fail()
        # One that was under way when it opened lengthens nothing.
        breaker.fail()
        waited.append(breaker.reopens_in_s)
        clock.now_s += waited[-1] - 1
        assert breaker.state is BreakerState.OPEN
        clock.now_s += 1
        assert breaker.state is BreakerState.HALF_OPEN
    assert (waited, breaker.reopens_in_s) == ([10, 20, 35, 35], 0.0)


@pytest.mark.parametrize(("closed_s", "again_s"), [(19, 40), (20, 10)])
def test_how_long_it_was_open_is_forgotten_when_it_has_been_closed_for_as_long(
    clock: Clock, closed_s: float, again_s: float
) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10, longest_s=300)
    for _ in range(2):
        breaker.start()
        breaker.fail()
        clock.now_s += breaker.reopens_in_s
    breaker.start()
    breaker.succeed()
    clock.now_s += closed_s
    breaker.start()
    breaker.fail()
    assert breaker.reopens_in_s == again_s


def test_what_nothing_can_stand_in_for_rests_a_second_after_each_failure_and_each_try(clock: Clock) -> None:
    breaker = Breaker(clock=clock, failures=1, open_for_s=10)
    assert not breaker.is_resting
    breaker.fail()
    seen: list[bool] = []
    for _ in range(2):
        clock.now_s += REST_S - 0.1
        seen.append(breaker.is_resting)
        clock.now_s += 0.1
        seen.append(breaker.is_resting)
        breaker.start()
    assert seen == [True, False, True, False]
    breaker.succeed()
    assert not breaker.is_resting
