"""A catalogue with a model a tier, and nodes that are as a test says."""

from collections.abc import Mapping

from app.breaker import BreakerState
from app.inference.estimates import Speed
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.views import NodeState, NodeView
from app.inference.routing.placement import NO_WAITS, Need, Placement, place
from app.inference.words.records import CallKind
from app.inference.words.route import Candidate
from app.inference.words.tiers import Tier

MODELS = (
    Model(name="s", tiers=(Tier.SIMPLE,), num_ctx=(2048, 4096)),
    Model(name="m", tiers=(Tier.MEDIUM,), num_ctx=(2048, 4096)),
    Model(name="c", tiers=(Tier.COMPLEX,), num_ctx=(2048, 4096)),
    Model(name="e", kind=CallKind.EMBED, num_ctx=(512,)),
)


def view_of(
    name: str = "a",
    *,
    state: NodeState = NodeState.READY,
    holds: Mapping[str, str] | None = None,
    loaded: Mapping[str, int] | None = None,
    breakers: Mapping[str, BreakerState] | None = None,
    speeds: Mapping[str, Speed] | None = None,
    price: float = 0.36,
    slots: int = 2,
    taken: int = 0,
) -> NodeView:
    """Return how a node looks that is declared to hold every model, and does unless `holds` says otherwise."""
    node = Node(name=name, url="http://x", slots=slots, price_usd_per_hour=price, models=("s", "m", "c", "e"))
    held = {"s:latest": "ds", "m:latest": "dm", "c:latest": "dc", "e:latest": "de"} if holds is None else holds
    return NodeView(node, state, held, loaded or {}, breakers or {}, speeds or {}, taken)


def catalogue_of(*views: NodeView) -> Catalogue:
    """Return the catalogue of these nodes."""
    return Catalogue(models=MODELS, nodes=tuple(view.node for view in views))


def need_of(tier: Tier | None = Tier.SIMPLE, **what: object) -> Need:
    """Return what a chat of 100 tokens, and 100 at most to come, needs."""
    fields: dict[str, object] = {"kind": CallKind.CHAT, "tier": tier, "prompt_tokens": 100, "max_tokens": 100}
    return Need(**(fields | what))  # pyright: ignore[reportArgumentType]


def joint(need: Need, *views: NodeView, waits: Mapping[Tier, float] = NO_WAITS) -> Placement:
    """Return the placement among these nodes."""
    return place(need, views, catalogue_of(*views), waits)


def at_tier(need: Need, *views: NodeView) -> tuple[Candidate, ...]:
    """Return the candidates of the tier that was asked for alone."""
    return tuple(one for one in joint(need, *views).candidates if one.tier is need.tier)


# One second of prefill and one of decode; free of charge.
EVEN = Speed(tokens_per_s=50.0, prefill_per_s=100.0, load_s=20.0)
SPEEDS = {"s:latest": EVEN, "m:latest": EVEN, "c:latest": EVEN}
WARM = {"s:latest": 2048, "m:latest": 2048, "c:latest": 2048}
