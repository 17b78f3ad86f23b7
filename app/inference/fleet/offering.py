"""Which names a client may give as a model, and which models are in memory."""

from collections.abc import Collection, Iterator, Sequence

from app.inference.fleet.catalogue import Catalogue, Model, full_name
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.views import NodeView
from app.inference.words.offers import AUTO, TEAM, InMemory, Offer
from app.inference.words.records import CallKind
from app.inference.words.tiers import TIERS


class Offering:
    """The door for lists of models: what the fleet, and the teams, offer now."""

    def __init__(self, fleet: Fleet, teams: Collection[str]) -> None:
        self._fleet = fleet
        self._teams = tuple(teams)

    def list(self) -> Sequence[Offer]:
        """Return every name that a client may give as a model."""
        return offers_of(self._fleet.catalogue, self._fleet.views(), self._teams)

    def in_memory(self) -> Sequence[InMemory]:
        """Return the models that are in the memory of a node."""
        return in_memory(self._fleet.catalogue, self._fleet.views())


def offers_of(catalogue: Catalogue, views: Sequence[NodeView], teams: Collection[str]) -> tuple[Offer, ...]:
    """Return every name: `auto`, the tiers that a model serves, teams, models."""
    chats = [model for model in catalogue.models if model.kind is CallKind.CHAT]
    able = [_of_model(model, views) for model in chats]
    tiers = [(tier.value, catalogue.serving(tier)) for tier in TIERS]
    return (
        *(_of_many(name, models, able) for name, models in ((AUTO, chats), *tiers) if models),
        # A team has its own tools.
        *(_of_team(f"{TEAM}{name}", chats) for name in sorted(teams) if chats),
        *(_of_model(model, views) for model in catalogue.models),
    )


def in_memory(catalogue: Catalogue, views: Sequence[NodeView]) -> tuple[InMemory, ...]:
    """Return the models of the catalogue that are in memory somewhere."""
    return tuple(_loaded(catalogue, views))


def _of_many(name: str, models: Sequence[Model], able: Sequence[Offer]) -> Offer:
    """Return what a name promises that any of several models may answer.

    Tools and pictures where one of all models takes them: the call is placed on one that does, of a higher or lower
    tier if need be.
    """
    return Offer(
        name=name,
        num_ctx=max(model.num_ctx[-1] for model in models),
        thinks=any(model.think is not None for model in models),
        sees=any(one.sees for one in able),
        uses_tools=any(one.uses_tools for one in able),
    )


def _of_team(name: str, models: Sequence[Model]) -> Offer:
    thinks = any(model.think is not None for model in models)
    return Offer(name=name, num_ctx=max(model.num_ctx[-1] for model in models), thinks=thinks)


def _of_model(model: Model, views: Sequence[NodeView]) -> Offer:
    key = full_name(model.name)
    known = [view.traits[key] for view in views if key in view.traits]
    sizes = [view.sized(model, key).num_ctx[-1] for view in views if key in view.holds]
    return Offer(
        name=model.name,
        kind=model.kind,
        num_ctx=max(sizes, default=model.num_ctx[-1]),
        thinks=model.think is not None,
        sees=any(one.sees for one in known),
        uses_tools=any(one.uses_tools for one in known) if known else model.kind is CallKind.CHAT,
        digest=_digest(model, views),
        size_bytes=max((view.sizes.get(key, 0) for view in views), default=0),
    )


def _loaded(catalogue: Catalogue, views: Sequence[NodeView]) -> Iterator[InMemory]:
    for model in catalogue.models:
        key = full_name(model.name)
        sizes = [view.loaded[key] for view in views if key in view.loaded]
        if sizes:
            yield InMemory(name=model.name, digest=_digest(model, views), num_ctx=max(sizes))


def _digest(model: Model, views: Sequence[NodeView]) -> str:
    """Return the digest that the catalogue pins, else that of the first node that holds the model."""
    key = full_name(model.name)
    held = next((view.holds[key] for view in views if key in view.holds), "")
    return (model.digest or held).removeprefix("sha256:")
