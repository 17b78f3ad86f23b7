"""Every place of every scenario, and moments drawn by a seed, each under every signal."""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ops.drill.holds import Moment, Place
from ops.drill.steps.drill import After, Blow, Drill, Signal, Spoken, Struck, Where
from ops.drill.steps.record import Record
from ops.drill.steps.scenarios import SCENARIOS, Scenario
from ops.drill.target import DrillFailed

AGAIN = 0.25
"""So often a random blow is followed by one for whoever took the run over."""
AGAIN_S = 4.0
PATIENT = 0.5
"""So often a client stays with the replica that is frozen."""
HALF_TOKENS = 12
"""So many tokens are in the middle of an answer."""
FAILURES_AT_MOST = 8
TRIES = 6


@dataclass(frozen=True, slots=True)
class Case:
    """What is done to one run."""

    scenario: Scenario
    blows: tuple[Blow, ...]
    is_patient: bool = False

    def __str__(self) -> str:
        blows = ", then ".join(f"{blow.signal} {blow.where}" for blow in self.blows)
        return f"{self.scenario.name}: {blows}{', the client stays' if self.is_patient else ''}"


@dataclass(frozen=True, slots=True)
class Done:
    """A case and how it came out."""

    case: Case
    struck: Struck | None
    failure: str = ""
    too_late: int = 0
    """How often the run had ended before the blow, and was asked again."""


def places(scenario: Scenario, undisturbed: Record) -> Iterator[Where]:
    """Yield every place at which a run of the scenario can be held: before and after whatever it stores, in each call.

    What the person's answer becomes is written by the replica that takes it, before the run is. A task begins where a
    worker makes it its own.
    """
    waits = ("waiting", "resumed") if scenario.answer else ()
    begins = ("resumed",) if scenario.is_task else ()
    for name in ("accepted", *begins, *(key for key, _ in undisturbed.effects), *waits, "done"):
        for moment in Moment:
            yield Place(moment, name)
    kinds = [kind for kind, _, _ in undisturbed.calls]
    for number, kind in enumerate(kinds):
        yield Spoken(kind, kinds[:number].count(kind), 0)
    if "chat" in kinds:
        yield Spoken("chat", kinds.count("chat") - 1, HALF_TOKENS)


def boundaries(records: Mapping[Scenario, Record], rng: random.Random) -> list[Case]:
    """Return every place of every scenario under kill -9 and under SIGSTOP; whether it is woken late is drawn."""
    cases = list[Case]()
    for scenario, record in records.items():
        for where in places(scenario, record):
            cases.append(Case(scenario, (Blow(Signal.KILLED, where),)))
            frozen = rng.choice((Signal.FROZEN, Signal.FROZEN_LONG))
            cases.append(Case(scenario, (Blow(frozen, where),), _stays(rng, frozen, where)))
    return cases


def moments(durations: Mapping[Scenario, float], rng: random.Random, count: int) -> list[Case]:
    """Return so many drawn cases: a scenario, a signal, a moment of its time, sometimes a second blow."""
    cases = list[Case]()
    for scenario in itertools.islice(itertools.cycle(durations), count):
        where = After(rng.uniform(0.0, durations[scenario]))
        signal = rng.choice((Signal.KILLED, Signal.KILLED, Signal.FROZEN, Signal.FROZEN_LONG))
        blows = [Blow(signal, where)]
        if rng.random() < AGAIN:
            blows.append(Blow(rng.choice((Signal.KILLED, Signal.FROZEN)), After(rng.uniform(0.0, AGAIN_S))))
        cases.append(Case(scenario, tuple(blows), _stays(rng, signal, where)))
    return cases


def _stays(rng: random.Random, signal: Signal, where: Where) -> bool:
    """Whether the client stays: not with one that wakes only when the client has its end, or has not taken the run."""
    is_possible = signal is Signal.FROZEN and not (isinstance(where, Place) and where.name in {"accepted", "resumed"})
    return rng.random() < PATIENT and is_possible


def records_of(
    drill: Drill, scenarios: Sequence[Scenario] = SCENARIOS
) -> tuple[dict[Scenario, Record], dict[Scenario, float]]:
    """Return the undisturbed run of every scenario, and how long its client had to wait for its end."""
    records, durations = dict[Scenario, Record](), dict[Scenario, float]()
    for scenario in scenarios:
        records[scenario], durations[scenario] = drill.undisturbed(scenario)
    return records, durations


def strike(drill: Drill, records: Mapping[Scenario, Record], case: Case) -> Done:
    """Do a case until its blow was in time: of one that comes too late the wait is halved. Raises DrillFailed."""
    for too_late in range(TRIES):
        struck = drill.strike(case.scenario, records[case.scenario], case.blows, is_patient=case.is_patient)
        if struck.whom:
            return Done(case, struck, too_late=too_late)
        case = _earlier(case)
    raise DrillFailed(f"the run had ended before the blow, {TRIES} times")


def _earlier(case: Case) -> Case:
    first, *others = case.blows
    if isinstance(first.where, After):
        first = Blow(first.signal, After(first.where.wait_s / 2))
    return replace(case, blows=(first, *others))


def run(
    drill: Drill, records: Mapping[Scenario, Record], cases: Sequence[Case], tell: Callable[[str], None]
) -> list[Done]:
    """Do every case; a few failures end it."""
    done = list[Done]()
    for number, case in enumerate(cases, 1):
        began = time.monotonic()
        try:
            done.append(strike(drill, records, case))
        except DrillFailed as failure:
            done.append(Done(case, None, str(failure)))
            tell(f"FAILED: {case}: {failure}")
        tell(f"{number} of {len(cases)}: {done[-1].case}: {time.monotonic() - began:.1f} s, {done[-1].struck}")
        if sum(1 for one in done if one.failure) >= FAILURES_AT_MOST:
            break
    return done
