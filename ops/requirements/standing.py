"""Where each promise stands: decided from its clauses, their tests, the last results and the breaks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ops.breaks.listed import Break, function_of
from ops.requirements.marked import MarkedTest
from ops.requirements.promises import Clause, Promise
from ops.requirements.results import Outcome, Result, against


class State(StrEnum):
    """Where a promise or a clause stands."""

    HELD = "held"
    """A test that passed holds it, and a break shows that the test would notice."""
    ON_DOUBLES = "on doubles"
    """Held, but only ever against a double of the server that it is about."""
    UNPROVEN = "unproven"
    """It has a test, but no break shows that the test would notice, or the test never passed."""
    PART = "part"
    """Some of it has a test, some has none, or it is not split into clauses yet."""
    OPEN = "open"
    """It has no test."""
    BROKEN = "broken"
    """A test of it failed when it was last run."""
    DECLINED = "declined"
    """It is not going to be built; a decision says why."""


@dataclass(frozen=True, slots=True)
class Known:
    """What states are decided from: the marked tests, their last results by name, and the breaks."""

    tests: Sequence[MarkedTest]
    results: Mapping[str, Result] = field(default_factory=dict[str, Result])
    breaks: Sequence[Break] = ()


@dataclass(frozen=True, slots=True)
class ClauseStanding:
    """A clause with its state, its tests, their last results by name, and the breaks that prove it."""

    name: str
    clause: Clause
    state: State
    tests: tuple[MarkedTest, ...]
    results: Mapping[str, Result]
    breaks: tuple[Break, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A promise with its state and its clauses; `tests` and `results` are those of one that is not split yet."""

    promise: Promise
    state: State
    tests: tuple[MarkedTest, ...]
    results: Mapping[str, Result]
    clauses: tuple[ClauseStanding, ...] = ()


def standings(promises: Iterable[Promise], known: Known) -> tuple[Standing, ...]:
    """Return the standing of every promise, in their order."""
    return tuple(_standing(promise, known) for promise in promises)


def _standing(promise: Promise, known: Known) -> Standing:
    clauses = tuple(_clause_standing(promise.name_of(clause), clause, known) for clause in promise.clause)
    tests, last = _own(promise.id, known)
    if promise.is_declined:
        state = State.DECLINED
    elif clauses:
        state = whole_of([clause.state for clause in clauses])
    else:
        state = unsplit_state(tests, last)
    return Standing(promise, state, tests, last, clauses)


def _clause_standing(name: str, clause: Clause, known: Known) -> ClauseStanding:
    tests, last = _own(name, known)
    breaks = tuple(one for one in known.breaks if name in one.clauses and _cites(one, tests))
    return ClauseStanding(name, clause, clause_state(clause, tests, last, is_proved=bool(breaks)), tests, last, breaks)


def _own(name: str, known: Known) -> tuple[tuple[MarkedTest, ...], dict[str, Result]]:
    """Return the tests that claim a name, and their last results, those against real servers too."""
    tests = tuple(test for test in known.tests if name in test.ids)
    names = {test.name for test in tests}
    return tests, {key: result for key, result in known.results.items() if against(key)[0] in names}


def clause_state(clause: Clause, tests: Sequence[MarkedTest], last: Mapping[str, Result], *, is_proved: bool) -> State:
    """Return the state of a clause: a failure outweighs everything but a refusal to build."""
    if clause.adr:
        return State.DECLINED
    if not tests:
        return State.OPEN
    passed = {against(key) for key, result in last.items() if result.outcome is Outcome.PASSED}
    if _is_broken(last):
        return State.BROKEN
    if not is_proved or not passed:
        return State.UNPROVEN
    if clause.server and clause.server not in {server for _, server in passed}:
        return State.ON_DOUBLES
    return State.HELD


def unsplit_state(tests: Sequence[MarkedTest], last: Mapping[str, Result]) -> State:
    """Return the state of a promise without clauses: nothing says that its tests hold all of it."""
    if not tests:
        return State.OPEN
    return State.BROKEN if _is_broken(last) else State.PART


def whole_of(states: Sequence[State]) -> State:
    """Return the state of a promise whose clauses are in `states`: that of the weakest, if all have a test."""
    left = [state for state in states if state is not State.DECLINED]
    if not left:
        return State.DECLINED
    if State.BROKEN in left:
        return State.BROKEN
    if State.OPEN in left:
        return State.OPEN if set(left) == {State.OPEN} else State.PART
    return next(state for state in (State.UNPROVEN, State.ON_DOUBLES, State.HELD) if state in left)


def _is_broken(last: Mapping[str, Result]) -> bool:
    return any(result.outcome is Outcome.FAILED for result in last.values())


def _cites(one: Break, tests: Iterable[MarkedTest]) -> bool:
    return not {function_of(test.name) for test in tests}.isdisjoint(one.tests)


def claim_faults(promises: Sequence[Promise], tests: Iterable[MarkedTest]) -> list[str]:
    """Return the markers that name no promise or clause, a declined one, or a promise instead of its clause."""
    wrong = _not_to_be_claimed(promises)
    known = {promise.id for promise in promises} | {p.name_of(clause) for p in promises for clause in p.clause}
    found: list[str] = []
    for test in tests:
        for name in test.ids:
            if name not in known:
                found.append(f"{test.name} names {name}, which is no promise or clause")
            elif name in wrong:
                found.append(f"{test.name} claims {name}, which {wrong[name]}")
    return found


def _not_to_be_claimed(promises: Iterable[Promise]) -> dict[str, str]:
    found: dict[str, str] = {}
    for promise in promises:
        if promise.is_declined:
            found[promise.id] = "is declined"
        elif promise.clause:
            found[promise.id] = "is split: name a clause of it"
        found |= {promise.name_of(clause): "is declined" for clause in promise.clause if clause.adr}
    return found


def proof_faults(tests: Sequence[MarkedTest], breaks: Iterable[Break]) -> list[str]:
    """Return the breaks that name a clause which none of their tests claims."""
    found: list[str] = []
    for one in breaks:
        claimed = {name for test in tests if function_of(test.name) in one.tests for name in test.ids}
        found += [f"{one.name}: none of its tests claims {name}" for name in one.clauses if name not in claimed]
    return found


def result_faults(tests: Iterable[MarkedTest], results: Iterable[str]) -> list[str]:
    """Return the results of tests that are not there."""
    known = {test.name for test in tests}
    return [f"{name} has a result and is no marked test" for name in results if against(name)[0] not in known]


def counts(found: Iterable[Standing | ClauseStanding]) -> Counter[State]:
    """Return how many promises, or clauses, are in each state."""
    return Counter(standing.state for standing in found)
