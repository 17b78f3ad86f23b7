"""Measured points, and the rounds that make them: one path after the other, in a new order each time."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TypeVar

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
PEERS_LIMIT_S = 240.0
"""For all points of all peers together."""

T = TypeVar("T")


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


class Rounds:
    """All rows in turn. A peer whose row fails, or that takes too long in all, is left out from then on: `lost`."""

    def __init__(
        self, sides: Sequence[Side], plan: Plan, *, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._sides = list(sides)
        self._plan = plan
        self._clock = clock
        self._source = random.Random(plan.seed)  # noqa: S311 - orders and arrivals, not secrets
        self._peers_s = 0.0
        self.lost: dict[str, str] = {}

    async def measure(self) -> list[Point]:
        """Return every point of closed and open loops, without those of lost peers.

        Raises Unmeasured at the first answer of another path that is short or wrong.
        """
        await self._warm_up()
        points: list[Point] = []
        for mode in Mode:
            for concurrency in (*self._plan.concurrencies, 0):
                for number in range(self._plan.rounds):
                    points += await self._round(mode, concurrency, number)
        return [point for point in points if point.side not in self.lost]

    async def _warm_up(self) -> None:
        for side in tuple(self._sides):
            for mode, ask in side.asks.items():
                loop = closed_loop(ask, concurrency=WARM_CONCURRENCY, duration_s=WARM_REQUESTS_S)
                if not await self._taken(side, _guarded(side, mode, loop)):
                    break

    async def _round(self, mode: Mode, concurrency: int, number: int) -> list[Point]:
        points: list[Point] = []
        for side in self._source.sample(self._sides, len(self._sides)):
            if side.name not in self.lost:
                points += await self._taken(side, _point(side, mode, concurrency, number, self._plan, self._source))
        return points

    async def _taken(self, side: Side, work: Coroutine[object, object, T]) -> list[T]:
        """Return what the work gave; nothing when it cost a peer its rows."""
        started = self._clock()
        try:
            return [await work]
        except Unmeasured as error:
            if not side.is_peer:
                raise
            self._lose(side, str(error))
            return []
        finally:
            if side.is_peer:
                self._spend(self._clock() - started)

    def _spend(self, taken_s: float) -> None:
        self._peers_s += taken_s
        if self._peers_s > PEERS_LIMIT_S:
            for side in [side for side in self._sides if side.is_peer]:
                self._lose(side, f"the peers' rows took longer than {PEERS_LIMIT_S:.0f} s")

    def _lose(self, side: Side, why: str) -> None:
        self.lost.setdefault(side.name, why)
        self._sides = [other for other in self._sides if other.name != side.name]


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
