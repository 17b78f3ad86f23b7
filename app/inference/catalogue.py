"""The models and nodes that an operator declares in `nodes.toml`."""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from app.inference.records import CallKind
from app.inference.tiers import Tier

MICRO = 1_000_000
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}")
# Node names are Redis keys, metric labels and response headers.
_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class CatalogueWrong(Exception):
    """`nodes.toml` cannot be used; the message names the file, the entry and the key."""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Weights and tag, as Ollama names them, and how they may be used.

    `num_ctx` are the context sizes that calls may ask for, ascending: each other size makes a node load the model
    anew. `continues`: a final assistant message is continued rather than answered. `tokens_per_s`, `prefill_per_s`
    (tokens a second) and `load_s` are what is expected of a node that has not been measured yet.
    """

    name: str
    kind: CallKind = CallKind.CHAT
    tiers: tuple[Tier, ...] = ()
    num_ctx: tuple[int, ...] = (4096,)
    continues: bool = False
    digest: str | None = None
    keep_alive: str = "30m"
    tokens_per_s: float = 40.0
    prefill_per_s: float = 800.0
    load_s: float = 5.0


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One Ollama host: `slots` calls at a time (its `OLLAMA_NUM_PARALLEL`), `gpus`, and its price."""

    name: str
    url: str
    slots: int
    gpus: int = 1
    price_usd_per_hour: float = 0.0
    models: tuple[str, ...]

    @property
    def price_usd_micro_per_hour(self) -> int:
        """The price of one hour of one GPU of this node, in micro-dollars."""
        return round(self.price_usd_per_hour * MICRO)


Entry = TypeVar("Entry", Model, Node)


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything in `nodes.toml`, checked."""

    models: tuple[Model, ...]
    nodes: tuple[Node, ...]

    def find(self, name: str) -> Model | None:
        """Return the model of that name, or None."""
        wanted = full_name(name)
        return next((model for model in self.models if full_name(model.name) == wanted), None)

    def serving(self, tier: Tier) -> tuple[Model, ...]:
        """Return the chat models of a tier, in the order of the file."""
        return tuple(model for model in self.models if model.kind is CallKind.CHAT and tier in model.tiers)


def full_name(name: str) -> str:
    """Return a model name with its tag, as Ollama does: without one it means `latest`."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def read_catalogue(path: Path) -> Catalogue:
    """Read and check `nodes.toml`. Raises CatalogueWrong naming what is wrong and where."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueWrong(f"{path}: cannot be read: {error}") from error
    return parse_catalogue(text, path.name)


def parse_catalogue(text: str, source: str = "nodes.toml") -> Catalogue:
    """Parse the text of `nodes.toml`. Raises CatalogueWrong, naming the entry (by its `name`) and the key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueWrong(f"{source}: not TOML: {error}") from error
    unknown = sorted(tables.keys() - {"models", "nodes"})
    if unknown:
        raise CatalogueWrong(f"{source}: unknown key `{unknown[0]}`; only [[models]] and [[nodes]] are known")
    models = tuple(_entry(Model, table, f"{source}: models") for table in _tables(tables, "models", source))
    nodes = tuple(_entry(Node, table, f"{source}: nodes") for table in _tables(tables, "nodes", source))
    catalogue = Catalogue(models=models, nodes=nodes)
    problem = next(_problems(catalogue), None)
    if problem is not None:
        raise CatalogueWrong(f"{source}: {problem}")
    return catalogue


def _tables(tables: dict[str, Any], key: str, source: str) -> list[tuple[int, dict[str, Any]]]:
    entries = tables.get(key)
    if not isinstance(entries, list) or not entries:
        raise CatalogueWrong(f"{source}: at least one [[{key}]] is needed")
    return list(enumerate(entries, start=1))  # pyright: ignore[reportUnknownArgumentType]


def _entry(kind: type[Entry], numbered: tuple[int, dict[str, Any]], where: str) -> Entry:
    number, table = numbered
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise CatalogueWrong(f"{where}[{table.get('name', number)}]: {error}") from error


def _problems(catalogue: Catalogue) -> Iterator[str]:
    for key, names in (
        ("models", [full_name(model.name) for model in catalogue.models]),
        ("nodes", [node.name for node in catalogue.nodes]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{key}: `name` {name!r} is used {count} times"
    for model in catalogue.models:
        for problem in _model_problems(model):
            yield f"models[{model.name}]: {problem}"
    for node in catalogue.nodes:
        for problem in _node_problems(node, catalogue):
            yield f"nodes[{node.name}]: {problem}"


def _model_problems(model: Model) -> Iterator[str]:
    if not model.name or model.name != model.name.strip():
        yield "`name` is empty or has blanks around it"
    if model.kind is CallKind.CHAT and not model.tiers:
        yield "`tiers` is empty: a chat model serves at least one of simple, medium, complex"
    if model.kind is CallKind.EMBED and model.tiers:
        yield "`tiers` is for chat models only"
    if not model.num_ctx or list(model.num_ctx) != sorted(set(model.num_ctx)) or model.num_ctx[0] < 1:
        yield "`num_ctx` must be one or more positive sizes, ascending"
    if model.digest is not None and _DIGEST.fullmatch(model.digest) is None:
        yield "`digest` must be 64 hexadecimal digits"
    for key in ("tokens_per_s", "prefill_per_s", "load_s"):
        value = float(getattr(model, key))
        if not math.isfinite(value) or value <= 0:
            yield f"`{key}` must be more than 0"


def _node_problems(node: Node, catalogue: Catalogue) -> Iterator[str]:
    if _NODE_NAME.fullmatch(node.name) is None:
        yield "`name` may have letters, digits, `.`, `_` and `-` only"
    if not _is_url(node.url):
        yield "`url` must be http://host:port or https://host:port"
    for key in ("slots", "gpus"):
        if int(getattr(node, key)) < 1:
            yield f"`{key}` must be at least 1"
    if not math.isfinite(node.price_usd_per_hour) or node.price_usd_per_hour < 0:
        yield "`price_usd_per_hour` must be 0 or more"
    if not node.models:
        yield "`models` is empty"
    unknown = [name for name in node.models if catalogue.find(name) is None]
    if unknown:
        yield f"`models` names {unknown[0]!r}, which no [[models]] entry has"


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname)
