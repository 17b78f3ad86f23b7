"""Which model on which node may serve a call, in what order, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from app.inference.estimates import crowded, turn_s
from app.inference.fleet.catalogue import Catalogue, Model, full_name
from app.inference.fleet.views import NodeView
from app.inference.routing.candidates import ABILITY_EXCLUDES, SECOND_USD_MICRO, candidate_of
from app.inference.routing.candidates import Need as Need
from app.inference.words.abilities import Ability
from app.inference.words.contract import Contract, Term
from app.inference.words.route import Candidate, Exclusion, Reason, Withheld
from app.inference.words.tiers import TIERS, Tier

NO_WAITS: Mapping[Tier, float] = {}
_OF_TERM = {Term.MIN_TIER: Withheld.MIN_TIER, Term.NO_DEGRADE: Withheld.NO_DEGRADE, Term.DIGEST: Withheld.DIGEST}
_TERM_OF = {withheld: term for term, withheld in _OF_TERM.items()}
_LACKED = {excluded: ability for ability, excluded in ABILITY_EXCLUDES.items()}


@dataclass(frozen=True, slots=True)
class Placement:
    """Every candidate, best first, those that are not offered last; `tier` is that of the best one."""

    tier: Tier | None
    candidates: tuple[Candidate, ...]

    @property
    def eligible(self) -> tuple[Candidate, ...]:
        """The candidates that the call is offered: the first with a free slot is its."""
        return tuple(candidate for candidate in self.candidates if candidate.is_offered)

    @property
    def unmet(self) -> Term | None:
        """The term of the contract without which the call would be served; None if it is, or would not be."""
        if self.eligible:
            return None
        kept = (_TERM_OF.get(one.withheld) for one in self.candidates if one.withheld is not None)
        return next((term for term in kept if term is not None), None)

    @property
    def lacking(self) -> Ability | None:
        """What no model here can do that the call needs; None if one can, though it may be away."""
        lacked = [_LACKED.get(one.excluded) for one in self.candidates if one.excluded is not None]
        return next(iter(lacked), None) if len(lacked) == len(self.candidates) and all(lacked) else None


def place(
    need: Need, views: Sequence[NodeView], catalogue: Catalogue, waits: Mapping[Tier, float] = NO_WAITS
) -> Placement:
    """Return the candidates for a call; `waits` has the seconds that those take who wait for a tier already.

    Every model that reaches the quality floor competes on every node. One below it is offered only when no node serves
    the floor, the highest first, and never against the contract. What was found at the floor stays among the
    candidates, so that the route explains it. Where breakers leave nobody at all, those are asked whose breakers are
    open: a call that may fail is better than one that must.
    """
    placement = _place(need, views, catalogue, waits)
    if placement.eligible or all(one.excluded is not Exclusion.BREAKER_OPEN for one in placement.candidates):
        return placement
    forgiving = _place(replace(need, forgives=True), views, catalogue, waits)
    return forgiving if forgiving.eligible else placement


def _place(need: Need, views: Sequence[NodeView], catalogue: Catalogue, waits: Mapping[Tier, float]) -> Placement:
    if need.model is not None or need.tier is None:
        wanted = [model for model in catalogue.models if _wanted(model, need)]
        tiers = [(model, _named_tier(model, need)) for model in wanted]
        return _placement(need.tier, _on_nodes(tiers, need, views, waits))
    floor = need.contract.floor(need.tier)
    passed: tuple[Candidate, ...] = ()
    for tiers in (TIERS[TIERS.index(floor) :], *((tier,) for tier in reversed(TIERS[: TIERS.index(floor)]))):
        found = _on_nodes(_serving(catalogue, tiers), need, views, waits)
        placement = _placement(floor, found, passed)
        if placement.eligible:
            return placement
        passed = placement.candidates
    return Placement(floor, passed)


def choose(candidates: Sequence[Candidate], taken: Mapping[str, int]) -> Candidate | None:
    """Return the best candidate with a free slot, or None. `register.lua` chooses by the same rule."""
    best: Candidate | None = None
    best_score = 0.0
    for candidate in candidates:
        count = taken.get(candidate.node, 0)
        if not candidate.is_offered or candidate.score is None or count >= candidate.slots:
            continue
        score = crowded(candidate.score, candidate.crowding, taken=count, slots=candidate.slots)
        if best is None or score < best_score:
            best, best_score = candidate, score
    return best


def with_taken(candidates: Sequence[Candidate], taken: Mapping[str, int], chosen: Candidate) -> tuple[Candidate, ...]:
    """Return the candidates with the slots that were taken when `chosen` was."""
    seen: list[Candidate] = []
    for candidate in candidates:
        count = taken.get(candidate.node, candidate.taken)
        full = _competes(candidate) and count >= candidate.slots and candidate is not chosen
        excluded = Exclusion.NO_FREE_SLOT if full else candidate.excluded
        seen.append(msgspec.structs.replace(candidate, taken=count, excluded=excluded))
    return tuple(seen)


def explain(candidates: Sequence[Candidate], chosen: Candidate) -> Reason:
    """Return why `chosen` was among those of its tier, given the candidates as they were then (`with_taken`)."""
    if chosen.forgiven:
        return Reason.LAST_RESORT
    same = [other for other in candidates if other.tier is chosen.tier]
    free = [other for other in same if _competes(other)]
    others = [other for other in free if (other.node, other.model) != (chosen.node, chosen.model)]
    if not others:
        full = any(other.excluded is Exclusion.NO_FREE_SLOT for other in same)
        return Reason.WARM_AND_FREE if full and chosen.resident else Reason.ONLY_CANDIDATE
    if not chosen.resident:
        return Reason.COLD_LOAD
    if chosen.affinity:
        return Reason.AFFINITY
    if not any(other.resident for other in others):
        return Reason.WARM_AND_FREE
    if any((other.score or 0.0) <= (chosen.score or 0.0) for other in others):
        return Reason.LEAST_TAKEN
    return Reason.LEAST_COST


def _competes(candidate: Candidate) -> bool:
    """Whether a candidate could have had the call, though another may have been worth more."""
    return candidate.excluded is None and candidate.withheld in {None, Withheld.BETTER_SOON}


def _wanted(model: Model, need: Need) -> bool:
    if model.kind is not need.kind:
        return False
    return need.model is None or full_name(model.name) == full_name(need.model)


def _named_tier(model: Model, need: Need) -> Tier | None:
    """Return the tier that a named model answers at: the one asked for where it serves that, else its highest."""
    if need.tier is None or need.tier in model.tiers:
        return need.tier
    return max(model.tiers, key=TIERS.index, default=need.tier)


def _serving(catalogue: Catalogue, tiers: Sequence[Tier]) -> list[tuple[Model, Tier]]:
    """Return the chat models that serve one of the tiers, each with the first of those that it does."""
    found: dict[str, tuple[Model, Tier]] = {}
    for tier in tiers:
        for model in catalogue.serving(tier):
            found.setdefault(model.name, (model, tier))
    return list(found.values())


def _on_nodes(
    models: Iterable[tuple[Model, Tier | None]], need: Need, views: Sequence[NodeView], waits: Mapping[Tier, float]
) -> list[Candidate]:
    return [
        _kept_to(need.contract, need.floor, candidate_of(tier, model, need, view, ahead_s=_ahead_s(tier, waits)))
        for model, tier in models
        for view in views
        if any(full_name(name) == full_name(model.name) for name in view.node.models)
    ]


def _ahead_s(tier: Tier | None, waits: Mapping[Tier, float]) -> float:
    return 0.0 if tier is None else waits.get(tier, 0.0)


def _kept_to(contract: Contract, floor: Tier | None, candidate: Candidate) -> Candidate:
    """Return the candidate, withheld if the contract forbids it."""
    term = None
    if candidate.tier is not None and floor is not None:
        term = contract.forbids(candidate.tier, floor)
    if contract.digest not in (None, candidate.digest):
        term = Term.DIGEST
    if term is None or candidate.excluded is not None:
        return candidate
    return msgspec.structs.replace(candidate, withheld=_OF_TERM[term])


def _placement(tier: Tier | None, found: Sequence[Candidate], passed: tuple[Candidate, ...] = ()) -> Placement:
    ranked = sorted(_worth_it(found), key=_rank)
    offered = [one for one in ranked if one.is_offered]
    return Placement(offered[0].tier if offered else tier, (*ranked, *passed))


def _rank(candidate: Candidate) -> tuple[bool, bool, float, str]:
    expected = 0.0 if candidate.score is None else _total(candidate)
    return candidate.score is None, not candidate.is_offered, expected, candidate.node


def _worth_it(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Withhold every candidate that is worth less, free as it may be, than to wait for a slot of a better one."""
    patient = min((_with_slot(one, is_next=False) for one in candidates if one.is_offered), default=0.0)
    return [
        msgspec.structs.replace(one, withheld=Withheld.BETTER_SOON)
        if one.is_offered and _with_slot(one) > patient
        else one
        for one in candidates
    ]


def _with_slot(candidate: Candidate, *, is_next: bool = True) -> float:
    """Return what the candidate is worth to whoever gets a slot of it next, or else to whoever waits until one is free.

    The second is asked of a free one too: it may be taken in between.
    """
    taken = min(candidate.taken if is_next else candidate.slots, candidate.slots - 1)
    wait_s = (
        0.0 if is_next else max(candidate.wait_s, turn_s(candidate.prefill_s + candidate.decode_s, candidate.slots))
    )
    score = crowded(candidate.score or 0.0, candidate.crowding, taken=taken, slots=candidate.slots)
    return score + wait_s * SECOND_USD_MICRO


def _total(candidate: Candidate) -> float:
    """Return what the candidate is worth to a call that comes now."""
    return _with_slot(candidate) + candidate.wait_s * SECOND_USD_MICRO
