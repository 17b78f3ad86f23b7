"""A route in words: what was chosen, why, and what the runner-up lacked."""

from collections.abc import Sequence

import msgspec

from app.inference.words.route import Asking, Candidate, Exclusion, Reason, Withheld
from app.inference.words.tiers import TIERS, Tier, TierReason

_TIER = {
    TierReason.RATED: "the question was rated {need:.2f} of 1",
    TierReason.ABSTAINED: "the rating was unsure",
    TierReason.SESSION_KEEPS: "the session keeps the tier that it has",
    TierReason.ASKED_FOR: "the request asked for it",
}
_WHY = {
    Reason.ONLY_CANDIDATE: "nothing else of its tier could take the call",
    Reason.AFFINITY: "it has read most of the prompt before",
    Reason.WARM_AND_FREE: "the model is in memory there and a slot was free; elsewhere it was cold or full",
    Reason.LEAST_TAKEN: "it was as good as another node, with more of its slots free",
    Reason.LEAST_COST: "its price and expected seconds were the lowest",
    Reason.COLD_LOAD: "no free node had the model in memory, so this one loads it",
    Reason.LAST_RESORT: "whatever could take the call had failed lately, so it was asked all the same",
    Reason.RETRY: "another node failed before the first token",
    Reason.CONTINUED: "another node failed after the first token; its text is continued here",
    Reason.RESTARTED: "another node failed after the first token; the answer begins again here",
    Reason.ESCALATED_TIER: "the tier {floor} had no node that could, or none soon enough for its price",
    Reason.DEGRADED_TIER: "no node served the tier {floor} or a higher one",
}
_EXCLUDED = {
    Exclusion.NODE_DOWN: "its node did not answer",
    Exclusion.NODE_DRAINING: "its node was being drained",
    Exclusion.NODE_WARMING: "its node had not been looked at yet",
    Exclusion.NODE_MISCONFIGURED: "its node may serve none of its models",
    Exclusion.MODEL_MISSING: "its node does not hold the model",
    Exclusion.DIGEST_DIFFERS: "its node holds the model with another digest",
    Exclusion.TOO_LARGE: "it does not fit the memory of its node",
    Exclusion.NO_TOOLS: "it knows nothing of tools, which the call has",
    Exclusion.NO_VISION: "it cannot see the pictures of the call",
    Exclusion.BREAKER_OPEN: "the model had failed there in a row",
    Exclusion.ALREADY_TRIED: "the call had failed there before",
    Exclusion.NO_FREE_SLOT: "all of its slots were taken",
}
_WITHHELD = {
    Withheld.BETTER_SOON: "to wait for another one was worth more",
    Withheld.NODE_LOADING: "its node was loading another model",
    Withheld.MIN_TIER: "it is below the contract's minimum tier",
    Withheld.NO_DEGRADE: "it is below the tier that was needed, which the contract forbids",
    Withheld.DIGEST: "it has another digest than the contract pins",
}
LEAST_S = 0.01
"""A smaller difference in seconds is none."""


class Explanation(msgspec.Struct, frozen=True):
    """A choice in words. `runner_up` and `lacked` are null when there was no other candidate."""

    chosen: str | None
    why: str
    runner_up: str | None
    lacked: str | None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to explain; `chosen` and `reason` are None when nothing was."""

    floor: Tier
    tier_reason: TierReason
    need: float
    asking: Asking
    candidates: Sequence[Candidate]
    chosen: Candidate | None
    reason: Reason | None


def in_words(choice: Choice) -> Explanation:
    """Return the choice in words."""
    needed = f"The tier {choice.floor} was needed: {_TIER[choice.tier_reason].format(need=choice.need)}"
    if choice.asking.contract.min_tier is not None:
        needed += f", and the contract asks for {choice.asking.contract.min_tier} at least"
    if choice.asking.abilities:
        needed += f"; the call needs {' and '.join(choice.asking.abilities)}"
    chosen = choice.chosen
    others = [one for one in choice.candidates if chosen is None or _place(one) != _place(chosen)]
    best = min(others, key=_order, default=None)
    if chosen is None or choice.reason is None:
        why, lacked = f"{needed}. Nothing could take the call.", None if best is None else _kept_out(best)
    else:
        why = f"{needed}. {_WHY[choice.reason].format(floor=choice.floor).capitalize()}."
        lacked = None if best is None else _kept_out(best) or _lacked(best, chosen)
    return Explanation(None if chosen is None else _name(chosen), why, None if best is None else _name(best), lacked)


def _name(one: Candidate) -> str:
    return f"{one.model} on {one.node}" + ("" if one.tier is None else f" ({one.tier})")


def _place(one: Candidate) -> tuple[str, str]:
    return one.node, one.model


def _order(one: Candidate) -> tuple[bool, bool, float, int]:
    tier = 0 if one.tier is None else TIERS.index(one.tier)
    return one.score is None, one.excluded is not None, one.score or 0.0, tier


def _kept_out(one: Candidate) -> str | None:
    if one.excluded is not None:
        return _EXCLUDED[one.excluded]
    if one.withheld is None:
        return None
    return _WITHHELD[one.withheld] + (f": {cost}" if (cost := _heaviest(one)) else "")


def _heaviest(one: Candidate) -> str:
    """Return what counts most against a candidate that is withheld for another one's sake."""
    if one.withheld is not Withheld.BETTER_SOON:
        return ""
    terms = {"it would load the model first": one.load_s, "it would wait for a slot": one.wait_s}
    what = max(terms, key=lambda name: terms[name])
    return f"{what} ({terms[what]:.1f} s)" if terms[what] > LEAST_S else ""


def _lacked(one: Candidate, chosen: Candidate) -> str:
    """Return the term by which a candidate that was offered was most behind."""
    seconds = {
        "it would wait longer for a slot": one.wait_s - chosen.wait_s,
        "it would load the model first": one.load_s - chosen.load_s,
        "it would take longer to read the prompt": one.prefill_s - chosen.prefill_s,
        "it would take longer to write": one.decode_s - chosen.decode_s,
    }
    what = max(seconds, key=lambda name: seconds[name])
    if seconds[what] > LEAST_S:
        return f"{what} ({seconds[what]:.1f} s more)"
    if one.cost_usd_micro > chosen.cost_usd_micro:
        return f"it would cost more ({(one.cost_usd_micro - chosen.cost_usd_micro) / 1_000_000:.6f} USD)"
    if one.slots and chosen.slots and one.taken / one.slots > chosen.taken / chosen.slots:
        return f"more of its slots were taken ({one.taken} of {one.slots})"
    return "nothing: the two were alike"
