"""What each model on each node would take for a call, and whether it could serve it at all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from app.breaker import BreakerState
from app.inference.estimates import (
    CACHED_SHARE,
    UNKNOWN,
    US_PER_S,
    Prediction,
    cost_usd_micro,
    expected_output,
    predict,
    turn_s,
)
from app.inference.fleet.catalogue import Model, full_name
from app.inference.fleet.loads import Load
from app.inference.fleet.model_problems import digest_fits
from app.inference.fleet.traits import Traits
from app.inference.fleet.views import NodeState, NodeView
from app.inference.words.abilities import Ability
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.records import CallKind
from app.inference.words.route import Candidate, Exclusion, Withheld
from app.inference.words.tiers import TIERS, Tier

# What a second of somebody's waiting is worth, in micro-dollars: as much as a GPU of 0.36 USD an hour.
SECOND_USD_MICRO = 100.0

PREMIUM_S = 2.0
"""A higher tier than asked must be sooner by so many seconds for each step: its slots are for those that need them, and
a model that is loaded for one call serves those after it."""

AFFINITY_SHARE = 0.25
"""A node that has read so much of a prompt before knows its session; less is an opening that many have in common."""

_STATE_EXCLUDES = {
    NodeState.WARMING: Exclusion.NODE_WARMING,
    NodeState.DRAINING: Exclusion.NODE_DRAINING,
    NodeState.DOWN: Exclusion.NODE_DOWN,
    NodeState.MISCONFIGURED: Exclusion.NODE_MISCONFIGURED,
}
ABILITY_EXCLUDES = {Ability.TOOLS: Exclusion.NO_TOOLS, Ability.VISION: Exclusion.NO_VISION}


@dataclass(frozen=True, slots=True)
class Need:
    """What a call needs. `model` (with or without `digest`) overrides the tier; `tried` nodes are left out.

    `by_digest` has the tokens of the prompt for models whose vocabulary is known better; `output_tokens` is what such
    calls are known to bring, of `max_tokens` at most. `cached` has the share of the prompt that a node (its name) has
    read before with a model (its full name), None while nobody can say; then `last_node` is taken to know most of it.
    `abilities` are what the model must be able to do.
    `waited_s` is how long the call has waited for a slot. `forgives` has models asked whose breaker is open, unless
    they rest.
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
    output_tokens: float | None = None
    cached: Mapping[tuple[str, str], float] | None = None
    contract: Contract = NO_CONTRACT
    abilities: frozenset[Ability] = frozenset()
    waited_s: float = 0.0
    forgives: bool = False

    def tokens_for(self, digest: str) -> int:
        """Return about how many tokens the prompt has for the model with that digest."""
        return self.by_digest.get(digest, self.prompt_tokens)

    def cached_share(self, node: str, key: str) -> float:
        """Return the share of the prompt that the node has read before with the model of that full name."""
        if self.cached is None:
            return CACHED_SHARE if self.last_node == node else 0.0
        return self.cached.get((node, key), 0.0)

    @property
    def floor(self) -> Tier | None:
        """The tier that must answer, or a higher one; None for a call without a tier."""
        return None if self.tier is None else self.contract.floor(self.tier)


def candidate_of(tier: Tier | None, model: Model, need: Need, view: NodeView, *, ahead_s: float = 0.0) -> Candidate:
    """Return what the model on that node would take for the call; calls that wait for its tier take `ahead_s` more."""
    key = full_name(model.name)
    excluded = _excluded(model, key, need, view)
    digest = view.holds.get(key, "")
    if excluded is not None:
        return Candidate(
            node=view.node.name, model=model.name, tier=tier, digest=digest, excluded=excluded,
            slots=view.node.slots, taken=view.taken,
        )  # fmt: skip
    tokens = need.tokens_for(digest)
    num_ctx, resident = context_on(view, model, tokens + need.max_tokens)
    holding_up = holds_up(view, key, num_ctx, is_resident=resident)
    read = min(tokens, num_ctx)
    cached = int(read * need.cached_share(view.node.name, key)) if resident else 0
    expected = predict(
        view.speeds.get(key, UNKNOWN).or_else(model.expected_speed),
        prompt_tokens=read - cached,
        output_tokens=expected_output(need.output_tokens, need.max_tokens),
        is_resident=resident,
    )
    if key in view.loading and holding_up is None:
        expected = replace(expected, load_s=min(expected.load_s, view.loading[key].expected_s))
    found = Candidate(
        node=view.node.name,
        model=model.name,
        tier=tier,
        digest=digest,
        resident=resident,
        forgiven=view.breakers.get(key) is BreakerState.OPEN,
        affinity=cached >= read * AFFINITY_SHARE > 0,
        cached_tokens=cached,
        slots=view.node.slots,
        taken=view.taken,
        num_ctx=num_ctx,
        wait_s=_wait_s(expected, need, view, ahead_s, 0.0 if holding_up is None else holding_up.expected_s),
        # Two loads at once take longer than one after the other, and may push each other out of memory.
        withheld=None if holding_up is None else Withheld.NODE_LOADING,
    )
    return _scored(found, expected, view, premium_s=_steps(need.floor, tier) * PREMIUM_S)


def _scored(candidate: Candidate, expected: Prediction, view: NodeView, *, premium_s: float) -> Candidate:
    gpu_us = expected.gpu_us(view.node.gpus)
    cost = cost_usd_micro(gpu_us, view.node.price_usd_micro_per_hour)
    premium = premium_s * SECOND_USD_MICRO
    return msgspec.structs.replace(
        candidate,
        load_s=expected.load_s,
        prefill_s=expected.prefill_s,
        decode_s=expected.decode_s,
        gpu_s=gpu_us / US_PER_S,
        cost_usd_micro=cost,
        premium=premium,
        # Calls in other slots slow this one: in the worst case they share the node equally, so a full node takes as
        # much longer as the call's own decoding.
        crowding=expected.decode_s * SECOND_USD_MICRO,
        score=cost + expected.total_s * SECOND_USD_MICRO + premium,
    )


def _wait_s(expected: Prediction, need: Need, view: NodeView, ahead_s: float, load_s: float) -> float:
    slots = view.node.slots
    turn = turn_s(expected.prefill_s + expected.decode_s, slots) if view.taken >= slots else 0.0
    # Nobody knows what a long wait waits for: it is expected to go on for as long as it has lasted.
    return max(turn, ahead_s, load_s, need.waited_s) if turn or ahead_s or load_s else 0.0


def holds_up(view: NodeView, key: str, num_ctx: int, *, is_resident: bool) -> Load | None:
    """Return the load on a node that must be over before the model, by its full name, is asked for there."""
    found = (load for load in view.loading.values() if load.holds_up(key, num_ctx, is_resident=is_resident))
    return next(found, None)


def context_on(view: NodeView, model: Model, tokens: int) -> tuple[int, bool]:
    """Return the context to ask a node for, and whether the model is in memory there with it: see `context_size`.

    What is being loaded is not in memory yet; who needs no more context than that joins the load.
    """
    key = full_name(model.name)
    loading = view.loading.get(key)
    loaded = view.loaded.get(key) if loading is None else loading.num_ctx
    num_ctx, resident = context_size(view.sized(model, key), tokens, loaded)
    return num_ctx, resident and loading is None


def context_size(model: Model, tokens: int, loaded: int | None) -> tuple[int, bool]:
    """Return the context size to ask for, and whether the model is in memory with it.

    Another size than the loaded one makes the node load the model anew, so a loaded size that is large enough stays,
    whoever asked for it. The largest size is taken when none is large enough: the estimate may be too high, and the
    node refuses if not.
    """
    size = next((size for size in model.num_ctx if size >= tokens), model.num_ctx[-1])
    if loaded is not None and loaded >= min(tokens, model.num_ctx[-1]) and loaded > 0:
        return loaded, True
    return size, loaded == size or (loaded == 0)


def _steps(floor: Tier | None, tier: Tier | None) -> int:
    """Return how many tiers a model is above what is asked."""
    return 0 if floor is None or tier is None else max(0, TIERS.index(tier) - TIERS.index(floor))


def _excluded(model: Model, key: str, need: Need, view: NodeView) -> Exclusion | None:
    # First of all: no node that comes back makes the model another one.
    if (lacks := _lacks(need.abilities, view.traits.get(key))) is not None:
        return ABILITY_EXCLUDES[lacks]
    if view.state is not NodeState.READY:
        return _STATE_EXCLUDES[view.state]
    if key not in view.holds:
        return Exclusion.MODEL_MISSING
    if (room := view.rooms.get(key)) is not None and not room.sizes:
        return Exclusion.TOO_LARGE
    if not digest_fits(model, view.holds[key]) or need.digest not in (None, view.holds[key]):
        return Exclusion.DIGEST_DIFFERS
    if view.breakers.get(key) is BreakerState.OPEN and (not need.forgives or key in view.resting):
        return Exclusion.BREAKER_OPEN
    return Exclusion.ALREADY_TRIED if view.node.name in need.tried else None


def _lacks(asked: Collection[Ability], traits: Traits | None) -> Ability | None:
    """Return the first ability that a model is known to lack; what no node has told of yet is left to the node."""
    if traits is None or not asked:
        return None
    has = {Ability.TOOLS: traits.uses_tools, Ability.VISION: traits.sees}
    return next((ability for ability in Ability if ability in asked and not has[ability]), None)
