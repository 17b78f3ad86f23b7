"""Where each promise stands: decided from its tests and their last results."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.requirements.marked import MarkedTest
from ops.requirements.promises import Promise
from ops.requirements.results import Outcome, Result


class State(StrEnum):
    """Where a promise stands."""

    HELD = "held"
    """Tests hold all of it."""
    PART = "part"
    """Tests hold a part of it; what is left is said."""
    OPEN = "open"
    """No test holds anything of it."""
    BROKEN = "broken"
    """A test of it failed when it was last run."""
    DECLINED = "declined"
    """It is not going to be built; a decision says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A promise with its state, its tests by name, and the last results of those that were run."""

    promise: Promise
    state: State
    tests: tuple[MarkedTest, ...]
    results: Mapping[str, Result]


def state_of(promise: Promise, tests: Sequence[MarkedTest], results: Mapping[str, Result]) -> State:
    """Return the state of a promise whose tests are `tests`: a failure outweighs everything but a refusal to build."""
    if promise.is_declined:
        return State.DECLINED
    if not tests:
        return State.OPEN
    if any(test.name in results and results[test.name].outcome is Outcome.FAILED for test in tests):
        return State.BROKEN
    return State.PART if promise.left else State.HELD


def standings(
    promises: Iterable[Promise], tests: Sequence[MarkedTest], results: Mapping[str, Result]
) -> tuple[Standing, ...]:
    """Return the standing of every promise, in their order."""
    found: list[Standing] = []
    for promise in promises:
        own = tuple(test for test in tests if promise.id in test.ids)
        last = {test.name: results[test.name] for test in own if test.name in results}
        found.append(Standing(promise, state_of(promise, own, last), own, last))
    return tuple(found)


def claim_faults(promises: Sequence[Promise], tests: Iterable[MarkedTest]) -> list[str]:
    """Return the markers that name no promise, or one that is declined as a whole."""
    known = {promise.id: promise for promise in promises}
    found: list[str] = []
    for test in tests:
        for name in test.ids:
            if name not in known:
                found.append(f"{test.name} names {name}, which is no promise")
            elif known[name].is_declined:
                found.append(f"{test.name} claims {name}, which is declined")
    return found


def result_faults(tests: Iterable[MarkedTest], results: Iterable[str]) -> list[str]:
    """Return the results of tests that are not there."""
    known = {test.name for test in tests}
    return [f"{name} has a result and is no marked test" for name in results if name not in known]


def counts(found: Iterable[Standing]) -> Counter[State]:
    """Return how many promises are in each state."""
    return Counter(standing.state for standing in found)
