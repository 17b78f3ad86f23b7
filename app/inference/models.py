"""What is known of each model, and of it on each node."""

from collections.abc import Awaitable, Callable

import msgspec

from app.inference.calls.continuation import Continuation, Continuations
from app.inference.fleet.catalogue import Model
from app.inference.fleet.model_names import full_name
from app.inference.fleet.nodes import Fleet, NodeState, NodeView
from app.inference.warmth.advice import Planned
from app.inference.words.records import CallKind
from app.inference.words.thinking import Think
from app.inference.words.tiers import Tier


class ModelOnNode(msgspec.Struct, frozen=True, kw_only=True):
    """A model on a node that is declared to hold it.

    `num_ctx` are the contexts that it may be asked for there, `loaded_num_ctx` the one with which it is in memory
    (null: it is not). `problem` says why the node may not serve it, `detail` more of that: what the node has instead,
    or the arithmetic of a model that does not fit.
    """

    node: str
    state: NodeState
    digest: str | None
    size_bytes: int | None
    num_ctx: tuple[int, ...]
    loaded_num_ctx: int | None
    problem: str | None
    detail: str | None


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """A model: how it may be used, what it can do, and where it is.

    `context` is what it was made for. What it can do is null until a node has told. `continues` says what it does with
    text that was shown already: null until that was tried.
    """

    name: str
    kind: CallKind
    tiers: tuple[Tier, ...]
    num_ctx: tuple[int, ...]
    context: int | None
    think: Think | None
    thinks: bool | None
    sees: bool | None
    uses_tools: bool | None
    continues: Continuation | None
    nodes: tuple[ModelOnNode, ...]


class Models:
    """The models, for whoever reads."""

    def __init__(self, fleet: Fleet, known: Continuations, plan: Callable[[], Awaitable[tuple[Planned, ...]]]) -> None:
        self._fleet = fleet
        self._known = known
        self._plan = plan

    async def plan(self) -> tuple[Planned, ...]:
        """Return what is to be done with each model on each node, and why. Raises StoreUnavailable."""
        return await self._plan()

    def list(self) -> tuple[ModelReport, ...]:
        """Return every model of the catalogue, in its order."""
        views = self._fleet.views()
        return tuple(self._report(model, views) for model in self._fleet.catalogue.models)

    def _report(self, model: Model, views: tuple[NodeView, ...]) -> ModelReport:
        key, traits = full_name(model.name), self._fleet.traits_of(model.name)
        holders = [view for view in views if key in {full_name(name) for name in view.node.models}]
        found = [self._known.find(key, view.holds[key]) for view in holders if key in view.holds]
        return ModelReport(
            name=model.name,
            kind=model.kind,
            tiers=model.tiers,
            num_ctx=model.num_ctx,
            context=None if traits is None else traits.context or None,
            think=model.think,
            thinks=None if traits is None else traits.thinks,
            sees=None if traits is None else traits.sees,
            uses_tools=None if traits is None else traits.uses_tools,
            continues=next((one for one in found if one is not None), None),
            nodes=tuple(_on(model, key, view) for view in holders),
        )


def _on(model: Model, key: str, view: NodeView) -> ModelOnNode:
    problem = next((one for one in view.missing if full_name(one.model) == key), None)
    room = view.rooms.get(key)
    return ModelOnNode(
        node=view.node.name,
        state=view.state,
        digest=view.holds.get(key),
        size_bytes=view.sizes.get(key),
        num_ctx=model.num_ctx if room is None else room.sizes,
        loaded_num_ctx=view.loaded.get(key),
        problem=None if problem is None else problem.reason.value,
        detail=None if problem is None else ", ".join(problem.has) or None,
    )
