"""Models and nodes for plans: GB stand in for bytes of GPU memory."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.breaker import BreakerState
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.keep_alive import KeepAlive
from app.inference.fleet.traits import Traits
from app.inference.fleet.views import NodeState, NodeView, Resident
from app.inference.warmth.advice import Advice, Planned, Why
from app.inference.warmth.demand import Asked, Demand
from app.inference.warmth.plan import Notes, plan
from app.inference.words.records import CallKind
from app.inference.words.tiers import Tier

GB = 1_000_000_000
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMALL, LARGE, EMBED = "small:1b", "large:2b", "embed:1m"
SIZES = {SMALL: 2 * GB, LARGE: 8 * GB, EMBED: GB}
MODELS = (
    Model(name=SMALL, tiers=(Tier.SIMPLE,), num_ctx=(2048, 4096)),
    Model(name=LARGE, tiers=(Tier.COMPLEX,), num_ctx=(2048, 4096)),
    Model(name=EMBED, kind=CallKind.EMBED, num_ctx=(512,)),
)


def view_of(
    name: str,
    *loaded: str,
    vram: int | None = 24,
    state: NodeState = NodeState.READY,
    taken: int = 0,
    breakers: Mapping[str, BreakerState] | None = None,
    pinned: Collection[str] = (),
    on_processor: bool = False,
    sizes: Mapping[str, int] = SIZES,
) -> NodeView:
    """Return a node that may serve all models, with some of them in memory; the first of these leaves first."""
    models = tuple(sizes)
    node = Node(name=name, url=f"http://{name}", slots=2, models=models, vram_bytes=None if vram is None else vram * GB)
    residents = {
        model: Resident(gpu_bytes=0 if on_processor else sizes[model], leaves_at=NOW + timedelta(minutes=number))
        for number, model in enumerate(loaded)
    }
    return NodeView(
        node=node,
        state=state,
        holds=dict.fromkeys(models, "d"),
        loaded=dict.fromkeys(loaded, 2048),
        breakers=breakers or {},
        speeds={},
        taken=taken,
        sizes=sizes,
        traits=dict.fromkeys(models, Traits()),
        residents=residents,
        pinned=frozenset(pinned),
        most_models=len(loaded),
        most_bytes=sum(one.gpu_bytes for one in residents.values()),
    )


def planned(
    views: list[NodeView],
    calls: Mapping[str, int] | None = None,
    *,
    gpu_s: float = 1.0,
    tiers: Mapping[Tier, int] | None = None,
    in_use: Collection[tuple[str, str]] | None = frozenset(),
    notes: Notes = Notes(),  # noqa: B008 - frozen
    keep_alive: KeepAlive = None,
    models: tuple[Model, ...] = MODELS,
) -> dict[tuple[str, str], Planned]:
    """Return what is planned, by node and model; `keep_alive` is that of LARGE."""
    described = tuple(_kept(model, keep_alive) for model in models)
    asked = {name: Asked(count, gpu_s) for name, count in (calls or {}).items()}
    demand = Demand(asked, tiers or {}, in_use)
    catalogue = Catalogue(models=described, nodes=tuple(view.node for view in views))
    return {(one.node, one.model): one for one in plan(views, catalogue, demand, notes)}


def told(found: Mapping[tuple[str, str], Planned]) -> dict[tuple[str, str], tuple[Advice, Why]]:
    """Return advice and reason alone."""
    return {pair: (one.advice, one.reason) for pair, one in found.items()}


def changed(view: NodeView, **what: object) -> NodeView:
    """Return the view with other values."""
    return replace(view, **what)  # pyright: ignore[reportArgumentType]


def _kept(model: Model, keep_alive: KeepAlive) -> Model:
    if model.name != LARGE:
        return model
    return Model(name=model.name, tiers=model.tiers, num_ctx=model.num_ctx, keep_alive=keep_alive)
