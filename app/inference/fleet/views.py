"""How a node looks: what is asked of it, what a look found, and the state that follows."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from app.breaker import BreakerState
from app.causes import Finding
from app.inference.estimates import Speed
from app.inference.fleet.catalogue import Model, Node
from app.inference.fleet.loads import Load
from app.inference.fleet.model_problems import ModelProblem
from app.inference.fleet.traits import Room, Traits


class NodeState(StrEnum):
    """The state of a node; only `ready` is routable."""

    READY = "ready"
    """It answers and holds a model that it may serve."""
    WARMING = "warming"
    """Not looked at yet."""
    DRAINING = "draining"
    """An operator drains it: it finishes what it has and gets nothing new."""
    DOWN = "down"
    """It does not answer, or something else answers at its address."""
    MISCONFIGURED = "misconfigured"
    """It answers, and may serve none of its models: each is missing or has another digest than the catalogue pins."""


class Resident(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a node's memory: the bytes of GPUs that it takes, and when it leaves if nobody asks it again.

    `leaves_at` is by the node's clock; while a call uses the model it is that of the call before (ollama:
    server/sched.go, processCompleted).
    """

    gpu_bytes: int = 0
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a node found: version, digests of models held, context sizes of models in memory.

    Model names carry their tag, digests no `sha256:`. `loaded` maps to 0 where the node does not tell the size.
    """

    version: str
    holds: Mapping[str, str]
    loaded: Mapping[str, int]
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    """The bytes of the models held."""
    residents: Mapping[str, Resident] = field(default_factory=dict[str, Resident])
    """What the models in memory take there, and until when."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as placement sees it. Names of models carry their tag; `missing` are declared ones that it may not serve.

    A node with some of its models missing serves the others; with all of them it is misconfigured.
    """

    node: Node
    state: NodeState
    holds: Mapping[str, str]
    loaded: Mapping[str, int]
    breakers: Mapping[str, BreakerState]
    speeds: Mapping[str, Speed]
    taken: int
    missing: tuple[ModelProblem, ...] = ()
    resting: Collection[str] = ()
    """Models whose breaker is open, and that are not even asked for want of another node."""
    finding: Finding | None = None
    """Why it takes no calls, and what to do."""
    rooms: Mapping[str, Room] = field(default_factory=dict[str, Room])
    """The contexts of its models that it has room for, where that is known."""
    traits: Mapping[str, Traits] = field(default_factory=dict[str, Traits])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    trouble: Finding | None = None
    """Why its last look was not answered, if it was not; one is no reason to call it down."""
    version: str = ""
    """Of its Ollama; empty while nothing is known."""
    loading: Mapping[str, Load] = field(default_factory=dict[str, Load])
    """What calls of all processes wait for there until it is loaded, by model."""
    residents: Mapping[str, Resident] = field(default_factory=dict[str, Resident])
    """What the models in memory take there, and until when."""
    pinned: frozenset[str] = frozenset()
    """The models that an operator keeps in memory there."""
    unpinned: frozenset[str] = frozenset()
    """Those that one kept there once."""
    contexts: Mapping[str, int] = field(default_factory=dict[str, int])
    """The context with which each model was in memory last, whether it still is or not."""
    most_models: int = 0
    """The most models that were seen in its memory together."""
    most_bytes: int = 0
    """The most bytes of its GPUs that were seen taken at once."""

    def sized(self, model: Model, key: str) -> Model:
        """Return the model, by its full name, with the contexts that this node may be asked for."""
        room = self.rooms.get(key)
        if room is None or not room.sizes or room.sizes == model.num_ctx:
            return model
        return msgspec.structs.replace(model, num_ctx=room.sizes)


def routable(views: Iterable[NodeView]) -> list[NodeView]:
    """Return the nodes that may be given calls."""
    return [view for view in views if view.state is NodeState.READY]
