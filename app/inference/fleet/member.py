"""What this process knows of one node."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from app.breaker import Breaker
from app.causes import Cause, Finding
from app.inference.estimates import Speed
from app.inference.fleet.catalogue import Node, full_name
from app.inference.fleet.loads import Load
from app.inference.fleet.model_problems import ModelProblem
from app.inference.fleet.node_causes import UNSEEN, cause_of_drain, cause_of_missing
from app.inference.fleet.traits import Room, Traits
from app.inference.fleet.views import Look, NodeState, NodeView
from app.standing import Tells

# One lost look may be a lost packet; two in a row is a node that does not answer.
DOWN_AFTER_LOOKS = 2


@dataclass(slots=True)
class Member:
    """A node, what looks and calls found of it, and what of that was told."""

    node: Node
    tells: Tells
    look: Look | None = None
    trouble: Finding | None = None
    """Why the last look was not answered."""
    told: tuple[NodeState, Cause | None] = (NodeState.WARMING, UNSEEN.cause)
    missing: tuple[ModelProblem, ...] = ()
    rooms: dict[str, Room] = field(default_factory=dict[str, Room])
    traits: dict[str, Traits] = field(default_factory=dict[str, Traits])
    missed: int = 0
    missed_by: set[str] = field(default_factory=set[str])
    drained: bool = False
    pinned: frozenset[str] = frozenset()
    unpinned: frozenset[str] = frozenset()
    contexts: dict[str, int] = field(default_factory=dict[str, int])
    most_models: int = 0
    most_bytes: int = 0
    taken: int = 0
    breakers: dict[str, Breaker] = field(default_factory=dict[str, Breaker])
    speeds: dict[str, Speed] = field(default_factory=dict[str, Speed])
    calibrated_at: dict[str, datetime] = field(default_factory=dict[str, datetime])
    succeeded_at: dict[str, float] = field(default_factory=dict[str, float])
    loads: dict[str, Load] = field(default_factory=dict[str, Load])
    """What it loads, or has just loaded, by model; calls of all processes wait for that."""

    @property
    def state(self) -> NodeState:
        """The state that follows from all of it."""
        if self.drained:
            return NodeState.DRAINING
        if self.missed >= (DOWN_AFTER_LOOKS if self.look is not None else 1):
            return NodeState.DOWN
        if self.look is None:
            return NodeState.WARMING
        return NodeState.MISCONFIGURED if len(self.missing) == len(self.node.models) else NodeState.READY

    @property
    def finding(self) -> Finding | None:
        """Why it is in that state, and what to do."""
        match self.state:
            case NodeState.DOWN:
                return self.trouble
            case NodeState.MISCONFIGURED:
                return cause_of_missing(self.missing)
            case NodeState.WARMING:
                return UNSEEN
            case NodeState.DRAINING:
                return cause_of_drain(self.node.name)
            case NodeState.READY:
                return None
            case _:
                assert_never(self.state)

    @property
    def declared(self) -> Collection[str]:
        """The full names of its models."""
        return {full_name(name) for name in self.node.models}

    @property
    def holds(self) -> Mapping[str, str]:
        """The digests of the models that it holds, by full name."""
        return self.look.holds if self.look is not None else {}

    @property
    def loaded(self) -> Mapping[str, int]:
        """The context sizes of the models in its memory, by full name; a look may be older than a load."""
        seen: Mapping[str, int] = self.look.loaded if self.look is not None else {}
        if not self.loads:
            return seen
        ended = {model: load.num_ctx for model, load in self.loads.items() if not load.is_under_way and model in seen}
        return {**seen, **ended}

    def note_loads(self, loads: Iterable[Load]) -> None:
        """Note what it loads, or has loaded just now."""
        before = self.loads
        self.loads = {load.model: load for load in sorted(loads, key=lambda one: one.is_under_way)}
        for model, load in self.loads.items():
            known = before.get(model)
            if not load.is_under_way and (known is None or known.is_under_way or known.num_ctx != load.num_ctx):
                self.has_in_memory(model, load.num_ctx)

    def answered(self, look: Look) -> None:
        """Note a look that was answered."""
        self.look, self.missed, self.trouble = look, 0, None
        self.missed_by.clear()
        self.contexts |= {model: size for model, size in look.loaded.items() if size}
        self.most_models = max(self.most_models, len(look.loaded))
        self.most_bytes = max(self.most_bytes, sum(one.gpu_bytes for one in look.residents.values()))

    def has_in_memory(self, model: str, num_ctx: int) -> None:
        """Note, from a call that ended well, that a model (its full name) is in memory with that context."""
        self.contexts[model] = num_ctx
        if self.look is not None and self.look.loaded.get(model) != num_ctx:
            self.look = replace(self.look, loaded={**self.look.loaded, model: num_ctx})

    def became(self, node: Node) -> None:
        """Be declared anew. At another address there is another server, of which nothing is known."""
        if node.url != self.node.url:
            self.look, self.trouble, self.missed = None, None, 0
            self.missed_by.clear()
            self.breakers.clear()
            self.speeds.clear()
            self.calibrated_at.clear()
            self.succeeded_at.clear()
            self.loads.clear()
            self.contexts.clear()
            self.most_models = self.most_bytes = 0
        self.node = node

    def view(self) -> NodeView:
        """Return how it looks now."""
        return NodeView(
            node=self.node,
            state=self.state,
            holds=self.holds,
            loaded=self.loaded,
            breakers={model: breaker.state for model, breaker in self.breakers.items()},
            speeds=self.speeds,
            taken=self.taken,
            missing=self.missing,
            resting=[model for model, breaker in self.breakers.items() if breaker.is_resting],
            finding=self.finding,
            trouble=self.trouble,
            rooms=self.rooms,
            traits=self.traits,
            sizes=self.look.sizes if self.look is not None else {},
            loading={model: load for model, load in self.loads.items() if load.is_under_way},
            residents=self.look.residents if self.look is not None else {},
            pinned=self.pinned,
            unpinned=self.unpinned,
            contexts=self.contexts,
            most_models=self.most_models,
            most_bytes=self.most_bytes,
            version=self.look.version if self.look is not None else "",
        )
