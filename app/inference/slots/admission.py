"""Takes a slot on the best node for a call, waiting for one if need be."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID, uuid4

import msgspec

from app.breaker import REST_S
from app.errors import AbilityMissing, ContractUnmet, NoNodeAvailable
from app.inference.estimates import US_PER_S
from app.inference.fleet.catalogue import Catalogue, Model
from app.inference.fleet.nodes import Fleet
from app.inference.routing.candidates import context_on
from app.inference.routing.placement import Need, Placement, place, with_taken
from app.inference.slots.lanes import lane_of
from app.inference.slots.lease import Lease, LeaseFacts, load_of
from app.inference.slots.patience import Patience
from app.inference.slots.queue import SlotQueue
from app.inference.slots.waiter import Grant, Offer, Wish, no_slot
from app.inference.words.abilities import Ability
from app.inference.words.account import Account
from app.inference.words.contract import Term
from app.inference.words.priority import Priority
from app.inference.words.route import Candidate, Exclusion
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics

LONGEST_HELD_UP_S = 180.0
"""A call waits no longer than this for what others load, beyond what it waits for a slot."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a slot, and what for; `identity` is the same for the same request, whoever repeats it."""

    need: Need
    identity: str
    agent: str
    account: Account
    priority: Priority = Priority.INTERACTIVE
    deadline_s: float | None = None
    """How long from now its answer is worth anything; None: as long as it waits."""
    times: float = 1.0
    """How many prompts of that size it has."""


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
    """Lets calls in: places them, has them wait for their turn, and makes the lease."""

    def __init__(self, fleet: Fleet, queue: SlotQueue, metrics: Metrics, *, clock: Callable[[], float]) -> None:
        self._fleet = fleet
        self._queue = queue
        self._metrics = metrics
        self._clock = clock

    def place(self, need: Need) -> Placement:
        """Return where a call could go now.

        Raises NoNodeAvailable when that is nowhere, ContractUnmet when it is nowhere because of the call's contract,
        AbilityMissing when no model can do what it needs.
        """
        placement = place(need, self._fleet.views(), self._fleet.catalogue, self._queue.waits)
        if placement.unmet is not None:
            raise _unmet(need, placement.unmet)
        if placement.lacking is not None:
            raise _lacking(need, placement.lacking)
        if not placement.eligible:
            raise _nowhere(need, placement)
        return placement

    def digest(self, model: str) -> str | None:
        """Return the digest of a model, by its full name; None where nodes have several, or none has it."""
        held = {view.holds[model] for view in self._fleet.views() if model in view.holds}
        return held.pop() if len(held) == 1 else None

    def has_room_elsewhere(self, need: Need) -> bool:
        """Whether a node that the call has not tried could take it."""
        return bool(place(need, self._fleet.views(), self._fleet.catalogue).eligible)

    async def check(self, asked: Asked, limit_s: float) -> None:
        """Return if the call could have a slot or wait for one now. Raises NoNodeAvailable and NoSlotInTime if not."""
        offer = self._offer(asked, uuid4(), self._clock())
        await self._queue.check(self._wish(asked, offer, uuid4(), limit_s, None), offer)

    async def admit(self, asked: Asked, limit_s: float, patience: Patience) -> Held:
        """Return a held slot.

        Raises NoNodeAvailable, ContractUnmet, AbilityMissing; NoSlotInTime at once if it may not wait.

        A patient call is told then that it waits, and keeps its place for as long as its patience lasts.
        """
        call_id = uuid4()
        came = self._clock()
        first = self._offer(asked, call_id, came)
        wish = self._wish(asked, first, call_id, limit_s, patience)
        offers = chain((first,), iter(lambda: self._offer(asked, call_id, came), None))

        def overdue() -> None:
            patience.tell(no_slot(limit_s))

        telling = asyncio.get_running_loop().call_later(limit_s, overdue)
        try:
            return self._held(asked, await self._queue.take(wish, lambda: next(offers)))
        finally:
            telling.cancel()

    def _offer(self, asked: Asked, call_id: UUID, came: float) -> Offer:
        """Place a call that came then; its lease has the same id wherever it goes."""
        placement = self.place(replace(asked.need, waited_s=self._clock() - came))
        catalogue, gpus = self._fleet.catalogue, self._queue.register.gpus()
        rates = {model.name: model.tokens_per_s for model in catalogue.models}

        def lease(candidate: Candidate, waited_us: int, coordinated: bool) -> Lease:  # noqa: FBT001 - Offer.lease
            facts = facts_of(asked, catalogue, waited_us, datetime.now(UTC), call_id)(candidate)
            gpu_count = gpus.get(candidate.node, 1)
            return Lease(
                facts, rates[candidate.model], coordinated=coordinated, gpus=gpu_count, load=load_of(candidate)
            )

        return Offer(placement.eligible, lease, placement)

    def _wish(self, asked: Asked, offer: Offer, call_id: UUID, limit_s: float, patience: Patience | None) -> Wish:
        best, need, tenant_id = offer.candidates[0], asked.need, asked.account.tenant_id
        begins_s = best.load_s + best.prefill_s
        return Wish(
            id=str(call_id),
            queue=(need.tier or need.kind).value,
            lane=lane_of(need.kind, asked.priority),
            tenant="" if tenant_id is None else str(tenant_id),
            guess_us=round(best.gpu_s * asked.times * US_PER_S),
            limit_s=limit_s + _held_up_s(offer.candidates),
            patience_s=0.0 if patience is None else patience.left_s,
            deadline_s=asked.deadline_s,
            begins_s=begins_s,
            on_outlook=None if patience is None else patience.queued,
        )

    def _held(self, asked: Asked, grant: Grant) -> Held:
        catalogue = self._fleet.catalogue
        model = next(one for one in catalogue.models if one.name == grant.candidate.model)
        chosen = self._as_loaded(asked.need, model, grant)
        candidates = grant.offer.placement.candidates
        if chosen is not grant.candidate:
            candidates = tuple(chosen if one is grant.candidate else one for one in candidates)
        self._count(asked, chosen, grant)
        self._fleet.began(chosen.node, chosen.model)
        return Held(
            asked=asked,
            model=model,
            candidate=chosen,
            candidates=with_taken(candidates, grant.taken, chosen),
            tier=chosen.tier,
            lease=grant.lease,
            wait_us=grant.waited_us,
            began=self._clock(),
            started_at=grant.lease.facts.started_at,
        )

    def _count(self, asked: Asked, chosen: Candidate, grant: Grant) -> None:
        lane = lane_of(asked.need.kind, asked.priority)
        self._metrics.slot_wait.labels(chosen.tier or asked.need.kind, lane.value).observe(grant.waited_us / US_PER_S)
        if grant.starved:
            self._metrics.queue_promotions.labels(lane.value).inc()

    def _as_loaded(self, need: Need, model: Model, grant: Grant) -> Candidate:
        """Return what was granted with the context that is in memory, or being loaded, now; it may have changed."""
        chosen, view = grant.candidate, self._fleet.find_loading(grant.candidate.node)
        if view is None:
            return chosen if chosen.withheld is None else msgspec.structs.replace(chosen, withheld=None)
        num_ctx, resident = context_on(view, model, need.tokens_for(chosen.digest) + need.max_tokens)
        found = msgspec.structs.replace(chosen, num_ctx=num_ctx, resident=resident, withheld=None)
        grant.lease.load = load_of(found)
        return found


def _held_up_s(candidates: Sequence[Candidate]) -> float:
    """Return how much longer a call may wait that has to wait for a load wherever it may go."""
    if not all(one.is_held_up for one in candidates):
        return 0.0
    return min(LONGEST_HELD_UP_S, min(one.wait_s for one in candidates))


def facts_of(
    asked: Asked, catalogue: Catalogue, wait_us: int, started_at: datetime, call_id: UUID | None = None
) -> Callable[[Candidate], LeaseFacts]:
    """Return what makes the facts of one attempt's lease; each attempt has an id of its own."""
    call_id = call_id or uuid4()
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
        price_usd_micro_per_hour=catalogue.price_of(candidate.node),
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


def _lacking(need: Need, ability: Ability) -> AbilityMissing:
    wanted = str(need.model or need.floor or need.kind)
    words = {Ability.TOOLS: "knows how to ask for tools", Ability.VISION: "sees pictures"}
    of = "no model here" if need.model is None else f"no node's {wanted}"
    return AbilityMissing(f"{of} {words[ability]}", ability=ability.value, wanted=wanted)


def _nowhere(need: Need, placement: Placement) -> NoNodeAvailable:
    wanted = need.model or need.tier or need.kind
    why = sorted({f"{one.node}: {one.excluded.value}" for one in placement.candidates if one.excluded is not None})
    refusal = NoNodeAvailable(f"no node can serve {wanted} now", wanted=str(wanted), nodes=", ".join(why)[:500])
    if any(one.excluded is Exclusion.BREAKER_OPEN for one in placement.candidates):
        refusal.retry_after_s = math.ceil(REST_S)
    return refusal
