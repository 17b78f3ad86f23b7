"""Takes a slot on the best node for a call, waiting for one if need be."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from app.breaker import REST_S
from app.errors import ContractUnmet, NoNodeAvailable
from app.inference.estimates import US_PER_S
from app.inference.fleet.catalogue import Catalogue, Model
from app.inference.fleet.nodes import Fleet
from app.inference.routing.placement import Need, Placement, place, with_taken
from app.inference.slots.lease import Lease, LeaseFacts
from app.inference.slots.patience import Patience
from app.inference.slots.register import LeaseRegister
from app.inference.slots.waiting import WaitingRoom, no_slot
from app.inference.words.account import Account
from app.inference.words.contract import Term
from app.inference.words.route import Candidate, Exclusion
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a slot, and what for; `identity` is the same for the same request, whoever repeats it."""

    need: Need
    identity: str
    agent: str
    account: Account


@dataclass(frozen=True, slots=True)
class Held:
    """A slot held for one call. `began` is by the monotonic clock, `started_at` by the calendar."""

    asked: Asked
    model: Model
    candidate: Candidate
    candidates: tuple[Candidate, ...]
    tier: Tier | None
    lease: Lease
    wait_us: int
    began: float
    started_at: datetime

    @property
    def prompt_tokens(self) -> int:
        """About how many tokens of the prompt the node reads: what does not fit its context is never sent."""
        return min(self.asked.need.tokens_for(self.candidate.digest), self.candidate.num_ctx)


class Admission:
    """Lets calls in: places them, has them wait in order, and makes the lease."""

    def __init__(
        self, fleet: Fleet, leases: LeaseRegister, metrics: Metrics, *, places: int, clock: Callable[[], float]
    ) -> None:
        self._fleet = fleet
        self._leases = leases
        self._metrics = metrics
        self._clock = clock
        self._room = WaitingRoom(places=places, on_length=metrics.calls_waiting.set)
        leases.when_freed(self._room.wake)

    def place(self, need: Need) -> Placement:
        """Return where a call could go now.

        Raises NoNodeAvailable when that is nowhere, ContractUnmet when it is nowhere because of the call's contract.
        """
        placement = place(need, self._fleet.views(), self._fleet.catalogue)
        if placement.unmet is not None:
            raise _unmet(need, placement.unmet)
        if not placement.eligible:
            raise _nowhere(need, placement)
        return placement

    def has_room_elsewhere(self, need: Need) -> bool:
        """Whether a node that the call has not tried could take it."""
        return bool(place(need, self._fleet.views(), self._fleet.catalogue).eligible)

    def check_room(self) -> None:
        """Raise NoSlotInTime if no more calls may wait in this process."""
        self._room.check()

    async def admit(self, asked: Asked, limit_s: float, patience: Patience) -> Held:
        """Return a held slot. Raises NoNodeAvailable, ContractUnmet, and NoSlotInTime after `limit_s`.

        A patient call is told then that it waits, and keeps its place for as long as its patience lasts.
        """
        started = self._clock()

        async def attempt() -> Held | None:
            return await self._attempt(asked, started)

        def overdue() -> None:
            patience.tell(no_slot(limit_s))

        lane = asked.need.model or asked.need.tier or asked.need.kind
        telling = asyncio.get_running_loop().call_later(limit_s, overdue)
        try:
            return await self._room.wait_for(lane, attempt, max(limit_s, patience.left_s))
        finally:
            telling.cancel()

    async def _attempt(self, asked: Asked, started: float) -> Held | None:
        waited_s, started_at = self._clock() - started, datetime.now(UTC)
        placement = self.place(replace(asked.need, waited_s=waited_s))
        catalogue, wait_us = self._fleet.catalogue, round(waited_s * US_PER_S)
        granted = await self._leases.acquire(
            placement.eligible,
            facts_of(asked, catalogue, wait_us, started_at),
            {model.name: model.tokens_per_s for model in catalogue.models},
        )
        if granted is None:
            return None
        chosen, lease, taken = granted
        self._metrics.slot_wait.labels(chosen.tier or asked.need.kind).observe(wait_us / US_PER_S)
        self._fleet.began(chosen.node, chosen.model)
        return Held(
            asked=asked,
            model=next(model for model in catalogue.models if model.name == chosen.model),
            candidate=chosen,
            candidates=with_taken(placement.candidates, taken, chosen),
            tier=chosen.tier,
            lease=lease,
            wait_us=wait_us,
            began=self._clock(),
            started_at=started_at,
        )


def facts_of(
    asked: Asked, catalogue: Catalogue, wait_us: int, started_at: datetime
) -> Callable[[Candidate], LeaseFacts]:
    """Return what makes the facts of one attempt's lease; each attempt has an id of its own."""
    call_id = uuid4()
    prices = {node.name: node.price_usd_micro_per_hour for node in catalogue.nodes}
    return lambda candidate: LeaseFacts(
        id=call_id,
        kind=asked.need.kind,
        agent=asked.agent,
        account=asked.account,
        run_id=asked.account.run_id,
        tier=candidate.tier,
        node=candidate.node,
        model=candidate.model,
        digest=candidate.digest,
        input_tokens=min(asked.need.tokens_for(candidate.digest), candidate.num_ctx),
        wait_us=wait_us,
        price_usd_micro_per_hour=prices[candidate.node],
        started_at=started_at,
        expected_us=round((candidate.load_s + candidate.prefill_s + candidate.decode_s) * US_PER_S),
    )


def _unmet(need: Need, term: Term) -> ContractUnmet:
    wanted, contract = need.model or need.floor or need.kind, need.contract
    what = {
        Term.MIN_TIER: f"nothing of the tier {contract.min_tier} or above",
        Term.DIGEST: f"no model with the digest {contract.digest}",
        Term.NO_DEGRADE: f"nothing of the tier {need.floor} or above",
    }[term]
    return ContractUnmet(
        f"{what} can answer now, and the routing contract allows nothing else", term=term.value, wanted=str(wanted)
    )


def _nowhere(need: Need, placement: Placement) -> NoNodeAvailable:
    wanted = need.model or need.tier or need.kind
    why = sorted({f"{one.node}: {one.excluded.value}" for one in placement.candidates if one.excluded is not None})
    refusal = NoNodeAvailable(f"no node can serve {wanted} now", wanted=str(wanted), nodes=", ".join(why)[:500])
    if any(one.excluded is Exclusion.BREAKER_OPEN for one in placement.candidates):
        refusal.retry_after_s = math.ceil(REST_S)
    return refusal
