"""Who goes in next: people who take turns, or arrivals that wait for nobody."""

import itertools
import queue
import random
from collections.abc import Sequence
from typing import Protocol

from ops.load.arrivals import Visit, persona_of
from ops.load.personas import Clock, Recorder
from ops.load.plan import Plan
from ops.load.samples import Entry, Outcome, Sample


class Places(Protocol):
    """Where those who make visits get the next one."""

    def take(self) -> Visit | None:
        """Return the next visit, waiting for it; None when there are no more."""
        ...

    def leave(self) -> None:
        """Say that the visit has ended."""
        ...


class Turns:
    """A closed loop: a fixed number of people, each of whom comes again a while after the last visit.

    Whoever waits for an answer asks nothing else, so a stall of the stack is seen once by each.
    """

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._numbers = itertools.count()
        self._source = random.Random(plan.seed)  # noqa: S311 - a reproducible run, no secret

    def take(self) -> Visit | None:
        """Return a visit that begins now, or None once the run is over."""
        if self._clock.is_over():
            return None
        number = next(self._numbers)
        return Visit(number, persona_of(self._plan.seed, number), self._clock.now())

    def leave(self) -> None:
        """Rest for a while, like before a follow-up."""
        self._clock.wait(self._source.uniform(*self._plan.think_s))


class Arrivals:
    """An open loop: visits begin at their times whatever became of those before.

    At most `places` are inside at once. Who finds no place is counted as not started, at once and in the open.
    """

    def __init__(self, visits: Sequence[Visit], places: int, clock: Clock, record: Recorder) -> None:
        self._visits = visits
        self._places = places
        self._free = places
        self._clock = clock
        self._record = record
        self._waiting: queue.SimpleQueue[Visit | None] = queue.SimpleQueue()
        self.latest_s = 0.0

    def feed(self) -> None:
        """Let the visits in at their times, then close. To be run beside those who take."""
        for visit in self._visits:
            self._clock.wait(max(visit.intended_s - self._clock.now(), 0.0))
            self.latest_s = max(self.latest_s, self._clock.now() - visit.intended_s)
            if self._free:
                self._free -= 1
                self._waiting.put(visit)
            else:
                self._record(Sample(Entry.NOT_STARTED, visit.intended_s, 0.0, Outcome.NOT_STARTED, code="no_place"))
        for _ in range(self._places):
            self._waiting.put(None)

    def take(self) -> Visit | None:
        """Return the next arrival, or None after the last."""
        return self._waiting.get()

    def leave(self) -> None:
        """Give the place back."""
        self._free += 1
