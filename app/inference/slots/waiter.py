"""One call of this process that asks for a slot: what it may take, how long it waits, and what it was given."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from app.errors import NoSlotInTime
from app.inference.estimates import US_PER_S
from app.inference.routing.placement import Placement
from app.inference.slots.lanes import Lane
from app.inference.slots.lease import Lease
from app.inference.slots.order import Nodes, Waiting
from app.inference.slots.outlook import Bounds, Outlook
from app.inference.words.overload import Overload
from app.inference.words.route import Candidate

LONGEST_RETRY_S = 120
"""Nobody is told to come back later than this: the estimate of a long queue is no promise."""

OnOutlook: TypeAlias = Callable[[Outlook], None]
"""Told a call's position in its queue and its ETA, whenever they have changed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The candidates that a call may take as it was placed, best first (at least one), and what makes a lease of one.

    `lease` is told the candidate, the microseconds waited, and whether Redis knows of it.
    """

    candidates: tuple[Candidate, ...]
    lease: Callable[[Candidate, int, bool], Lease]
    placement: Placement

    @property
    def nodes(self) -> Nodes:
        """Their nodes, each with its slots."""
        return tuple(sorted({candidate.node: candidate.slots for candidate in self.candidates}.items()))

    @property
    def terms(self) -> tuple[tuple[str, str, int, bool], ...]:
        """What a slot of each would mean: where, of which model, with which context, and whether that is in memory."""
        return tuple(sorted((one.node, one.model, one.num_ctx, one.resident) for one in self.candidates))

    def has(self, candidate: Candidate) -> bool:
        """Whether the same model on the same node is among them."""
        return any((one.node, one.model) == (candidate.node, candidate.model) for one in self.candidates)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants a slot, in which queue, and for how long it is worth waiting.

    `limit_s` bounds the wait, `patience_s` is how long a call may wait whose run was let in already (0: no such call),
    `deadline_s` how long its answer is worth anything, of which `begins_s` go by before the first word.
    """

    id: str
    queue: str
    lane: Lane
    tenant: str
    guess_us: int
    limit_s: float
    patience_s: float = 0.0
    deadline_s: float | None = None
    begins_s: float = 0.0
    on_outlook: OnOutlook | None = None

    @property
    def stays_s(self) -> float:
        """How long it stays in the queue."""
        stays_s = max(self.limit_s, self.patience_s)
        return stays_s if self.deadline_s is None else min(stays_s, self.deadline_s)


@dataclass(frozen=True, slots=True)
class Grant:
    """A slot that a call was given of an offer; `taken` is what was taken of its nodes before, as far as is known."""

    offer: Offer
    candidate: Candidate
    lease: Lease
    taken: Mapping[str, int]
    waited_us: int
    starved: bool = False
    """It was its turn because it had waited for so long."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A wish, from when it is made until it has a slot or is given up."""

    wish: Wish
    offers: list[Offer]
    """One for each time that it was placed."""
    came: float
    places: int
    tenant_places: int
    grant: Grant | None = None
    outlook: Outlook | None = None
    """Where it stood when it was last told; None if it was not let in to wait yet."""
    refusal: NoSlotInTime | None = None
    """Why it will get none after all."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def offer(self) -> Offer:
        """What it may take now."""
        return self.offers[-1]

    def bounds(self, now: float) -> Bounds:
        """Return how it may wait from now on; one that was let in is not refused any more."""
        if self.is_in:
            return _NONE
        wish = self.wish
        longest_s = max(wish.limit_s, wish.patience_s)
        deadline_us = None
        if wish.deadline_s is not None:
            deadline_us = max(0, round((wish.deadline_s - wish.begins_s - (now - self.came)) * US_PER_S))
        return Bounds(
            places=self.places,
            tenant_places=self.tenant_places,
            wait_us=round(longest_s * US_PER_S),
            deadline_us=deadline_us,
            is_patient=wish.patience_s > 0,
        )

    def left_s(self, now: float) -> float:
        """Return how long it stays from now on."""
        return max(0.0, self.wish.stays_s - (now - self.came))

    @property
    def is_in(self) -> bool:
        """Whether it was let in to wait."""
        return self.outlook is not None

    def waited_us(self, now: float) -> int:
        """Return how long it has waited."""
        return max(0, round((now - self.came) * US_PER_S))

    def waiting(self, cost_us: int) -> Waiting:
        """Return it as the rule knows it, by the clock of this process."""
        wish, came_us = self.wish, round(self.came * US_PER_S)
        return Waiting(
            id=wish.id,
            queue=wish.queue,
            lane=wish.lane,
            tenant=wish.tenant,
            guess_us=wish.guess_us,
            cost_us=cost_us,
            came_us=came_us,
            till_us=came_us + round(wish.stays_s * US_PER_S),
            replica="",
            nodes=self.offer.nodes,
        )

    def take(
        self,
        candidate: Candidate,
        offer: int,
        taken: Mapping[str, int],
        now: float,
        *,
        coordinated: bool,
        starved: bool = False,
    ) -> Lease:
        """Take a slot that was given to it, of that one of its offers."""
        lease = self.offers[offer].lease(candidate, self.waited_us(now), coordinated)
        self.grant = Grant(self.offers[offer], candidate, lease, taken, self.waited_us(now), starved)
        self._woken.set()
        return lease

    def tell(self, outlook: Outlook) -> None:
        """Tell where it stands, if that has changed."""
        if outlook != self.outlook and self.grant is None:
            self.outlook = outlook
            if self.wish.on_outlook is not None:
                self.wish.on_outlook(outlook)

    def refuse(self, now: float) -> None:
        """Have it wait no longer: its turn came when its tenant's clients have mostly left."""
        self.refusal = too_late(self.wish, now - self.came)
        self._woken.set()

    async def woken(self, limit_s: float) -> Grant | None:
        """Wait until it has a slot, for up to `limit_s`. Raises NoSlotInTime when it will get none."""
        try:
            async with asyncio.timeout(limit_s):
                await self._woken.wait()
        except TimeoutError:
            return None
        if self.refusal is not None:
            raise self.refusal
        return self.grant

    def give_up_grant(self) -> None:
        """Forget a slot that it does not take."""
        self.grant = None
        self._woken.clear()


_NONE = Bounds(places=2**31, tenant_places=2**31, wait_us=2**50)


def refused(wish: Wish, why: Overload, *, eta_us: int, drain_us: int) -> NoSlotInTime:
    """Return the error of a call that may not wait, with when to come back: once those that wait now have slots."""
    eta_s = eta_us / US_PER_S
    words: dict[Overload, str] = {
        Overload.QUEUE_FULL: "too many calls are waiting already",
        Overload.TENANT_FULL: "too many calls of the tenant are waiting already",
        Overload.TOO_LONG: f"a slot is expected in {eta_s:.0f} s, which is longer than the call may wait",
        Overload.DEADLINE: f"a slot is expected in {eta_s:.0f} s, which is too late for the deadline",
        Overload.WAITED: "no slot became free in time",
    }
    error = NoSlotInTime(words[why], reason=why.value, queue=wish.queue, eta_s=round(eta_s, 1))
    error.retry_after_s = min(LONGEST_RETRY_S, max(1, -(-drain_us // US_PER_S)))
    return error


def too_late(wish: Wish, waited_s: float) -> NoSlotInTime:
    """Return the error of a call whose turn came too late: it says how long that was, as who comes back waits too."""
    detail = f"its turn came after {waited_s:.1f} s, and clients of its tenant do not wait for so long"
    waited = round(waited_s, 1)
    error = NoSlotInTime(detail, reason=Overload.TOO_LONG.value, queue=wish.queue, waited_s=waited, eta_s=waited)
    error.retry_after_s = min(LONGEST_RETRY_S, max(1, math.ceil(waited_s)))
    return error


def no_slot(waited_s: float, outlook: Outlook | None = None) -> NoSlotInTime:
    """Return the error of a call that has waited so long; where it stood last says when to come back."""
    detail = f"no slot became free within {waited_s:.0f} s"
    error = NoSlotInTime(detail, reason=Overload.WAITED.value, waited_s=round(waited_s, 1))
    if outlook is not None:
        error.facts |= {"position": outlook.position, "eta_s": round(outlook.eta_us / US_PER_S, 1)}
        error.retry_after_s = min(LONGEST_RETRY_S, max(1, -(-outlook.eta_us // US_PER_S)))
    return error
