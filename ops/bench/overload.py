"""Too much work for the slots, live: two replicas over the scriptable nodes, beside the nodes alone and LiteLLM."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.bench.crowd import Job, Trace, first_done_s, goodput, gpu_s_until, jain, p99_s
from ops.bench.crowded import ALL_SLOTS, HEAVY, LIGHT, TENANTS, TOKENS_PER_S, Door, tokens_of
from ops.bench.figures import percentile
from ops.bench.plan import Sizes
from ops.bench.playing import Played, empty, play
from ops.bench.turns import busy

CALL_S, PATIENCE_S = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How long things last, in seconds, and how much comes; `overloads` as (times, learnt after, until)."""

    rounds: int
    overloads: tuple[tuple[int, float, float], ...]
    heavy_jobs: int
    light_jobs: int
    beside_s: float
    one_jobs: int


EXTENTS = {
    Sizes.FULL: Extent(
        rounds=2, overloads=((2, 4.0, 12.0), (10, 3.0, 8.0)), heavy_jobs=40, light_jobs=22, beside_s=12.0, one_jobs=60
    ),
    Sizes.QUICK: Extent(rounds=1, overloads=((10, 3.0, 7.0),), heavy_jobs=12, light_jobs=6, beside_s=4.0, one_jobs=24),
    Sizes.SMOKE: Extent(rounds=1, overloads=((10, 0.1, 0.4),), heavy_jobs=2, light_jobs=1, beside_s=0.5, one_jobs=8),
}


@dataclass(frozen=True, slots=True)
class Came:
    """What came of so many times too much work in one round, as shares of all that came: `refused` at once, `late`
    while they waited, `faults` that are neither a whole answer nor a refusal.

    `cpu_ms` is the CPU time of the way's own processes for each call that came, whatever became of it.
    """

    times: int
    goodput: float
    refused: float
    late: float
    refusal_p50_s: float
    refusal_p99_s: float
    cpu_ms: float
    faults: float


@dataclass(frozen=True, slots=True)
class Turns:
    """Who got what on one way: as `Share` of the simulation, in real time."""

    jain: float
    beside: float
    alone: float


@dataclass(frozen=True, slots=True)
class Lived:
    """All that was measured of one way."""

    name: str
    turns: Turns
    came: tuple[Came, ...]

    def of(self, times: int) -> list[Came]:
        """Return the rounds of so many times too much."""
        return [one for one in self.came if one.times == times]


async def live(doors: Sequence[Door], extent: Extent, seed: int) -> list[Lived]:
    """Return what each way made of the same jobs, one way after the other in each round.

    The last of the doors is the way to the nodes alone.
    """
    came: dict[str, list[Came]] = {door.name: [] for door in doors}
    # What an answer takes is learnt first, on every way alike.
    for door in doors:
        await play(door, _trace(seed).backlog({HEAVY: (extent.one_jobs, CALL_S)}))
    capacity = await measured_capacity(doors[-1], extent, seed)
    # Before clients leave: it is remembered of a tenant that its clients do.
    turns: dict[str, Turns] = {}
    for door in doors:
        turns[door.name] = await _turns(door, extent, seed, capacity)
        await empty(doors[-1], doors)
    for number in range(extent.rounds):
        for overload in extent.overloads:
            for door in doors:
                came[door.name].append(await _overloaded(door, overload, seed + number, capacity))
                await empty(doors[-1], doors)
    return [Lived(door.name, turns[door.name], tuple(came[door.name])) for door in doors]


async def measured_capacity(door: Door, extent: Extent, seed: int) -> float:
    """Return the share of their nominal speed at which the nodes' slots really work, all of them busy."""
    return busy((await play(door, as_played(_trace(seed).backlog({HEAVY: (extent.one_jobs, CALL_S)})))).ends, ALL_SLOTS)


def as_played(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs with the time that their whole number of words takes."""
    return [replace(job, takes_s=tokens_of(job) / TOKENS_PER_S) for job in jobs]


def _trace(seed: int) -> Trace:
    return Trace(random.Random(seed))  # noqa: S311 - arrivals, not secrets


async def _overloaded(door: Door, overload: tuple[int, float, float], seed: int, capacity: float) -> Came:
    times, learnt_s, until_s = overload
    per_s, trace = ALL_SLOTS / CALL_S * times / len(TENANTS), _trace(seed)
    jobs = [job for name in TENANTS for job in trace.arrivals(name, per_s, until_s, CALL_S, patience_s=PATIENCE_S)]
    played = await play(door, as_played(jobs))
    await asyncio.sleep(PATIENCE_S / 2)
    return came_of(times, played, learnt_s, until_s, capacity)


def came_of(times: int, played: Played, learnt_s: float, until_s: float, capacity: float) -> Came:
    """Return the figures of a round; refusals that came while it was still learnt who leaves count too."""
    refusals_s, all_of = played.refusals_s, len(played.ends)
    p50_s, p99_s = (percentile(refusals_s, share) if refusals_s else float("nan") for share in (0.5, 0.99))
    return Came(
        times=times,
        goodput=goodput(played.ends, learnt_s, until_s, slots=ALL_SLOTS) / capacity,
        refused=len(refusals_s) / all_of,
        late=sum(end.is_late for end in played.ends) / all_of,
        refusal_p50_s=p50_s,
        refusal_p99_s=p99_s,
        cpu_ms=sum(played.cpu_s.values()) * 1000 / all_of if played.cpu_s else float("nan"),
        faults=played.faults.total() / all_of,
    )


async def _turns(door: Door, extent: Extent, seed: int, capacity: float) -> Turns:
    trace = _trace(seed)
    wanted = {HEAVY: (extent.heavy_jobs, 2 * CALL_S)} | dict.fromkeys(LIGHT, (extent.light_jobs, CALL_S))
    crowd = (await play(door, as_played(trace.backlog(wanted)))).ends
    light = [job for name in LIGHT for job in trace.arrivals(name, 0.6, extent.beside_s, CALL_S)]
    heavy = [trace.job(HEAVY, number * 0.15, 3 * CALL_S) for number in range(round(extent.beside_s / 0.15))]
    alone, beside = [(await play(door, as_played(jobs))).ends for jobs in (light, light + heavy)]
    one = (await play(door, as_played(trace.backlog({HEAVY: (extent.one_jobs, CALL_S)})))).ends
    return Turns(
        jain=jain(list(gpu_s_until(crowd, first_done_s(crowd)).values())),
        beside=p99_s(beside, "light") / p99_s(alone, "light"),
        alone=busy(one, ALL_SLOTS) / capacity,
    )
