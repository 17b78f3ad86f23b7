"""What is to be done with a model on a node, and why."""

from enum import StrEnum

import msgspec

from app.inference.words.tiers import Tier


class Advice(StrEnum):
    """What is to be done with a model on a node."""

    KEEP = "keep"
    """It is in memory, and stays."""
    LET_GO = "let_go"
    """It is in memory, and leaves when its time is over, or when another one needs the room."""
    LOAD = "load"
    """It is loaded now."""
    LEAVE_OUT = "leave_out"
    """It is not in memory, and is not loaded now."""


class Why(StrEnum):
    """Why that is to be done with a model on a node."""

    PINNED = "pinned"
    """An operator keeps it in memory there."""
    IN_USE = "in_use"
    """A call uses it there now, or may."""
    ASKED_FOR = "asked_for"
    """It was asked for in the last ten minutes."""
    TIER_ASKED_FOR = "tier_asked_for"
    """Its tier was asked for in the last ten minutes, and no other model of it is in memory."""
    MORE_ASKED_FOR = "more_asked_for"
    """Where it is in memory, calls of it take most of the nodes' time."""
    UNASKED = "unasked"
    """Nobody asked for it in the last ten minutes."""
    ELSEWHERE = "elsewhere"
    """It is asked for, and another node has it in memory, or is to load it."""
    NO_ROOM = "no_room"
    """What would have to leave is in use, pinned or asked for itself."""
    ROOM_UNKNOWN = "room_unknown"
    """Nobody knows whether it fits beside what is in memory: the node's memory is not declared."""
    NODE_BUSY = "node_busy"
    """Every slot of the node is taken."""
    NODE_LOADING = "node_loading"
    """The node loads a model; it loads one at a time."""
    FAILED_LATELY = "failed_lately"
    """It could not be loaded there; it is tried again later."""
    BUDGET_SPENT = "budget_spent"
    """The node has loaded as many models ahead of calls as it may in ten minutes."""
    NOT_KEPT = "not_kept"
    """Its `keep_alive` has it leave as soon as a call ends."""
    NODE_NOT_READY = "node_not_ready"
    """The node takes no calls."""
    NOT_SERVED = "not_served"
    """The node does not hold it, or not with the pinned digest, or has no room for it at all."""
    BREAKER_OPEN = "breaker_open"
    """It failed there in a row."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A model on a node. `calls` and `gpu_s` are those of all nodes in the last ten minutes; bytes of GPU memory.

    `needed_bytes` is what it takes, `taken_bytes` what it has taken (null: it is not in memory), `free_bytes` what no
    model has of the node; null where that is not known. `evicts` leave before it is loaded.
    """

    node: str
    model: str
    tiers: tuple[Tier, ...]
    advice: Advice
    reason: Why
    pinned: bool
    calls: int
    gpu_s: float
    num_ctx: int
    needed_bytes: int | None
    taken_bytes: int | None
    free_bytes: int | None
    evicts: tuple[str, ...] = ()
