"""Nodes without servers: slots, rates, load time, memory that evicts, and a prompt cache."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.inference.estimates import Speed
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.views import NodeState, NodeView
from app.inference.words.tiers import Tier
from ops.bench.trace import Request

NUM_CTX = 4096
SLOWED = 0.15
"""Each further call on a node makes all of them that much slower: memory bandwidth is shared, and mostly idle."""
CACHED_SESSIONS = 40
"""Prompts that a node keeps for a model: llama.cpp keeps them in the host's memory until others need the room."""

MODELS = (
    Model(name="small:latest", tiers=(Tier.SIMPLE,), num_ctx=(NUM_CTX,)),
    Model(name="middle:latest", tiers=(Tier.MEDIUM,), num_ctx=(NUM_CTX,)),
    Model(name="large:latest", tiers=(Tier.COMPLEX,), num_ctx=(NUM_CTX,)),
)
SPEEDS = {
    "small:latest": Speed(tokens_per_s=120.0, prefill_per_s=2500.0, load_s=3.0),
    "middle:latest": Speed(tokens_per_s=60.0, prefill_per_s=1200.0, load_s=6.0),
    "large:latest": Speed(tokens_per_s=25.0, prefill_per_s=500.0, load_s=14.0),
}
GB = {"small:latest": 3, "middle:latest": 6, "large:latest": 14}


@dataclass(slots=True)
class SimulatedNode:
    """One node, at one time after the other."""

    node: Node
    memory_gb: int
    taken: int = 0
    busy_s: float = 0.0
    loads: int = 0
    active: dict[str, int] = field(default_factory=dict[str, int])
    loaded: OrderedDict[str, int] = field(default_factory=OrderedDict[str, int])
    caches: dict[str, OrderedDict[int, int]] = field(default_factory=dict[str, OrderedDict[int, int]])

    def view(self) -> NodeView:
        """Return what placement sees of it: the speeds were measured."""
        holds = dict.fromkeys(self.node.models, "d")
        return NodeView(self.node, NodeState.READY, holds, dict(self.loaded), {}, SPEEDS, self.taken)

    def can_hold(self, model: str) -> bool:
        """Whether the model is in memory, or fits beside those that calls are using."""
        used = sum(GB[name] for name, count in self.active.items() if count and name != model)
        return model in self.loaded or used + GB[model] <= self.memory_gb

    def begin(self, model: str, request: Request) -> tuple[float, int]:
        """Take a slot for the request; return the seconds that it takes, and the tokens read of what it had before."""
        speed, load_s = SPEEDS[model], self._load(model)
        cache = self.caches.setdefault(model, OrderedDict())
        known = min(cache.get(request.session, 0), request.known_tokens)
        cache[request.session] = request.prompt_tokens + request.output_tokens
        cache.move_to_end(request.session)
        while len(cache) > CACHED_SESSIONS:
            cache.popitem(last=False)
        self.taken += 1
        self.active[model] = self.active.get(model, 0) + 1
        work_s = (request.prompt_tokens - known) / speed.prefill_per_s + request.output_tokens / speed.tokens_per_s
        took_s = load_s + work_s * (1 + SLOWED * (self.taken - 1))
        self.busy_s += took_s
        return took_s, request.known_tokens - known

    def end(self, model: str) -> None:
        """Give the slot back."""
        self.taken -= 1
        self.active[model] -= 1

    def _load(self, model: str) -> float:
        if model in self.loaded:
            self.loaded.move_to_end(model)
            return 0.0
        for name in list(self.loaded):
            if sum(GB[one] for one in self.loaded) + GB[model] <= self.memory_gb:
                break
            if not self.active.get(name):
                del self.loaded[name]
                self.caches.pop(name, None)
        self.loaded[model] = NUM_CTX
        self.loads += 1
        return SPEEDS[model].load_s


def fleet_of(shapes: Sequence[tuple[int, int, float]], *, warm: Mapping[int, Sequence[str]]) -> list[SimulatedNode]:
    """Return nodes of so many slots, gigabytes and dollars an hour, with these models in memory."""
    names = tuple(model.name for model in MODELS)
    made = [
        SimulatedNode(
            Node(name=f"n{number}", url="http://n", slots=slots, price_usd_per_hour=price, models=names), memory_gb
        )
        for number, (slots, memory_gb, price) in enumerate(shapes)
    ]
    for number, models in warm.items():
        made[number].loaded.update(dict.fromkeys(models, NUM_CTX))
    return made


def catalogue_of(nodes: Sequence[SimulatedNode]) -> Catalogue:
    """Return the catalogue of the nodes."""
    return Catalogue(models=MODELS, nodes=tuple(one.node for one in nodes))
