"""Which models the nodes hold, and the `nodes.toml` that tells the application."""

from pathlib import Path

import msgspec

from ops.local.layout import NODES, Layout
from ops.local.models.catalogue import Kind, Model, Size

SLOTS = 2
GPUS = 1
# A price to reckon with: about an hour of a small rented GPU.
PRICE_USD_PER_HOUR = 0.36
TIERS = ("simple", "medium", "complex")
TIERS_OF_NODE = {"a": ("simple", "medium"), "b": ("medium", "complex")}


class ModelEntry(msgspec.Struct, frozen=True):
    """A `[[models]]` table of nodes.toml."""

    name: str
    kind: Kind
    tiers: tuple[str, ...]
    num_ctx: tuple[int, ...]
    reads_poorly: bool


class NodeEntry(msgspec.Struct, frozen=True):
    """A `[[nodes]]` table of nodes.toml."""

    name: str
    url: str
    slots: int
    gpus: int
    price_usd_per_hour: float
    models: tuple[str, ...]


class NodesFile(msgspec.Struct, frozen=True):
    """The whole file."""

    models: tuple[ModelEntry, ...]
    nodes: tuple[NodeEntry, ...]


def stores_of(layout: Layout, model: Model) -> tuple[Path, ...]:
    """Return the stores of the bundled nodes that hold `model`."""
    return tuple(layout.store(node) for node in NODES if _holds(layout, node, model))


def wanted(layout: Layout) -> list[tuple[Model, tuple[Path, ...]]]:
    """Return (model, stores) in the order of fetching: what a first answer needs comes first."""
    ordered = sorted(layout.catalogue.of_size(layout.size), key=_is_later)
    return [(model, stores_of(layout, model)) for model in ordered]


def needed_first(layout: Layout) -> list[tuple[Model, tuple[Path, ...]]]:
    """Return the part of `wanted` without which nothing can be answered."""
    return [(model, stores) for model, stores in wanted(layout) if not _is_later(model)]


def _is_later(model: Model) -> bool:
    return Size.SMALL not in model.sizes


def nodes_file(layout: Layout) -> NodesFile:
    """Return what the application is told. All models are listed from the start: it sees by itself which have come."""
    models = layout.catalogue.of_size(layout.size)
    # The smallest of their kind: what they say of documents must stand there.
    entries = tuple(
        ModelEntry(model.name, model.kind, _tiers(layout, model), model.num_ctx, model.kind is Kind.CHAT)
        for model in models
    )
    nodes = tuple(
        NodeEntry(
            name=node,
            url=url,
            slots=SLOTS,
            gpus=GPUS,
            price_usd_per_hour=PRICE_USD_PER_HOUR,
            models=tuple(model.name for model in models if _holds(layout, node, model)),
        )
        for node, url in layout.node_urls.items()
    )
    return NodesFile(entries, nodes)


def write_nodes_file(layout: Layout) -> Path:
    """Write `nodes.toml` into the stack's directory; returns its path."""
    path = layout.directory / "nodes.toml"
    partial = path.with_name(".nodes.toml.partial")
    partial.write_text(_toml(nodes_file(layout)), encoding="utf-8")
    partial.replace(path)
    return path


def _tiers(layout: Layout, model: Model) -> tuple[str, ...]:
    if model.kind is Kind.CHAT and layout.size is Size.SMALL:
        return TIERS
    return model.tiers


def _holds(layout: Layout, node: str, model: Model) -> bool:
    if model.kind is Kind.EMBED or node not in TIERS_OF_NODE:
        return True
    return bool(set(TIERS_OF_NODE[node]) & set(_tiers(layout, model)))


def _toml(file: NodesFile) -> str:
    lines = ["# Written by the local stack at each start."]
    tables: list[tuple[str, ModelEntry | NodeEntry]] = [("models", model) for model in file.models]
    tables += [("nodes", node) for node in file.nodes]
    for name, entry in tables:
        lines += ["", f"[[{name}]]"]
        # Every value here reads the same in JSON and TOML.
        lines += [f"{key} = {msgspec.json.encode(getattr(entry, key)).decode()}" for key in entry.__struct_fields__]
    return "\n".join(lines) + "\n"
