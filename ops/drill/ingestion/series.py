"""Every place of an ingestion, and moments drawn by a seed, each under its signals."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ops.drill.holds import Moment, Place
from ops.drill.ingestion.drill import After, Case, Drill, Signal, Struck
from ops.drill.ingestion.places import NAMES
from ops.drill.target import DrillFailed

FAILURES_AT_MOST = 8
TRIES = 6
SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Done:
    """A case and how it came out; `too_late` is how often all had ended before the blow."""

    case: Case
    struck: Struck | None
    failure: str = ""
    too_late: int = 0


def boundaries(rng: random.Random) -> list[Case]:
    """Return every place under kill -9, and under SIGSTOP one of its two moments, which is drawn."""
    killed = [Case(Signal.KILLED, Place(moment, name), rng.randrange(SEEDS)) for name in NAMES for moment in Moment]
    frozen = [Case(Signal.FROZEN, Place(rng.choice(list(Moment)), name), rng.randrange(SEEDS)) for name in NAMES]
    return killed + frozen


def moments(rng: random.Random, count: int, duration_s: float) -> list[Case]:
    """Return so many kills, each at a drawn moment of an ingestion that takes so long undisturbed."""
    return [Case(Signal.KILLED, After(rng.uniform(0.0, duration_s)), rng.randrange(SEEDS)) for _ in range(count)]


def strike(drill: Drill, case: Case) -> Done:
    """Do a case until its blow was in time: of one that comes too late the wait is halved. Raises DrillFailed."""
    for too_late in range(TRIES):
        struck = drill.strike(case)
        if struck is not None:
            return Done(case, struck, too_late=too_late)
        if isinstance(case.where, After):
            case = replace(case, where=After(case.where.wait_s / 2), seed=case.seed + 1)
    raise DrillFailed(f"all had ended before the blow, {TRIES} times")


def run(drill: Drill, cases: Sequence[Case], tell: Callable[[str], None]) -> list[Done]:
    """Do every case; a few failures end it."""
    done = list[Done]()
    for number, case in enumerate(cases, 1):
        began = time.monotonic()
        try:
            done.append(strike(drill, case))
        except DrillFailed as failure:
            done.append(Done(case, None, str(failure)))
            tell(f"FAILED: {case}: {failure}")
        tell(f"{number} of {len(cases)}: {done[-1].case}: {time.monotonic() - began:.1f} s, {done[-1].struck}")
        if sum(1 for one in done if one.failure) >= FAILURES_AT_MOST:
            break
    return done
