"""Closed and open loops of requests, every answer checked."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ops.bench.checks import Check, verdict
from ops.bench.client import Broken, Connections, Request

LATE_S = 30.0
"""How long answers may still take after the last request was due."""


class RowFailed(Exception):
    """An answer was short, wrong, refused or late, so the row has no figures."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of request to one server, with what its answer must be."""

    connections: Connections
    request: Request
    check: Check


@dataclass(slots=True)
class Seen:
    """What the loop saw, in seconds: `latencies_s` from the send (closed loop) or the intended send time (open)."""

    latencies_s: list[float] = field(default_factory=list[float])
    first_s: list[float] = field(default_factory=list[float])
    wall_s: float = 0.0

    @property
    def requests(self) -> int:
        """How many were answered."""
        return len(self.latencies_s)


async def closed_loop(ask: Ask, *, concurrency: int, duration_s: float) -> Seen:
    """Have `concurrency` askers ask one request after the other; those begun in time are waited for.

    It shows capacity, not waiting: it asks less while the server stalls. Raises RowFailed.
    """
    seen = Seen()
    started = time.perf_counter()
    until = started + duration_s

    async def asker() -> None:
        while time.perf_counter() < until:
            await _once(ask, seen)

    async with _together(duration_s) as group:
        for _ in range(concurrency):
            group.create_task(asker())
    seen.wall_s = time.perf_counter() - started
    return seen


async def open_loop(ask: Ask, *, rate_per_s: float, duration_s: float, source: random.Random) -> Seen:
    """Send at Poisson times whatever the answers do; latencies count from the intended time. Raises RowFailed."""
    seen = Seen()
    started = time.perf_counter()
    async with _together(duration_s) as group:
        for after_s in poisson(rate_per_s, duration_s, source):
            await asyncio.sleep(max(0.0, started + after_s - time.perf_counter()))
            group.create_task(_once(ask, seen, intended_at=started + after_s))
    seen.wall_s = time.perf_counter() - started
    return seen


def poisson(rate_per_s: float, duration_s: float, source: random.Random) -> list[float]:
    """Return the arrival times of a Poisson process, in seconds from its start."""
    times: list[float] = []
    at = source.expovariate(rate_per_s)
    while at < duration_s:
        times.append(at)
        at += source.expovariate(rate_per_s)
    return times


async def _once(ask: Ask, seen: Seen, intended_at: float | None = None) -> None:
    try:
        reply = await ask.connections.ask(ask.request)
    except (Broken, OSError) as error:
        raise RowFailed(str(error)) from error
    wrong = verdict(ask.check, reply)
    if wrong is not None:
        raise RowFailed(wrong)
    since = reply.sent_at if intended_at is None else intended_at
    seen.latencies_s.append(reply.ended_at - since)
    if reply.first_at:
        seen.first_s.append(reply.first_at - since)


@asynccontextmanager
async def _together(duration_s: float) -> AsyncGenerator[asyncio.TaskGroup]:
    """Wait for all tasks of the group; the first failure ends the rest."""
    try:
        async with asyncio.timeout(duration_s + LATE_S), asyncio.TaskGroup() as group:
            yield group
    except* RowFailed as failures:
        raise RowFailed(_first(failures)) from failures
    except* TimeoutError as late:
        raise RowFailed(f"answers were missing {LATE_S:.0f} s after the last request") from late


def _first(failures: ExceptionGroup[RowFailed]) -> str:
    return str(failures.exceptions[0])
