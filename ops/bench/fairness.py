"""Tenants that want more than there is, over two replicas' queue on one Redis: who gets what, and what is wasted.

A discrete simulation: the script that gives the slots is the product's own and runs in Redis; its clock, and how a call
is woken, are the simulation's.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol, TypeAlias, cast

import msgspec
from redis import Redis

from app.inference.estimates import US_PER_S
from app.inference.slots.lease import Ending
from app.inference.slots.script import FREED_CHANNEL, ORPHANS_KEY, SCRIPT, node_key
from app.inference.words.tiers import Tier
from ops.bench.crowd import End, Job

NODES = {"a": 4, "b": 4}
"""Slots of each node."""
SLOTS = sum(NODES.values())
REPLICAS = ("replica-1", "replica-2")
PLACES, TENANT_PLACES, LIMIT_S = 256, 128, 30.0
BOUNDLESS = (100_000, 100_000, 1e9)
LEASE_US = 3_600 * US_PER_S
_UNKNOWN, _GRANTED, _WAITING, _REFUSED = range(4)
_CLOCK, _WAKE = "redis.call('TIME')", "redis.call('PUBLISH', GRANTED .. call.replica,"
SIMULATED = SCRIPT.replace(_CLOCK, "redis.call('LRANGE', 'sim:clock', 0, 1)").replace(
    _WAKE, "redis.call('RPUSH', 'sim:woken',"
)


Freed: TypeAlias = tuple[int, list[int]]
"""GPU microseconds of the call that gave its slot back, and the numbers of those that have one now."""


class Turns(Protocol):
    """Something that calls get slots from. Every method returns the calls that have a slot now, by number."""

    late: list[int]

    def ask(self, number: int, job: Job, now_s: float) -> list[int]:
        """Ask for a slot. Raises Refusal."""
        ...

    def release(self, number: int, job: Job, now_s: float, ending: Ending) -> Freed:
        """Give a slot back; also return the GPU microseconds."""
        ...

    def leave(self, number: int, job: Job, now_s: float) -> list[int]:
        """Wait no longer, because the client left."""
        ...


class Refusal(Exception):
    """The call may not wait."""


@dataclass(slots=True)
class Fifo:
    """Who came first is served first, without bound: what a gateway does that forwards all that comes."""

    free: int = SLOTS
    waiting: deque[int] = field(default_factory=deque[int])
    late: list[int] = field(default_factory=list[int])

    def ask(self, number: int, job: Job, now_s: float) -> list[int]:  # noqa: ARG002 - Turns
        """Ask for a slot."""
        self.waiting.append(number)
        return list(self._serve())

    def release(self, number: int, job: Job, now_s: float, ending: Ending) -> Freed:  # noqa: ARG002 - Turns
        """Give a slot back."""
        self.free += 1
        return round(job.takes_s * US_PER_S / 4), list(self._serve())

    def leave(self, number: int, job: Job, now_s: float) -> list[int]:  # noqa: ARG002 - Turns
        """Wait no longer."""
        self.waiting.remove(number)
        return []

    def _serve(self) -> Iterator[int]:
        while self.free and self.waiting:
            self.free -= 1
            yield self.waiting.popleft()


class Central:
    """The product's queue: two replicas ask the script in turn."""

    def __init__(self, client: Redis, bounds: tuple[int, int, float] = (PLACES, TENANT_PLACES, LIMIT_S)) -> None:
        self._client = client
        self._bounds = bounds
        self._node: dict[int, str] = {}
        self.late: list[int] = []
        """Calls that waited, and were told that they will get no slot."""
        client.flushall()
        self._sha = client.script_load(SIMULATED)

    def ask(self, number: int, job: Job, now_s: float) -> list[int]:
        """Ask for a slot. Raises Refusal."""
        call = [_id(number), LEASE_US, REPLICAS[number % 2], Tier.SIMPLE.value, job.lane.value, job.tenant]
        cost_us, (places, tenant_places, limit_s) = round(job.expected_s * US_PER_S), self._bounds
        limit_us = round(limit_s * US_PER_S)
        bounds = [cost_us, 0, limit_us, places, tenant_places, limit_us, -1, 0, 0]
        nodes = "\n".join(f"{name}={slots}" for name, slots in NODES.items())
        candidates = [part for name, slots in NODES.items() for part in (name, slots, 1, "1.0", "1.0", "1.0", "{}", "")]
        told, woken = self._run(now_s, [], "ask", *call, *bounds, nodes, *candidates)
        if told[1] == _REFUSED:
            raise Refusal
        if told[1] == _GRANTED:
            self._node[number] = list(NODES)[told[2] - 1]
            woken.append(number)
        return woken

    def release(self, number: int, job: Job, now_s: float, ending: Ending) -> Freed:  # noqa: ARG002 - Turns
        """Give a slot back."""
        call = [_id(number), FREED_CHANNEL, LEASE_US, "", ending.value]
        told, woken = self._run(now_s, [self._node.pop(number)], "release", *call)
        return told[3], woken

    def leave(self, number: int, job: Job, now_s: float) -> list[int]:
        """Wait no longer."""
        call = [_id(number), FREED_CHANNEL, LEASE_US, job.lane.value, job.tenant, 1]
        return self._run(now_s, [], "leave", *call)[1]

    def _run(self, now_s: float, nodes: Sequence[str], *args: str | int) -> tuple[list[int], list[int]]:
        seconds, micros = divmod(round((1_000_000 + now_s) * US_PER_S), US_PER_S)
        keys = [ORPHANS_KEY, *(node_key(name) for name in nodes)]
        with self._client.pipeline(transaction=True) as together:
            together.delete("sim:clock", "sim:woken")
            together.rpush("sim:clock", seconds, micros)
            together.evalsha(self._sha, len(keys), *keys, *map(str, args))
            together.lrange("sim:woken", 0, -1)
            _, _, told, woken = cast("tuple[int, int, list[int], list[bytes]]", together.execute())
        found: list[int] = []
        for packed in woken:
            grant = msgspec.msgpack.decode(packed)
            number = int(grant["id"])
            if grant["index"] == 0:
                self.late.append(number)
                continue
            self._node[number] = list(NODES)[grant["index"] - 1]
            found.append(number)
        return told, found


@dataclass(slots=True)
class Play:
    """Has every job come at its time, be served, leave or be refused."""

    turns: Turns
    jobs: Sequence[Job]
    ends: list[End] = field(default_factory=list[End])
    _events: list[tuple[float, int, Callable[[float], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[float], None]]]
    )
    _order: Iterator[int] = field(default_factory=count)
    _active: set[int] = field(default_factory=set[int])
    _over: set[int] = field(default_factory=set[int])

    def run(self) -> list[End]:
        """Return how each ended."""
        for number, job in enumerate(self.jobs):
            self._at(job.at_s, lambda now_s, number=number: self._come(number, now_s))
        while self._events:
            now_s, _, act = heapq.heappop(self._events)
            act(now_s)
        return self.ends

    def _at(self, when_s: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when_s, next(self._order), act))

    def _come(self, number: int, now_s: float) -> None:
        job, began = self.jobs[number], time.perf_counter()
        try:
            woken = self.turns.ask(number, job, now_s)
            self._refuse_late(now_s)
        except Refusal:
            took = time.perf_counter() - began
            self.ends.append(End(job, now_s, is_refused=True, decided_s=took))
            return
        if job.patience_s < float("inf"):
            self._at(now_s + job.patience_s, lambda at_s: self._go(number, at_s))
        self._begin(woken, now_s)

    def _begin(self, woken: Sequence[int], now_s: float) -> None:
        for number in woken:
            self._active.add(number)
            self._at(now_s + self.jobs[number].takes_s, lambda at_s, number=number: self._end(number, at_s))

    def _end(self, number: int, now_s: float, *, is_answered: bool = True) -> None:
        if number in self._over:
            return
        self._over.add(number)
        self._active.discard(number)
        gpu_us, woken = self.turns.release(
            number, self.jobs[number], now_s, Ending.DONE if is_answered else Ending.LEFT
        )
        self.ends.append(End(self.jobs[number], now_s, is_answered=is_answered, gpu_us=gpu_us))
        self._refuse_late(now_s)
        self._begin(woken, now_s)

    def _refuse_late(self, now_s: float) -> None:
        while self.turns.late:
            number = self.turns.late.pop()
            self._over.add(number)
            self.ends.append(End(self.jobs[number], now_s, is_refused=True))

    def _go(self, number: int, now_s: float) -> None:
        if number in self._active:
            self._end(number, now_s, is_answered=False)
        elif number not in self._over:
            self._over.add(number)
            self.ends.append(End(self.jobs[number], now_s))
            self._begin(self.turns.leave(number, self.jobs[number], now_s), now_s)


def _id(number: int) -> str:
    return f"{number:08}"
