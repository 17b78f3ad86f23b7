"""Calls of this process that wait for a slot: in the central queue, or alone while Redis is away."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from app.errors import NoSlotInTime, StoreUnavailable
from app.inference.estimates import US_PER_S
from app.inference.slots.alone import Alone
from app.inference.slots.lanes import LANES, LANES_OF, QUEUES, Lane
from app.inference.slots.outlook import Outlook
from app.inference.slots.register import LeaseRegister
from app.inference.slots.script import FREED_CHANNEL, Argument, Told, arguments_of
from app.inference.slots.waiter import Grant, Offer, Waiter, Wish, no_slot, refused
from app.inference.words.overload import OVERLOADS
from app.inference.words.tiers import TIERS, Tier
from app.telemetry.metrics import Metrics

REPLACE_S = 2.0
"""A waiting call is placed anew after so long: nodes come and go, and what waits longer may go further."""
_GRANTED, _WAITING, _REFUSED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Places:
    """How many calls may wait in each queue and lane, in all and of one tenant."""

    in_all: int = 256
    of_tenant: int = 128


@dataclass(frozen=True, slots=True)
class Length:
    """How many calls wait in a queue, everywhere, by lane, and the seconds until all of them have their slots."""

    by_lane: Mapping[Lane, int] = field(default_factory=dict[Lane, int])
    drain_s: float = 0.0

    @property
    def calls(self) -> int:
        """How many of all lanes."""
        return sum(self.by_lane.values())


class _Told(msgspec.Struct, frozen=True):
    id: str
    index: int
    round: int
    taken: dict[str, int] | list[object] = msgspec.field(default_factory=dict[str, int])
    loads: Told = {}
    starved: int = 0


@dataclass(slots=True)
class SlotQueue:
    """Gives calls their slots in fair turn. `look` must be called every second or so beside them."""

    register: LeaseRegister
    metrics: Metrics
    replica: str
    replica_count: int
    clock: Callable[[], float]
    places: Places = field(default_factory=Places)
    lengths: Mapping[str, Length] = field(default_factory=lambda: {queue: Length() for queue in QUEUES})
    """As this process last heard of them."""
    _alone: Alone = field(init=False)
    _waiters: dict[str, Waiter] = field(default_factory=dict[str, Waiter])

    def __post_init__(self) -> None:
        self._alone = Alone(self.register, replica_count=self.replica_count, clock=self.clock)

    @property
    def waits(self) -> Mapping[Tier, float]:
        """The seconds until all that wait in the queue of a tier have their slots, where somebody waits."""
        return {tier: self.lengths[tier.value].drain_s for tier in TIERS if self.lengths[tier.value].calls}

    async def take(self, wish: Wish, offer: Callable[[], Offer]) -> Grant:
        """Return a slot for the call, once it is its turn; `offer` places it, and is asked again while it waits.

        Raises NoSlotInTime at once when it may not wait, and after `wish.stays_s`; and whatever `offer` raises.
        """
        waiter = self._waiter(wish, offer())
        # From before it asks: that it has a slot may be heard before the answer.
        self._waiters[wish.id] = waiter
        is_gone = is_kept = False
        try:
            await self._ask(waiter)
            grant = waiter.grant or await self._wait(waiter, offer)
            is_kept = True
            return grant
        except NoSlotInTime as error:
            self.metrics.queue_refused.labels(wish.queue, str(error.facts["reason"])).inc()
            raise
        except asyncio.CancelledError:
            is_gone = waiter.left_s(self.clock()) > 0
            raise
        finally:
            del self._waiters[wish.id]
            self._alone.leave(waiter, is_gone=is_gone)
            if waiter.is_in:
                self._count()
            if not is_kept:
                self._leave(waiter, is_gone=is_gone)

    async def check(self, wish: Wish, offer: Offer) -> None:
        """Raise NoSlotInTime when the call could neither have a slot now nor wait for one."""
        waiter, script = self._waiter(wish, offer), self.register.script
        has_slot = any(candidate.taken < candidate.slots for candidate in offer.candidates)
        if has_slot and not any(length.calls for length in self.lengths.values()):
            return
        try:
            if not script.is_coordinated:
                self._alone.check(waiter)
                return
            names = [name for name, _ in offer.nodes]
            _, *told = await script.run("peek", names, *self._asked(waiter))
            why, eta_us, drain_us = told[len(names) :]
            if why:
                raise refused(wish, OVERLOADS[why - 1], eta_us=eta_us, drain_us=drain_us)
        except StoreUnavailable as error:
            script.away("peek", error)
        except NoSlotInTime as error:
            self.metrics.queue_refused.labels(wish.queue, str(error.facts["reason"])).inc()
            raise

    async def look(self) -> None:
        """Say that this process lives, learn where its calls stand, and give slots that nobody announced."""
        waiting, script, names = self._waiting(), self.register.script, self.register.names()
        args: list[Argument] = [script.lease_us, self.replica, len(QUEUES), *QUEUES]
        for waiter in waiting:
            args += [waiter.wish.lane.value, waiter.wish.tenant, waiter.wish.id]
        try:
            reply = await script.run("watch", names, *args)
        except StoreUnavailable as error:
            script.away("watch", error)
            self._alone_now()
            self._alone.look()
            return
        script.answered()
        told, at = reply[1 + len(names) :], (1 + len(LANES)) * len(QUEUES)
        self._note(told[:at], told[at : at + len(LANES)])
        states = told[at + len(LANES) :]
        for at, waiter in enumerate(waiting):
            await self._hear(waiter, *states[4 * at : 4 * at + 4])

    def granted(self, packed: bytes) -> None:
        """Note that a call of this process has a slot, as `register.lua` says; one that nobody wants is given back."""
        told = msgspec.msgpack.decode(packed, type=_Told)
        if told.loads:
            self.register.script.note_loads(list(told.loads), told.loads)
        waiter = self._waiters.get(told.id)
        if waiter is not None and told.index == 0:
            waiter.refuse(self.clock())
        elif waiter is not None:
            taken = told.taken if isinstance(told.taken, dict) else {}
            self._give(waiter, told.index, told.round, taken, starved=told.starved == 1)
        elif told.index and not self.register.holds(told.id):
            self.register.own(self._leave_shared(told.id, Lane.BATCH, "", is_gone=False))

    async def freed(self) -> None:
        """Give slots that a process of an older version freed, which knows of no queue."""
        if self._waiting():
            await self.look()

    def _waiter(self, wish: Wish, offer: Offer) -> Waiter:
        return Waiter(wish, [offer], self.clock(), self.places.in_all, self.places.of_tenant)

    def _waiting(self) -> list[Waiter]:
        return [waiter for waiter in self._waiters.values() if waiter.is_in and waiter.grant is None]

    async def _ask(self, waiter: Waiter) -> None:
        script = self.register.script
        if script.is_coordinated:
            try:
                await self._ask_shared(waiter)
                self._alone.leave(waiter)
                return
            except StoreUnavailable as error:
                script.away("ask", error)
                # The script may have run all the same.
                self.register.doubt([name for name, _ in waiter.offer.nodes], waiter.wish.id)
        self._alone_now()
        self._alone.ask(waiter)

    async def _ask_shared(self, waiter: Waiter) -> None:
        wish, script, offer = waiter.wish, self.register.script, waiter.offer
        names, waited_us = [name for name, _ in offer.nodes], waiter.waited_us(self.clock())
        leases = [offer.lease(candidate, waited_us, True) for candidate in offer.candidates]
        try:
            _, *told = await script.run("ask", names, *self._asked(waiter), *arguments_of(offer.candidates, leases))
        except asyncio.CancelledError:
            self.register.own(self._leave_shared(wish.id, wish.lane, wish.tenant, is_gone=False))
            raise
        taken, (state, one, other, *more) = dict(zip(names, told, strict=False)), told[len(names) :]
        if state == _REFUSED:
            raise refused(wish, OVERLOADS[one - 1], eta_us=other, drain_us=more[0])
        if state == _GRANTED:
            candidate = waiter.offers[other].candidates[one - 1]
            taken |= {candidate.node: taken.get(candidate.node, 1) - 1}
            self._give(waiter, one, other, taken, starved=more[0] == 1)
        elif state == _WAITING:
            waiter.tell(Outlook(one, other))

    def _asked(self, waiter: Waiter) -> list[Argument]:
        """Return what the script is told of a call, and of how it may wait."""
        wish, now = waiter.wish, self.clock()
        bounds = waiter.bounds(now)
        deadline_us = bounds.deadline_us
        return [
            wish.id, self.register.script.lease_us, self.replica, wish.queue, wish.lane.value, wish.tenant,
            wish.guess_us, waiter.waited_us(now), round(waiter.left_s(now) * US_PER_S), bounds.places,
            bounds.tenant_places, bounds.wait_us, -1 if deadline_us is None else deadline_us, int(bounds.is_patient),
            len(waiter.offers) - 1, "\n".join(f"{name}={slots}" for name, slots in waiter.offer.nodes),
        ]  # fmt: skip

    async def _wait(self, waiter: Waiter, offer: Callable[[], Offer]) -> Grant:
        """Return the slot of a call that waits. Raises NoSlotInTime when its time is over."""
        self._count()
        try:
            async with asyncio.timeout(waiter.left_s(self.clock())):
                while (grant := await self._woken(waiter, offer)) is None:
                    pass
                return grant
        except TimeoutError as error:
            if waiter.grant is not None:
                return waiter.grant
            raise no_slot(waiter.wish.stays_s, waiter.outlook) from error

    async def _woken(self, waiter: Waiter, offer: Callable[[], Offer]) -> Grant | None:
        """Return the slot that the call has, once it has one; place it anew every so often until then."""
        grant, offered = await waiter.woken(REPLACE_S), offer()
        if grant is not None and offered.has(grant.candidate):
            return grant
        if grant is not None:
            # While it waited, the node went down or its breaker opened.
            waiter.give_up_grant()
            await self.register.release(grant.lease)
        if grant is not None or (offered.nodes, offered.terms) != (waiter.offer.nodes, waiter.offer.terms):
            waiter.offers.append(offered)
            await self._ask(waiter)
        return None

    async def _hear(self, waiter: Waiter, state: int, one: int, other: int, starved: int) -> None:
        if state == _GRANTED:
            self._give(waiter, one, other, {}, starved=starved == 1)
        elif state == _WAITING:
            waiter.tell(Outlook(one, other))
        elif waiter.grant is None and waiter.wish.id in self._waiters:
            # Redis was emptied, or is back: the call keeps its place by how long it has waited.
            await self._ask(waiter)

    def _give(self, waiter: Waiter, index: int, offer: int, taken: Mapping[str, int], *, starved: bool) -> None:
        if waiter.grant is None:
            self._alone.leave(waiter)
            candidate = waiter.offers[offer].candidates[index - 1]
            lease = waiter.take(candidate, offer, taken, self.clock(), coordinated=True, starved=starved)
            self.register.hold(lease)

    def _leave(self, waiter: Waiter, *, is_gone: bool) -> None:
        """See to it that the call waits nowhere any more, and gives back what it was given."""
        if waiter.grant is not None:
            self.register.own(self.register.release(waiter.grant.lease))
        elif waiter.is_in:
            wish = waiter.wish
            self.register.own(self._leave_shared(wish.id, wish.lane, wish.tenant, is_gone=is_gone))

    async def _leave_shared(self, call_id: str, lane: Lane, tenant: str, *, is_gone: bool) -> None:
        script = self.register.script
        if not script.is_coordinated:
            return
        try:
            await script.run("leave", [], call_id, FREED_CHANNEL, script.lease_us, lane.value, tenant, int(is_gone))
        except StoreUnavailable as error:
            script.away("leave", error)

    def _alone_now(self) -> None:
        """Have those that wait in Redis wait here."""
        for waiter in self._waiting():
            if waiter not in self._alone:
                self._alone.ask(waiter)

    def _note(self, queues: list[int], deficits: list[int]) -> None:
        size = 1 + len(LANES)
        self.lengths = {
            queue: Length(dict(zip(LANES, queues[at + 1 : at + size], strict=True)), queues[at] / US_PER_S)
            for queue, at in zip(QUEUES, range(0, len(queues), size), strict=True)
        }
        for queue, length in self.lengths.items():
            for lane in LANES_OF[queue]:
                self.metrics.queue_calls.labels(queue, lane.value).set(length.by_lane[lane])
            self.metrics.queue_drain.labels(queue).set(length.drain_s)
        for lane, deficit_us in zip(Lane, deficits, strict=True):
            self.metrics.queue_deficit.labels(lane.value).set(deficit_us / US_PER_S)

    def _count(self) -> None:
        self.metrics.calls_waiting.set(len(self._waiting()))
