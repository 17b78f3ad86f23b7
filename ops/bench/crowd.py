"""Calls that come to be simulated, how they ended, and what that says of how the slots were given."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.inference.estimates import US_PER_S
from app.inference.slots.lanes import Lane
from ops.bench.figures import percentile


@dataclass(frozen=True, slots=True)
class Job:
    """A call: whose it is, when it comes, how long it keeps a slot, what was expected, how long its client stays."""

    tenant: str
    at_s: float
    takes_s: float
    expected_s: float
    patience_s: float = float("inf")
    lane: Lane = Lane.INTERACTIVE


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended, and when; `took_s` from its coming, `gpu_us` as it was metered.

    One that is refused is so at once, or was told while it waited that its turn will not come (`is_late`).
    """

    job: Job
    ended_s: float
    is_answered: bool = False
    is_refused: bool = False
    gpu_us: int = 0
    is_late: bool = False
    decided_s: float = 0.0
    """How long the queue took to say so, by the real clock."""

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.ended_s - self.job.at_s


@dataclass(frozen=True, slots=True)
class Trace:
    """Makes jobs from one seed. Service times are log-normal, and guessed with an error of the same kind."""

    source: random.Random

    def job(self, tenant: str, at_s: float, mean_s: float, patience_s: float = float("inf")) -> Job:
        """Return a job that takes so long on average."""
        takes_s = min(6 * mean_s, self.source.lognormvariate(0, 0.6) * mean_s / 1.197)
        return Job(tenant, at_s, takes_s, takes_s * self.source.lognormvariate(0, 0.5), patience_s)

    def backlog(self, tenants: Mapping[str, tuple[int, float]]) -> list[Job]:
        """Return tenants that all have come with more than can be done: so many jobs each, of that mean length."""
        jobs = [self.job(name, 0.0, mean_s) for name, (number, mean_s) in tenants.items() for _ in range(number)]
        self.source.shuffle(jobs)
        return jobs

    def arrivals(
        self, tenant: str, per_s: float, for_s: float, mean_s: float, patience_s: float = float("inf")
    ) -> list[Job]:
        """Return jobs that come at random, so many a second."""
        jobs: list[Job] = []
        at_s = self.source.expovariate(per_s)
        while at_s < for_s:
            jobs.append(self.job(tenant, at_s, mean_s, patience_s))
            at_s += self.source.expovariate(per_s)
        return jobs


def jain(values: Sequence[float]) -> float:
    """Return Jain's index: 1 if all have the same, 1/n if one has all (R. Jain et al., DEC-TR-301, 1984)."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))


def gpu_s_until(ends: Sequence[End], until_s: float) -> dict[str, float]:
    """Return the GPU-seconds that each tenant had by then."""
    found = dict.fromkeys((end.job.tenant for end in ends), 0.0)
    for end in ends:
        if end.ended_s <= until_s:
            found[end.job.tenant] += end.gpu_us / US_PER_S
    return found


def first_done_s(ends: Sequence[End]) -> float:
    """Return when the first tenant had nothing left to do: until then all wanted more than they got."""
    last: dict[str, float] = {}
    for end in ends:
        last[end.job.tenant] = max(last.get(end.job.tenant, 0.0), end.ended_s)
    return min(last.values())


def goodput(ends: Sequence[End], from_s: float, to_s: float, *, slots: int) -> float:
    """Return the share of the slots' time in which answers were made that somebody still waited for."""
    made = sum(end.job.takes_s for end in ends if end.is_answered and from_s < end.ended_s <= to_s)
    return made / (slots * (to_s - from_s))


def p99_s(ends: Sequence[End], tenants: str) -> float:
    """Return within how long nearly all answers came of tenants whose name begins so."""
    return percentile([end.took_s for end in ends if end.job.tenant.startswith(tenants) and end.is_answered], 0.99)
