"""Measured points, and the rounds that make them: one path after the other, in a new order each time."""

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence

import msgspec

from ops.bench import cpu
from ops.bench.figures import percentile
from ops.bench.load import Ask, RowFailed, Seen, closed_loop, open_loop
from ops.bench.plan import Plan
from ops.bench.sides import Mode, Side

CALM_S = 0.05
"""A pause before each point, in which what the last one left behind (ends of runs, log lines) is done."""

WARM_REQUESTS_S = 0.4
WARM_CONCURRENCY = 16


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One path for a moment. `concurrency` 0 is the open loop. CPU in seconds a thousand requests, by process tree."""

    side: str
    mode: Mode
    concurrency: int
    round: int
    requests: int
    per_s: float
    p50_s: float
    p99_s: float
    first_p50_s: float
    cpu_s: Mapping[str, float]


class Unmeasured(Exception):
    """A row failed: which, and why. No report is written then."""


async def measure(sides: Sequence[Side], plan: Plan) -> list[Point]:
    """Return every point of closed and open loops. Raises Unmeasured at the first answer that is short or wrong."""
    source = random.Random(plan.seed)  # noqa: S311 - orders and arrivals, not secrets
    for side in sides:
        for mode, ask in side.asks.items():
            await _guarded(side, mode, closed_loop(ask, concurrency=WARM_CONCURRENCY, duration_s=WARM_REQUESTS_S))
    points: list[Point] = []
    for mode in Mode:
        for concurrency in (*plan.concurrencies, 0):
            for number in range(plan.rounds):
                turns = source.sample(list(sides), len(sides))
                points += [await _point(side, mode, concurrency, number, plan, source) for side in turns]
    return points


async def _point(
    side: Side, mode: Mode, concurrency: int, number: int, plan: Plan, source: random.Random
) -> Point:  # fmt: skip
    await asyncio.sleep(CALM_S)
    before = _used(side)
    seen = await _guarded(side, mode, _loop(side.asks[mode], concurrency, plan, source))
    after = _used(side)
    return Point(
        side=side.name,
        mode=mode,
        concurrency=concurrency,
        round=number,
        requests=seen.requests,
        per_s=seen.requests / seen.wall_s,
        p50_s=percentile(seen.latencies_s, 0.5),
        p99_s=percentile(seen.latencies_s, 0.99),
        first_p50_s=percentile(seen.first_s, 0.5),
        cpu_s={name: (after[name] - before[name]) * 1000 / seen.requests for name in before},
    )


async def _loop(ask: Ask, concurrency: int, plan: Plan, source: random.Random) -> Seen:
    if concurrency:
        return await closed_loop(ask, concurrency=concurrency, duration_s=plan.point_s)
    return await open_loop(ask, rate_per_s=plan.open_rate_per_s, duration_s=plan.open_s, source=source)


def _used(side: Side) -> dict[str, float]:
    return {name: cpu.tree_s(pid) for name, pid in side.trees.items()}


async def _guarded(side: Side, mode: Mode, loop: Coroutine[object, object, Seen]) -> Seen:
    try:
        seen = await loop
    except RowFailed as error:
        raise Unmeasured(f"{side.name}, {mode}: {error}") from error
    if not seen.requests or len(seen.first_s) < seen.requests:
        raise Unmeasured(f"{side.name}, {mode}: no answer, or one without a first token")
    return seen
