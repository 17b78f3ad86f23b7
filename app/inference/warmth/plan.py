"""What is to be done with each model on each node: what is asked for stays, and pushes out nothing that is used."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.breaker import BreakerState
from app.inference.fleet.catalogue import Catalogue, Model, full_name
from app.inference.fleet.keep_alive import kept_s
from app.inference.fleet.views import NodeState, NodeView
from app.inference.warmth.advice import Advice, Planned, Why
from app.inference.warmth.demand import WINDOW_S, Asked, Demand
from app.inference.warmth.memory import Memory, context_of, leaving_order
from app.inference.words.records import CallKind
from app.inference.words.tiers import TIERS

LEAST_KEPT_S = 60.0
"""A model that is told to leave sooner after a call is loaded for nobody."""
FULL_SHARE = 0.7
"""A model that has so much of the time of its nodes is loaded at one more: above it waiting grows fast (a queue of one
server waits 2.3 times as long as it serves at 0.7, and 4 times at 0.8)."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What was learnt by loading: which (node, full name) failed lately, and how many models nodes hold at most."""

    failed: Collection[tuple[str, str]] = frozenset()
    spent: Collection[str] = frozenset()
    """Nodes that have loaded as much as they may for now."""
    most_models: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class _Load:
    model: str
    reason: Why
    evicts: tuple[str, ...]


def plan(
    views: Sequence[NodeView],
    catalogue: Catalogue,
    demand: Demand,
    notes: Notes = Notes(),
) -> tuple[Planned, ...]:
    """Return what is to be done with each model on each node that is declared to serve it, in the catalogue's order.

    A node loads at most one model. Pinned ones come first, then what is asked for most.
    """
    return tuple(_Planner(views, catalogue, demand, notes).planned())


class _Planner:
    def __init__(self, views: Sequence[NodeView], catalogue: Catalogue, demand: Demand, notes: Notes) -> None:
        self._views = views
        self._models = catalogue.models
        self._demand = demand
        self._notes = notes
        self._memories = {view.node.name: Memory(view, notes.most_models.get(view.node.name)) for view in views}
        self._loads: dict[str, _Load] = {}
        self._tiers = self._tiers_wanted()
        self._choose()

    def planned(self) -> Iterator[Planned]:
        """Yield what is to be done."""
        for model in self._models:
            key, asked = full_name(model.name), self._asked(model)
            for view in self._views:
                if not _declares(view, key):
                    continue
                advice, reason = self._advice(view, model, key)
                load = self._loads.get(view.node.name) if advice is Advice.LOAD else None
                memory, resident = self._memories[view.node.name], view.residents.get(key)
                yield Planned(
                    node=view.node.name,
                    model=model.name,
                    tiers=model.tiers,
                    advice=advice,
                    reason=reason,
                    pinned=key in view.pinned,
                    calls=asked.calls,
                    gpu_s=round(asked.gpu_s, 3),
                    num_ctx=view.loaded.get(key) or context_of(view, model),
                    needed_bytes=memory.needed(model),
                    taken_bytes=None if key not in view.loaded or resident is None else resident.gpu_bytes,
                    free_bytes=memory.free_bytes,
                    evicts=() if load is None else load.evicts,
                )

    def _choose(self) -> None:
        for model in self._models:
            for view in self._views:
                if full_name(model.name) in view.pinned:
                    self._try(model, [view], Why.PINNED)
        wanted = sorted((one for one in self._models if self._is_wanted(one) and stays(one)), key=self._urgency)
        for model in wanted:
            if not self._warm_at(model):
                self._try(model, self._views, Why.ASKED_FOR if self._asked(model).calls else Why.TIER_ASKED_FOR)
        for model in wanted:
            if self._has_too_few(model):
                self._try(model, self._views, Why.MORE_ASKED_FOR)

    def _urgency(self, model: Model) -> tuple[int, float, str]:
        asked = self._asked(model)
        return -asked.calls, -asked.gpu_s, model.name

    def _try(self, model: Model, views: Sequence[NodeView], reason: Why) -> None:
        """Load the model at the best of these nodes: where the least has to leave, then where the least is."""
        key = full_name(model.name)
        found = [(view, evicts) for view in views if (evicts := self._evicts(view, model, key)) is not None]

        def worth(one: tuple[NodeView, tuple[str, ...]]) -> tuple[int, int, int, int, str]:
            view, evicts = one
            freed = self._memories[view.node.name].taken(evicts)
            return len(evicts), freed, len(view.loaded), view.taken, view.node.name

        best = min(found, key=worth, default=None)
        if best is not None:
            self._loads[best[0].node.name] = _Load(model.name, reason, best[1])

    def _evicts(self, view: NodeView, model: Model, key: str) -> tuple[str, ...] | None:
        """Return what leaves before the model is loaded there; None if it cannot be."""
        if key in view.loaded or self._hindrance(view, key) is not None:
            return None
        spare = [one for one in leaving_order(view, view.loaded) if not self._stays(view, one)]
        return self._memories[view.node.name].room_by(model, view.loaded, spare)

    def _hindrance(self, view: NodeView, key: str) -> Why | None:
        """Return why nothing, or not this model, is loaded there now; None if it can be."""
        if not _declares(view, key):
            return Why.NOT_SERVED
        if (unfit := _unfit(view, key)) is not None:
            return unfit
        if (view.node.name, key) in self._notes.failed:
            return Why.FAILED_LATELY
        if view.node.name in self._notes.spent:
            return Why.BUDGET_SPENT
        if view.loading or view.node.name in self._loads:
            return Why.NODE_LOADING
        return Why.NODE_BUSY if view.taken >= view.node.slots else None

    def _stays(self, view: NodeView, key: str) -> bool:
        """Whether a model that is in memory there must not be pushed out."""
        model = next((one for one in self._models if full_name(one.name) == key), None)
        if model is None or not _declares(view, key):
            # Somebody else's.
            return True
        return key in view.pinned or self._demand.uses(view.node.name, key) or self._is_wanted(model)

    def _is_wanted(self, model: Model) -> bool:
        return self._asked(model).calls > 0 or model.name in self._tiers

    def _tiers_wanted(self) -> frozenset[str]:
        """Return the models that stand for a tier that is asked for, where what served it cannot any more.

        Those in memory do, else the first of the tier that a node can serve.
        """
        names = set[str]()
        for tier in TIERS:
            of_tier = [one for one in self._models if one.kind is CallKind.CHAT and tier in one.tiers]
            able = [one for one in of_tier if any(_may_serve(view, full_name(one.name)) for view in self._views)]
            if self._demand.tiers.get(tier, 0) and not any(self._asked(one).calls for one in able):
                names |= {one.name for one in able if self._warm_at(one)} or {one.name for one in able[:1]}
        return frozenset(names)

    def _asked(self, model: Model) -> Asked:
        return self._demand.of(full_name(model.name))

    def _warm_at(self, model: Model) -> list[NodeView]:
        """Return the nodes that have it in memory, or are to load it, and may serve it."""
        key = full_name(model.name)
        return [
            view
            for view in self._views
            if _may_serve(view, key) and (key in view.loaded or self._loads_there(view, model) is not None)
        ]

    def _loads_there(self, view: NodeView, model: Model) -> _Load | None:
        load = self._loads.get(view.node.name)
        return load if load is not None and load.model == model.name else None

    def _has_too_few(self, model: Model) -> bool:
        warm = self._warm_at(model)
        most_s = sum(view.node.gpus for view in warm) * WINDOW_S * FULL_SHARE
        return bool(warm) and self._asked(model).gpu_s > most_s

    def _advice(self, view: NodeView, model: Model, key: str) -> tuple[Advice, Why]:
        if key in view.loaded:
            return self._of_resident(view, model, key)
        load = self._loads_there(view, model)
        if load is not None:
            return Advice.LOAD, load.reason
        is_pinned = key in view.pinned
        if not is_pinned and not self._is_wanted(model):
            return Advice.LEAVE_OUT, Why.UNASKED
        if not is_pinned and not stays(model):
            return Advice.LEAVE_OUT, Why.NOT_KEPT
        if not is_pinned and self._warm_at(model) and not self._has_too_few(model):
            return Advice.LEAVE_OUT, Why.ELSEWHERE
        if (hindrance := self._hindrance(view, key)) is not None:
            return Advice.LEAVE_OUT, hindrance
        return Advice.LEAVE_OUT, Why.ROOM_UNKNOWN if self._is_unknown(view, model) else Why.NO_ROOM

    def _of_resident(self, view: NodeView, model: Model, key: str) -> tuple[Advice, Why]:
        if key in view.pinned:
            return Advice.KEEP, Why.PINNED
        if self._demand.uses(view.node.name, key):
            return Advice.KEEP, Why.IN_USE
        if self._is_wanted(model):
            return Advice.KEEP, Why.ASKED_FOR if self._asked(model).calls else Why.TIER_ASKED_FOR
        return Advice.LET_GO, Why.UNASKED

    def _is_unknown(self, view: NodeView, model: Model) -> bool:
        memory = self._memories[view.node.name]
        return memory.is_unknown() or (view.node.memory_bytes is not None and memory.needed(model) is None)


def stays(model: Model) -> bool:
    """Whether a model that was loaded would still be there for a call that comes soon."""
    kept = kept_s(model.keep_alive)
    return kept is None or kept < 0 or kept >= LEAST_KEPT_S


def _declares(view: NodeView, key: str) -> bool:
    return any(full_name(name) == key for name in view.node.models)


def _unfit(view: NodeView, key: str) -> Why | None:
    """Return why the node could not serve the model if it were in memory; None if it could."""
    if view.state is not NodeState.READY:
        return Why.NODE_NOT_READY
    room, wrong = view.rooms.get(key), {full_name(problem.model) for problem in view.missing}
    if key not in view.holds or key in wrong or (room is not None and not room.sizes):
        return Why.NOT_SERVED
    return Why.BREAKER_OPEN if view.breakers.get(key) is BreakerState.OPEN else None


def _may_serve(view: NodeView, key: str) -> bool:
    return _declares(view, key) and _unfit(view, key) is None
