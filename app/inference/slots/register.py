"""Timed claims on the slots of nodes, shared by all replicas through Redis, and alone when Redis is away."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

import msgspec

from app.errors import StoreUnavailable
from app.inference.estimates import US_PER_S, Meter
from app.inference.fleet.catalogue import Node
from app.inference.fleet.loads import Loads
from app.inference.routing.placement import choose
from app.inference.slots.lease import Lease, LeaseFacts, Orphan, load_of, read_orphan
from app.inference.slots.loading import OwnLoads
from app.inference.slots.script import ORPHANS_KEY, Argument, SlotScript, arguments_of
from app.inference.words.route import Candidate
from app.redis import RedisStore

T = TypeVar("T")
Granted: TypeAlias = tuple[Candidate, Lease, dict[str, int]]
DROPPED = b"dropped"
"""What counts in the hash of orphans those that it had no room for."""
_RENEW_S = 1.0


def _ignore_loads(_names: Sequence[str], _loads: Loads) -> None:
    """Take no note of what nodes load."""


class LeaseRegister:
    """Leases of this process. `renew` must be called every `renew_s` seconds beside the calls.

    `nodes` says which nodes there are now, `removed` which were there lately and may still have calls.
    """

    def __init__(
        self,
        store: RedisStore,
        nodes: Callable[[], Sequence[Node]],
        *,
        replica_count: int,
        lease_s: float,
        clock: Callable[[], float],
        on_taken: Callable[[Mapping[str, int]], None],
        on_loads: Callable[[Sequence[str], Loads], None] = _ignore_loads,
        removed: Callable[[], Iterable[str]] = tuple[str, ...],
    ) -> None:
        self.script = SlotScript(store, lease_s=lease_s, clock=clock, on_taken=on_taken, on_loads=on_loads)
        self._store = store
        self._nodes = nodes
        self._removed = removed
        self._replica_count = max(1, replica_count)
        self.renew_s = min(_RENEW_S, lease_s / 3)
        self._clock = clock
        self._on_released: list[Callable[[Lease, int], None]] = []
        self._held: dict[str, Lease] = {}
        self._meters: dict[str, Meter] = {}
        self._background: set[asyncio.Task[object]] = set()
        self._unreleased: dict[tuple[str, str], float] = {}
        self.loads = OwnLoads(self.script, self._held, self.names)

    def when_released(self, call: Callable[[Lease, int], None]) -> None:
        """Have `call` told each lease of this process that was released, and its GPU time."""
        self._on_released.append(call)

    @property
    def is_coordinated(self) -> bool:
        """Whether Redis answered when last asked."""
        return self.script.is_coordinated

    async def acquire(
        self, candidates: Sequence[Candidate], facts: Callable[[Candidate], LeaseFacts], rates: Mapping[str, float]
    ) -> Granted | None:
        """Take the best candidate that has a free slot which nobody waits for, all in one step.

        `rates` are the expected tokens a second by model. Returns the candidate, its lease and the taken slots of all
        nodes asked before it; None if every slot is taken. Without Redis a replica has its share of the slots.
        """
        if self.is_coordinated:
            try:
                return await self._acquire_shared(candidates, facts, rates)
            except StoreUnavailable as error:
                self.script.away("acquire", error)
                return self._acquire_alone(candidates, facts, rates, doubtful=True)
        return self._acquire_alone(candidates, facts, rates, doubtful=False)

    async def release(self, lease: Lease) -> int:
        """Give the slot back; return the call's GPU microseconds. Finishes even if the caller is cancelled."""
        return await asyncio.shield(self.own(self._release(lease)))

    def gpu_us(self, lease: Lease) -> int:
        """Return the GPU microseconds so far, as far as this process can tell."""
        local = lease.marked_us
        if lease.id in self._held:
            local = self._meters[lease.node].tick(lease.id, lease.tokens, self._now_us())
        return lease.banked_us + lease.known_us + (local - lease.marked_us) // self._replica_count

    async def take_orphans(self) -> AsyncGenerator[Orphan | None]:
        """Yield the calls whose process died, None for what is none. One is forgotten when the next is asked for.

        So store it before that, by the record's id: a crash in between has it stored twice. Raises StoreUnavailable.
        """
        await self.script.run("sweep", self.names(), self.script.lease_us)
        async with self._store.use("orphans") as redis:
            packed = cast("dict[bytes, bytes]", await redis.hgetall(ORPHANS_KEY))
        for key, value in packed.items():
            if key == DROPPED:
                continue
            yield read_orphan(value)
            async with self._store.use("orphans") as redis:
                await redis.hdel(ORPHANS_KEY, key)

    async def take_dropped(self) -> int:
        """Return how many calls died since this was last asked of which none is kept. Raises StoreUnavailable."""
        async with self._store.use("orphans") as redis:
            async with redis.pipeline(transaction=True) as both:
                both.hget(ORPHANS_KEY, DROPPED)
                both.hdel(ORPHANS_KEY, DROPPED)
                dropped, _ = cast("list[bytes | None]", await both.execute())
        return int(dropped or 0)

    async def renew(self) -> None:
        """Renew every lease of this process, and try again to release those that Redis did not hear of."""
        now_us = self._now_us()
        for lease in self._held.values():
            self._meters[lease.node].tick(lease.id, lease.tokens, now_us)
        held = list(self._held.values())
        names = sorted({lease.node for lease in held})
        args: list[Argument] = [self.script.lease_us]
        for lease in held:
            args += [names.index(lease.node) + 2, lease.id, lease.tokens, lease.thinking_tokens]
            args += [lease.gpus, repr(lease.expected_rate), lease.packed, lease.load_told]
        told = [lease.load for lease in held]
        try:
            reply = await self.script.run("renew" if held else "sweep", names or self.names(), *args)
            self.script.answered()
            self._settle(held, reply[1 + len(names) :] if held else [])
            self.loads.forget(held, told)
            await self._release_again()
            await self._undo([lease for lease in held if lease.id not in self._held])
        except StoreUnavailable as error:
            self.script.away("renew", error)

    async def _undo(self, released: Sequence[Lease]) -> None:
        """Release again what was released while its renewal was under way: the renewal may have made it anew."""
        if released and self._background:
            await asyncio.wait(self._background, timeout=_RENEW_S)
        for lease in released:
            await self.script.release(lease.node, lease.id)

    async def close(self) -> None:
        """Wait a moment for releases under way."""
        if self._background:
            await asyncio.wait(self._background, timeout=1.0)

    async def _acquire_shared(
        self, candidates: Sequence[Candidate], facts: Callable[[Candidate], LeaseFacts], rates: Mapping[str, float]
    ) -> Granted | None:
        names = list(dict.fromkeys(candidate.node for candidate in candidates))
        gpus = self.gpus()
        leases = [
            Lease(facts(one), rates[one.model], coordinated=True, gpus=gpus.get(one.node, 1), load=load_of(one))
            for one in candidates
        ]
        args = arguments_of(candidates, leases)
        try:
            granted, _, *counts = await self.script.run("acquire", names, leases[0].id, self.script.lease_us, *args)
        except asyncio.CancelledError:
            # The script may have run: nobody would give that slot back.
            self.own(self.forget(names, leases[0].id))
            raise
        taken = dict(zip(names, counts, strict=True))
        if granted == 0:
            return None
        self.hold(leases[granted - 1])
        taken[candidates[granted - 1].node] -= 1
        return candidates[granted - 1], leases[granted - 1], taken

    def _acquire_alone(
        self,
        candidates: Sequence[Candidate],
        facts: Callable[[Candidate], LeaseFacts],
        rates: Mapping[str, float],
        *,
        doubtful: bool,
    ) -> Granted | None:
        """Take a slot of this process' own share. `doubtful`: Redis may have made a lease and not said so."""
        until = self._clock() + self.script.lease_us / US_PER_S
        ghosts = {(other.node, str(facts(other).id)): until for other in candidates} if doubtful else {}
        taken = self.taken_here()
        shared = [
            msgspec.structs.replace(candidate, slots=max(1, candidate.slots // self._replica_count))
            for candidate in candidates
            if not self.loads.hold_up(candidate)
        ]
        chosen = choose(shared, taken)
        if chosen is None:
            self._unreleased |= ghosts
            return None
        candidate = next(one for one in candidates if (one.node, one.model) == (chosen.node, chosen.model))
        gpus = self.gpus().get(candidate.node, 1)
        lease = Lease(facts(candidate), rates[candidate.model], coordinated=False, gpus=gpus, load=load_of(candidate))
        self.hold(lease)
        ghosts.pop((lease.node, lease.id), None)
        self._unreleased |= ghosts
        return candidate, lease, {name: taken.get(name, 0) for name in {other.node for other in candidates}}

    def holds(self, call_id: str) -> bool:
        """Whether a call of that id holds a slot here."""
        return call_id in self._held

    def taken_here(self) -> dict[str, int]:
        """Return how many slots this process holds, by node."""
        return {name: len(meter.shares) for name, meter in self._meters.items()}

    def hold(self, lease: Lease) -> None:
        """Note a lease that was made for a call of this process; it is renewed and metered until it is released."""
        self._held[lease.id] = lease
        meter = self._meters.setdefault(lease.node, Meter(gpus=lease.gpus))
        meter.start(lease.id, self._now_us(), expected_rate=lease.expected_rate)
        self.loads.show()

    def has_loaded(self, lease: Lease) -> None:
        """Note that the call of a lease gives a sign of life: what it waited for is in memory."""
        if self.loads.end(lease):
            self.own(self.loads.tell_end(lease))

    async def _release(self, lease: Lease) -> int:
        self.gpu_us(lease)
        local = lease.marked_us
        if self._held.pop(lease.id, None) is not None:
            meter = self._meters[lease.node]
            local = meter.end(lease.id, self._now_us())
            if not meter.shares:
                del self._meters[lease.node]
        total = lease.banked_us + lease.known_us + (local - lease.marked_us) // self._replica_count
        try:
            known, gpu_us = await self.script.release(lease.node, lease.id, lease.load_told, lease.ending)
            total = lease.banked_us + gpu_us if known else total
        except StoreUnavailable as error:
            self.script.away("release", error)
            self._unreleased[lease.node, lease.id] = self._clock() + self.script.lease_us / US_PER_S
        self.loads.show()
        for call in self._on_released:
            call(lease, total)
        return total

    async def _release_again(self) -> None:
        for (name, call_id), until in list(self._unreleased.items()):
            if self._clock() < until:
                await self.script.release(name, call_id)
            del self._unreleased[name, call_id]

    async def forget(self, names: Sequence[str], call_id: str) -> None:
        """Give back what a call may have got on these nodes without our knowing, now or as soon as Redis answers."""
        self.doubt(names, call_id)
        with contextlib.suppress(StoreUnavailable):
            await self._release_again()

    def doubt(self, names: Sequence[str], call_id: str) -> None:
        """Note that Redis may have given the call a slot on one of these nodes, and did not say so."""
        until = self._clock() + self.script.lease_us / US_PER_S
        self._unreleased |= {(name, call_id): until for name in names}

    def own(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Start what must be finished whoever is cancelled; `close` waits a moment for it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def _settle(self, held: Sequence[Lease], told: Sequence[int]) -> None:
        for lease, known, gpu_us in zip(held, told[::2], told[1::2], strict=True):
            shares = self._meters[lease.node].shares if lease.node in self._meters else ()
            share = next((share for share in shares if share.call == lease.id), None)
            local = share.gpu_us if share is not None else lease.marked_us
            if not known:
                lease.banked_us += lease.known_us + (local - lease.marked_us) // self._replica_count
            lease.known_us, lease.marked_us = gpu_us, local

    def gpus(self) -> dict[str, int]:
        """Return the GPUs of each node that there is."""
        return {node.name: node.gpus for node in self._nodes()}

    def names(self) -> list[str]:
        """Return every node that may have calls: those of dead processes are found on removed ones too."""
        return list(dict.fromkeys((*self.gpus(), *self._removed())))

    def _now_us(self) -> int:
        return int(self._clock() * US_PER_S)
