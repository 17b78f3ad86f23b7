"""What it takes to say no: calls of a tenant that has as many waiting as it may are refused one after the other."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ops.bench.client import Broken
from ops.bench.crowd import Job
from ops.bench.crowded import ALL_SLOTS, MOST_TOKENS, TOKENS_PER_S, WAITING, Door
from ops.bench.figures import percentile
from ops.bench.playing import REFUSED, play, used
from ops.bench.points import Unmeasured

CROWD = ALL_SLOTS + 160
"""Calls of the tenant that run and wait: more than one tenant may have (`TENANT_PLACES`)."""
CONCURRENCIES = (1, 16)
FILL_S, IDLE_S = 4.0, 0.3
LEAVE_S, ENOUGH_S = 24.0, 16.0
"""When whoever still waits leaves, before the answers that take the slots end; no round begins so late."""


@dataclass(frozen=True, slots=True)
class Refusing:
    """A round of refusals: times in seconds, CPU in seconds a thousand refusals, by process tree."""

    at_once: int
    requests: int
    p50_s: float
    p99_s: float
    cpu_s: dict[str, float]


async def refusals(door: Door, *, rounds: int, point_s: float) -> list[Refusing]:
    """Return the rounds, as many as are done before a waiting call is served. Raises Unmeasured for an answer."""
    long = Job(WAITING, 0.0, MOST_TOKENS / TOKENS_PER_S, 1.0, patience_s=LEAVE_S)
    crowding, began = asyncio.create_task(play(door, [long] * CROWD)), time.perf_counter()
    found: list[Refusing] = []
    try:
        await asyncio.sleep(FILL_S)
        for number in range(rounds):
            source = random.Random(number)  # noqa: S311 - an order, no secret
            found += [await _point(door, at_once, point_s, source) for at_once in CONCURRENCIES]
            if time.perf_counter() - began > ENOUGH_S:
                break
    finally:
        crowding.cancel()
        await asyncio.gather(crowding, return_exceptions=True)
    return found


async def _point(door: Door, at_once: int, point_s: float, source: random.Random) -> Refusing:
    """Measure one round, less what the calls that are under way cost meanwhile."""
    first, began = used(door), time.perf_counter()
    await asyncio.sleep(IDLE_S)
    before, idle_s = used(door), time.perf_counter() - began
    taken_s: list[float] = []
    started = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_ask_on(door, started + point_s, taken_s, source))
    except* Unmeasured as failures:
        raise Unmeasured(str(failures.exceptions[0])) from failures
    wall_s = time.perf_counter() - started
    after = used(door)
    cost = {
        name: max(0.0, after[name] - before[name] - (before[name] - first[name]) * wall_s / idle_s) for name in after
    }
    return refusing(at_once, taken_s, cost)


def refusing(at_once: int, taken_s: Sequence[float], cost_s: dict[str, float]) -> Refusing:
    """Return the figures of a round."""
    return Refusing(
        at_once=at_once,
        requests=len(taken_s),
        p50_s=percentile(taken_s, 0.5),
        p99_s=percentile(taken_s, 0.99),
        cpu_s={name: spent * 1000 / len(taken_s) for name, spent in cost_s.items()},
    )


async def _ask_on(door: Door, until: float, taken_s: list[float], source: random.Random) -> None:
    job = Job(WAITING, 0.0, 1.0, 1.0)
    headers = {"authorization": f"Bearer {door.keys[WAITING]}"}
    while time.perf_counter() < until:
        at = source.randrange(len(door.servers))
        try:
            reply = await door.servers[at].ask(door.targets[at].post(door.body(job), headers, b"error"))
        except (Broken, OSError) as error:
            raise Unmeasured(f"a refusal broke off: {error}") from error
        if reply.status not in REFUSED:
            raise Unmeasured(
                f"status {reply.status} in place of a refusal: {reply.body[:200].decode('utf-8', 'replace')}"
            )
        taken_s.append(reply.ended_at - reply.sent_at)
