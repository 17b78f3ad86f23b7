"""The queue of a process that Redis does not answer: the same order, over this process' share of the slots."""

from collections.abc import Callable, Mapping

import msgspec

from app.inference.estimates import US_PER_S
from app.inference.routing.placement import choose
from app.inference.slots.lease import Ending, Lease
from app.inference.slots.order import Order, Waiting
from app.inference.slots.outlook import drain_us, is_late, outlook, overload
from app.inference.slots.register import LeaseRegister
from app.inference.slots.waiter import Waiter, refused
from app.inference.words.route import Candidate


class Alone:
    """Has calls wait in this process. A deficit goes back to what it was when Redis is there again."""

    def __init__(self, register: LeaseRegister, *, replica_count: int, clock: Callable[[], float]) -> None:
        self._register = register
        self._replica_count = max(1, replica_count)
        self._clock = clock
        self._order = Order()
        self._waiters: dict[str, Waiter] = {}
        self._charged: dict[str, tuple[Waiting, int]] = {}
        register.when_released(self._released)

    def __contains__(self, waiter: Waiter) -> bool:
        """Whether the call waits here."""
        return waiter.wish.id in self._waiters

    def ask(self, waiter: Waiter) -> None:
        """Give the call a slot, or have it wait. Raises NoSlotInTime when it may not."""
        self.leave(waiter)
        call = self._call(waiter)
        take_back = self._order.attempt(call)
        self._waiters[call.id] = waiter
        self.serve()
        if waiter.grant is not None:
            return
        now = self._clock()
        expected, why = outlook(self._order, call), overload(self._order, call, waiter.bounds(now))
        if why is not None:
            drain = drain_us(self._order, call.queue)
            del self._waiters[call.id]
            take_back()
            raise refused(waiter.wish, why, eta_us=expected.eta_us, drain_us=drain)
        waiter.tell(expected)

    def leave(self, waiter: Waiter, *, is_gone: bool = False) -> None:
        """Have it wait here no longer; `is_gone`: because its client left."""
        if self._waiters.pop(waiter.wish.id, None) is None:
            return
        call = self._order.find(waiter.wish.id)
        if call is not None:
            if is_gone:
                self._order.left(call, self._now_us())
            self._order.remove(call)

    def look(self) -> None:
        """Tell everybody where they stand."""
        self.serve()
        for call_id, waiter in list(self._waiters.items()):
            call = self._order.find(call_id)
            if call is not None:
                waiter.tell(outlook(self._order, call))

    def check(self, waiter: Waiter) -> None:
        """Raise NoSlotInTime when the call might not wait here."""
        if self._is_free(self._call(waiter)):
            return
        try:
            self.ask(waiter)
        finally:
            self.leave(waiter)

    def serve(self) -> None:
        """Give free slots of this process' share to those whose turn it is."""
        while (turn := self._order.next(self._now_us(), self._is_free)) is not None:
            call = turn.call
            waiter = self._waiters.pop(call.id)
            if is_late(self._order, call, self._now_us()):
                waiter.refuse(self._clock())
                continue
            taken = self._register.taken_here()
            candidate = self._chosen(waiter, taken)
            if candidate is None:
                continue
            seen = {one.node: taken.get(one.node, 0) for one in waiter.offer.candidates}
            lease = waiter.take(candidate, len(waiter.offers) - 1, seen, self._clock(), coordinated=False)
            self._register.hold(lease)
            self._order.charge(call, self._now_us())
            self._charged[lease.id] = call, self._now_us()

    def _released(self, lease: Lease, gpu_us: int) -> None:
        charged = self._charged.pop(lease.id, None)
        if charged is not None:
            call, began_us = charged
            self._order.settle(call.lane, call.tenant, call.cost_us, gpu_us)
            if lease.ending is Ending.DONE:
                self._order.ended(call.queue, call.guess_us, gpu_us, self._now_us() - began_us)
            elif lease.ending is Ending.LEFT:
                self._order.left(call, self._now_us(), began_us)
        if self._waiters:
            self.serve()

    def _call(self, waiter: Waiter) -> Waiting:
        return waiter.waiting(self._order.cost_us(waiter.wish.queue, waiter.wish.guess_us))

    def _is_free(self, call: Waiting) -> bool:
        taken, waiter = self._register.taken_here(), self._waiters.get(call.id)
        if waiter is not None:
            return self._chosen(waiter, taken) is not None
        return any(taken.get(name, 0) < max(1, slots // self._replica_count) for name, slots in call.nodes)

    def _chosen(self, waiter: Waiter, taken: Mapping[str, int]) -> Candidate | None:
        """Return the candidate that a call may have now."""
        open_ones = [one for one in waiter.offer.candidates if not self._register.loads.hold_up(one)]
        shared = [self._share(one) for one in open_ones]
        chosen = choose(shared, taken)
        return None if chosen is None else open_ones[shared.index(chosen)]

    def _share(self, candidate: Candidate) -> Candidate:
        return msgspec.structs.replace(candidate, slots=max(1, candidate.slots // self._replica_count))

    def _now_us(self) -> int:
        return round(self._clock() * US_PER_S)
