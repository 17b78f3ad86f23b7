"""Which model on which node may serve a call, in what order, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from app.breaker import BreakerState
from app.inference.estimates import UNKNOWN, cost_usd_micro, crowded, predict
from app.inference.fleet.catalogue import Catalogue, Model, full_name
from app.inference.fleet.model_problems import digest_fits
from app.inference.fleet.nodes import NodeState, NodeView
from app.inference.words.records import CallKind
from app.inference.words.route import Candidate, Exclusion, Reason
from app.inference.words.tiers import TIERS, Tier

# What a second of somebody's waiting is worth, in micro-dollars: as much as a GPU of 0.36 USD an hour.
SECOND_USD_MICRO = 100.0

_STATE_EXCLUDES = {
    NodeState.WARMING: Exclusion.NODE_WARMING,
    NodeState.DRAINING: Exclusion.NODE_DRAINING,
    NodeState.DOWN: Exclusion.NODE_DOWN,
    NodeState.MISCONFIGURED: Exclusion.NODE_MISCONFIGURED,
}


@dataclass(frozen=True, slots=True)
class Need:
    """What a call needs. `model` (with or without `digest`) overrides the tier; `tried` nodes are left out.

    `by_digest` has the tokens of the prompt for models whose vocabulary is known better.
    """

    kind: CallKind
    tier: Tier | None
    prompt_tokens: int
    max_tokens: int
    model: str | None = None
    digest: str | None = None
    last_node: str | None = None
    tried: frozenset[str] = frozenset()
    by_digest: Mapping[str, int] = field(default_factory=dict[str, int])

    def tokens_for(self, digest: str) -> int:
        """Return about how many tokens the prompt has for the model with that digest."""
        return self.by_digest.get(digest, self.prompt_tokens)


@dataclass(frozen=True, slots=True)
class Placement:
    """Every candidate, best first, those excluded last; `tier` is the one that they serve."""

    tier: Tier | None
    candidates: tuple[Candidate, ...]

    @property
    def eligible(self) -> tuple[Candidate, ...]:
        """The candidates that could take the call."""
        return tuple(candidate for candidate in self.candidates if candidate.excluded is None)


def place(need: Need, views: Sequence[NodeView], catalogue: Catalogue) -> Placement:
    """Return the candidates for a call.

    Another tier is taken only when no node serves the asked one: first the higher ones, then the lower ones. What was
    found for the asked tier stays among the candidates, so that the route explains it.
    """
    if need.tier is None or need.model is not None:
        models = [model for model in catalogue.models if _wanted(model, need)]
        return Placement(need.tier, _ranked(need.tier, models, need, views))
    passed: tuple[Candidate, ...] = ()
    for tier in substitutes(need.tier):
        candidates = _ranked(tier, catalogue.serving(tier), need, views)
        if any(candidate.excluded is None for candidate in candidates):
            return Placement(tier, candidates + passed)
        passed += candidates
    return Placement(need.tier, passed)


def substitutes(tier: Tier) -> tuple[Tier, ...]:
    """Return the tier, then the higher ones ascending, then the lower ones descending."""
    index = TIERS.index(tier)
    return TIERS[index:] + tuple(reversed(TIERS[:index]))


def choose(candidates: Sequence[Candidate], taken: Mapping[str, int]) -> Candidate | None:
    """Return the best candidate with a free slot, or None. `register.lua` chooses by the same rule."""
    best: Candidate | None = None
    best_score = 0.0
    for candidate in candidates:
        count = taken.get(candidate.node, 0)
        if candidate.excluded is not None or candidate.score is None or count >= candidate.slots:
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
        full = candidate.excluded is None and count >= candidate.slots and candidate is not chosen
        excluded = Exclusion.NO_FREE_SLOT if full else candidate.excluded
        seen.append(msgspec.structs.replace(candidate, taken=count, excluded=excluded))
    return tuple(seen)


def explain(candidates: Sequence[Candidate], chosen: Candidate) -> Reason:
    """Return why `chosen` was, given the candidates as they were then (`with_taken`)."""
    free = [other for other in candidates if other.excluded is None]
    others = [other for other in free if (other.node, other.model) != (chosen.node, chosen.model)]
    if not others:
        full = any(other.excluded is Exclusion.NO_FREE_SLOT for other in candidates)
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


def _wanted(model: Model, need: Need) -> bool:
    if model.kind is not need.kind:
        return False
    return need.model is None or full_name(model.name) == full_name(need.model)


def _ranked(tier: Tier | None, models: Sequence[Model], need: Need, views: Sequence[NodeView]) -> tuple[Candidate, ...]:
    found = [
        _candidate(tier, model, need, view)
        for model in models
        for view in views
        if any(full_name(name) == full_name(model.name) for name in view.node.models)
    ]
    found.sort(key=lambda candidate: (candidate.score is None, candidate.score or 0.0, candidate.node))
    return tuple(found)


def _candidate(tier: Tier | None, model: Model, need: Need, view: NodeView) -> Candidate:
    key = full_name(model.name)
    excluded = _excluded(model, key, need, view)
    digest = view.holds.get(key, "")
    if excluded is not None:
        return Candidate(
            node=view.node.name, model=model.name, tier=tier, digest=digest, excluded=excluded,
            slots=view.node.slots, taken=view.taken,
        )  # fmt: skip
    tokens = need.tokens_for(digest)
    num_ctx, resident = context_size(model, tokens + need.max_tokens, view.loaded.get(key))
    affinity = resident and need.last_node == view.node.name
    expected = predict(
        view.speeds.get(key, UNKNOWN).or_else(model.expected_speed),
        prompt_tokens=min(tokens, num_ctx),
        max_tokens=need.max_tokens,
        is_resident=resident,
        is_cached=affinity,
    )
    cost = cost_usd_micro(expected.gpu_us(view.node.gpus), view.node.price_usd_micro_per_hour)
    return Candidate(
        node=view.node.name,
        model=model.name,
        tier=tier,
        digest=digest,
        resident=resident,
        affinity=affinity,
        slots=view.node.slots,
        taken=view.taken,
        num_ctx=num_ctx,
        load_s=expected.load_s,
        prefill_s=expected.prefill_s,
        decode_s=expected.decode_s,
        cost_usd_micro=cost,
        # Calls in other slots slow this one: in the worst case they share the node equally, so a full node takes as
        # much longer as the call's own decoding.
        crowding=expected.decode_s * SECOND_USD_MICRO,
        score=cost + expected.total_s * SECOND_USD_MICRO,
    )


def _excluded(model: Model, key: str, need: Need, view: NodeView) -> Exclusion | None:
    if view.state is not NodeState.READY:
        return _STATE_EXCLUDES[view.state]
    if key not in view.holds:
        return Exclusion.MODEL_MISSING
    if not digest_fits(model, view.holds[key]) or need.digest not in (None, view.holds[key]):
        return Exclusion.DIGEST_DIFFERS
    if view.breakers.get(key) is BreakerState.OPEN:
        return Exclusion.BREAKER_OPEN
    return Exclusion.ALREADY_TRIED if view.node.name in need.tried else None


def context_size(model: Model, tokens: int, loaded: int | None) -> tuple[int, bool]:
    """Return the context size to ask for, and whether the model is in memory with it.

    Another size than the loaded one makes the node load the model anew, so a loaded size that is large enough stays.
    The largest size is taken when none is large enough: the estimate may be too high, and the node refuses if not.
    """
    if loaded in model.num_ctx and loaded >= tokens:
        return loaded, True
    size = next((size for size in model.num_ctx if size >= tokens), model.num_ctx[-1])
    return size, loaded == size or (loaded == 0)
