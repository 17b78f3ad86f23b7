"""The stored explanation of one call: candidates, terms, choice, reason."""

from enum import StrEnum

import msgspec

from app.ids import RouteId
from app.inference.words.abilities import Ability
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.tiers import Tier, TierReason


class Reason(StrEnum):
    """Why a call went to its node."""

    ONLY_CANDIDATE = "only_candidate"
    """Nothing else of its tier could take it."""
    AFFINITY = "affinity"
    """The node's prompt cache knows the session."""
    WARM_AND_FREE = "warm_and_free"
    """The model is in memory there and a slot is free; elsewhere it is cold or full."""
    LEAST_TAKEN = "least_taken"
    """As good as another node, with more of its slots free."""
    LEAST_COST = "least_cost"
    """The lowest sum of price and time."""
    COLD_LOAD = "cold_load"
    """No free node has the model in memory; this one loads it."""
    LAST_RESORT = "last_resort"
    """Whatever could serve it failed lately; it is asked all the same, rather than nobody."""
    RETRY = "retry"
    """Another node failed before the first token."""
    CONTINUED = "continued"
    """Another node failed after the first token; its text is continued here."""
    RESTARTED = "restarted"
    """Another node failed after the first token; the answer begins again here."""
    ESCALATED_TIER = "escalated_tier"
    """A higher tier answers: no node serves the asked one, none of it can do what is asked, or none soon enough for its
    price."""
    DEGRADED_TIER = "degraded_tier"
    """No node serves the asked tier or a higher one; a lower one answers."""


class Exclusion(StrEnum):
    """Why a candidate could not take a call."""

    NODE_DOWN = "node_down"
    """The node does not answer."""
    NODE_DRAINING = "node_draining"
    """An operator drains the node."""
    NODE_WARMING = "node_warming"
    """The node has not been looked at yet."""
    NODE_MISCONFIGURED = "node_misconfigured"
    """The node may serve none of its models."""
    MODEL_MISSING = "model_missing"
    """The node does not hold the model."""
    DIGEST_DIFFERS = "digest_differs"
    """The node holds the model with another digest than the catalogue pins."""
    TOO_LARGE = "too_large"
    """The model does not fit the memory of the node's GPUs."""
    NO_TOOLS = "no_tools"
    """The call has tools, and the model knows nothing of them."""
    NO_VISION = "no_vision"
    """The call has pictures, and the model cannot see."""
    BREAKER_OPEN = "breaker_open"
    """The model failed there in a row; its breaker is open."""
    ALREADY_TRIED = "already_tried"
    """The call failed there before."""
    NO_FREE_SLOT = "no_free_slot"
    """Every slot was leased when the call was placed (not set while it waits)."""


class Withheld(StrEnum):
    """Why a candidate that could take a call was not offered it, or not yet."""

    BETTER_SOON = "better_soon"
    """It is worth less than to wait for another one."""
    NODE_LOADING = "node_loading"
    """The node is loading something else; it loads one model at a time, and the call waits for that."""
    MIN_TIER = "min_tier"
    """It is below the contract's minimum tier."""
    NO_DEGRADE = "no_degrade"
    """It is below the call's tier, and the contract forbids that."""
    DIGEST = "digest"
    """It has another digest than the contract pins."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one node, with the terms of its score.

    `score` is in micro-dollars: `cost_usd_micro`, plus the seconds of load, prefill and decode times what a second of
    waiting is worth, plus `premium` for a higher tier than asked; with slots taken `crowding` times their share is
    added. Lower is better; None if the candidate was excluded. `wait_s` is the expected wait for a slot of it: not in
    the score, for whoever has the slot has waited. `cached_tokens` are those of the prompt that the node need not read,
    `gpu_s` the GPU-seconds that it is expected to spend. `forgiven`: its breaker is open, and nothing else can serve
    the call.
    """

    node: str
    model: str
    tier: Tier | None
    digest: str = ""
    excluded: Exclusion | None = None
    withheld: Withheld | None = None
    forgiven: bool = False
    resident: bool = False
    affinity: bool = False
    cached_tokens: int = 0
    slots: int = 0
    taken: int = 0
    num_ctx: int = 0
    wait_s: float = 0.0
    load_s: float = 0.0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    gpu_s: float = 0.0
    cost_usd_micro: int = 0
    premium: float = 0.0
    crowding: float = 0.0
    score: float | None = None

    @property
    def is_offered(self) -> bool:
        """Whether the call may have it as soon as it has a slot, and the node loads nothing else."""
        return self.excluded is None and self.withheld in {None, Withheld.NODE_LOADING}

    @property
    def is_held_up(self) -> bool:
        """Whether the call must wait for another load before it may have it."""
        return self.excluded is None and self.withheld is Withheld.NODE_LOADING


class Asking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call asked of its placement: the quality floor, the contract behind it, what the model must be able to do,
    and how large the call was thought.
    """

    floor: Tier | None = None
    contract: Contract = NO_CONTRACT
    abilities: tuple[Ability, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    waited_s: float = 0.0
    """How long it had waited for a slot."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where one call went, and why. `tier` is the one that answered."""

    id: RouteId
    tier: Tier
    tier_reason: TierReason
    need: float
    reason: Reason
    model: str
    digest: str
    node: str
    candidates: tuple[Candidate, ...]
    asking: Asking = Asking()
    """Empty in routes of older versions."""
