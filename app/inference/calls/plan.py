"""Where a call would go now, without a call: a dry run."""

import msgspec

from app.inference.estimates import expected_output
from app.inference.routing.complexity import Rating
from app.inference.routing.explanation import Choice
from app.inference.routing.placement import Need, Placement, choose, explain, with_taken
from app.inference.words.abilities import Ability
from app.inference.words.route import Asking, Reason
from app.inference.words.tiers import TIERS, Tier


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The choice. Where there is none: the term of the contract without which there would be, or what no model can."""

    choice: Choice
    unmet: str | None
    lacking: Ability | None = None


def plan_of(need: Need, floor: Tier, rating: Rating, placement: Placement) -> Plan:
    """Return what would be chosen now: the best with a free slot, else the one that would be waited for."""
    offered = placement.eligible
    taken = {one.node: one.taken for one in placement.candidates}
    chosen = choose(offered, taken) or (offered[0] if offered else None)
    candidates, reason = placement.candidates, None
    if chosen is not None:
        candidates = with_taken(candidates, taken, chosen)
        reason = _moved(chosen.tier, floor) or explain(candidates, chosen)
    asking = Asking(
        floor=floor,
        contract=need.contract,
        abilities=tuple(sorted(need.abilities)),
        prompt_tokens=need.prompt_tokens,
        output_tokens=round(expected_output(need.output_tokens, need.max_tokens)),
    )
    choice = Choice(
        floor=floor,
        tier_reason=rating.reason,
        need=rating.need,
        asking=asking,
        candidates=candidates,
        chosen=chosen,
        reason=reason,
    )
    unmet = None if placement.unmet is None else placement.unmet.value
    return Plan(choice=choice, unmet=unmet, lacking=placement.lacking)


def _moved(tier: Tier | None, floor: Tier) -> Reason | None:
    if tier is None or tier is floor:
        return None
    return Reason.ESCALATED_TIER if TIERS.index(tier) > TIERS.index(floor) else Reason.DEGRADED_TIER
