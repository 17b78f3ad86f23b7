"""The models and nodes that an operator declares in `nodes.toml`."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.files import BOM, FileUnreadable, read_text
from app.inference.estimates import Speed
from app.inference.fleet.keep_alive import KeepAlive, KeepAliveWrong, read_keep_alive
from app.inference.fleet.model_names import full_name as full_name
from app.inference.fleet.model_names import is_model_name
from app.inference.fleet.node import Node as Node
from app.inference.fleet.node import node_problems
from app.inference.words.records import CallKind
from app.inference.words.thinking import Think
from app.inference.words.tiers import TIERS, Tier
from app.mistakes import ConfigurationWrong, Mistake
from app.urls import AddressWrong, normal_address, read_http_address

MOST_CTX = 10_000_000
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}")
FILE_BYTES = 4_000_000


class CatalogueWrong(ConfigurationWrong):
    """`nodes.toml` cannot be used; each mistake names the file, the entry and the key."""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Weights and tag, as Ollama names them, and how they may be used.

    `num_ctx` are the context sizes that calls may ask for, ascending: each other size makes a node load the model
    anew. `continues` false forbids to go on from text that was shown; otherwise a model does that was seen to.
    `tokens_per_s`, `prefill_per_s` (tokens a second) and `load_s` are what is expected of a node that has not been
    measured yet. Without `keep_alive` it is the node's own. `think` is there for a model that can think, and says
    whether it does, and how hard, when a request does not say. `reads_poorly` marks one that is too small to be
    relied on with documents.
    """

    name: str
    kind: CallKind = CallKind.CHAT
    tiers: tuple[Tier, ...] = ()
    num_ctx: tuple[int, ...] = (4096,)
    continues: bool = True
    digest: str | None = None
    keep_alive: KeepAlive = None
    think: Think | None = None
    reads_poorly: bool = False
    tokens_per_s: float = 40.0
    prefill_per_s: float = 800.0
    load_s: float = 5.0

    @property
    def expected_speed(self) -> Speed:
        """What is expected of a node that has not been measured yet."""
        return Speed(self.tokens_per_s, self.prefill_per_s, self.load_s)


Entry = TypeVar("Entry", Model, Node)


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything in `nodes.toml`, checked."""

    models: tuple[Model, ...]
    nodes: tuple[Node, ...]

    def find(self, name: str) -> Model | None:
        """Return the model of that name, or None."""
        wanted = full_name(name)
        return next((model for model in self.models if full_name(model.name) == wanted), None)

    def price_of(self, node: str) -> int:
        """Return the price of one hour of one GPU of a node that there is, in micro-dollars."""
        return next(one.price_usd_micro_per_hour for one in self.nodes if one.name == node)

    def serving(self, tier: Tier) -> tuple[Model, ...]:
        """Return the chat models of a tier, in the order of the file."""
        return tuple(model for model in self.models if model.kind is CallKind.CHAT and tier in model.tiers)

    def reading_poorly(self) -> frozenset[Tier]:
        """Return the tiers that have models, all of which read poorly."""
        served = {tier: self.serving(tier) for tier in TIERS}
        return frozenset(tier for tier, models in served.items() if models and all(one.reads_poorly for one in models))


def read_catalogue(path: Path) -> Catalogue:
    """Read and check `nodes.toml`. Raises CatalogueWrong with everything that is wrong, and where."""
    try:
        return parse_catalogue(read_text(path, limit_bytes=FILE_BYTES), str(path))
    except FileUnreadable as error:
        raise CatalogueWrong(Mistake(str(path), str(error))) from None


def parse_catalogue(text: str, source: str = "nodes.toml") -> Catalogue:
    """Parse the text of `nodes.toml`. Raises CatalogueWrong; a mistake names the entry (by its `name`) and the key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueWrong(Mistake(source, f"not TOML: {error}")) from error
    wrong: list[tuple[str, str]] = []
    models = tuple(_entries(Model, tables, "models", wrong))
    nodes = tuple(_entries(Node, tables, "nodes", wrong))
    told = {(place, _key(reason)) for place, reason in wrong}
    # What could not be read has been told, and its stand-in is not worth a word.
    wrong += [found for found in _problems(models, nodes, tables) if (found[0], _key(found[1])) not in told]
    mistakes = [
        Mistake(source, f"unknown key `{key}`; only [[models]] and [[nodes]] are known")
        for key in sorted(tables.keys() - {"models", "nodes"})
    ]
    mistakes += [Mistake(f"{source}: {place}" if place else source, reason) for place, reason in wrong]
    if mistakes:
        raise CatalogueWrong(*mistakes)
    return Catalogue(models=models, nodes=nodes)


def _key(reason: str) -> str:
    """Return the key that a reason begins with."""
    return reason.partition("`")[2].partition("`")[0]


def _entries(kind: type[Entry], tables: Mapping[str, Any], key: str, wrong: list[tuple[str, str]]) -> Iterator[Entry]:
    given = _tables(tables, key)
    if not given:
        wrong.append(("", f"at least one [[{key}]] is needed"))
    for number, table in enumerate(given, 1):
        place = f"{key}[{_name(table) or number}]"
        values, reasons = _convert(kind, table)
        wrong += [(place, reason) for reason in (*reasons, *_read(values))]
        yield kind(**(_STAND_INS[kind] | values))


def _tables(tables: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries: Any = tables.get(key)
    return [_trimmed(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []  # pyright: ignore[reportUnknownVariableType]


def _trimmed(value: Any) -> Any:  # noqa: ANN401 - what TOML can hold
    if isinstance(value, str):
        return value.strip().strip(BOM).strip()
    if isinstance(value, list):
        return [_trimmed(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: _trimmed(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _name(table: Mapping[str, Any]) -> str:
    name = table.get("name")
    return name if isinstance(name, str) and name.isprintable() else ""


def _convert(kind: type[Model | Node], table: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of the keys that are right, and what is wrong with the others."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    wrong = [f"`{key}` is not known" for key in sorted(table.keys() - fields.keys())]
    for key, field in fields.items():
        if key in table:
            try:
                values[key] = msgspec.convert(table[key], field.type)
            except msgspec.ValidationError as error:
                wrong.append(f"`{key}`: {error}")
        elif field.required:
            wrong.append(f"`{key}` is missing")
    return values, wrong


def _read(values: dict[str, Any]) -> Iterator[str]:
    """Replace values by the form in which they are used, and yield what is wrong with those that have none."""
    for key, read in _READ.items():
        if key in values:
            try:
                values[key] = read(values[key])
            except (AddressWrong, KeepAliveWrong) as error:
                yield f"`{key}`: {error}"


_READ: Mapping[str, Callable[[Any], Any]] = {"url": read_http_address, "keep_alive": read_keep_alive}
_STAND_INS: Mapping[type[Model | Node], dict[str, Any]] = {
    Model: {"name": ""},
    Node: {"name": "", "url": "", "slots": 1, "models": ()},
}


def _problems(
    models: tuple[Model, ...], nodes: tuple[Node, ...], tables: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield the place and the reason of what is wrong in and between entries."""
    named = {full_name(_name(table)) for table in _tables(tables, "models")}
    for key, names in (
        ("models", [full_name(model.name) for model in models if model.name]),
        ("nodes", [node.name for node in nodes if node.name]),
    ):
        yield from (
            (key, f"`name` {name!r} is used {count} times") for name, count in Counter(names).items() if count > 1
        )
    for number, model in enumerate(models, 1):
        yield from ((f"models[{model.name or number}]", reason) for reason in _model_problems(model))
    for number, node in enumerate(nodes, 1):
        yield from ((f"nodes[{node.name or number}]", reason) for reason in node_problems(node, named))
    yield from _same_addresses(nodes)


def _same_addresses(nodes: tuple[Node, ...]) -> Iterator[tuple[str, str]]:
    first: dict[str, Node] = {}
    for node in nodes:
        try:
            address = normal_address(read_http_address(node.url))
        except AddressWrong:
            continue
        other = first.setdefault(address, node)
        if other is not node:
            yield f"nodes[{node.name}]", f"`url` is the address of nodes[{other.name}] too: one node is one entry"


def _model_problems(model: Model) -> Iterator[str]:
    if not is_model_name(model.name):
        yield "`name` is not a name that Ollama takes: [[host/]namespace/]model[:tag]"
    if model.kind is CallKind.CHAT and not model.tiers:
        yield "`tiers` is empty: a chat model serves at least one of simple, medium, complex"
    if model.kind is CallKind.EMBED:
        yield from (
            f"`{key}` is for chat models only" for key in ("tiers", "think") if getattr(model, key) not in {(), None}
        )
    if not _is_ascending(model.num_ctx):
        yield f"`num_ctx` must be one or more sizes from 1 to {MOST_CTX}, ascending"
    if model.digest is not None and _DIGEST.fullmatch(model.digest) is None:
        yield "`digest` must be 64 hexadecimal digits"
    for key, most in (("tokens_per_s", 1e6), ("prefill_per_s", 1e7), ("load_s", 86_400)):
        value = float(getattr(model, key))
        if not 0 < value <= most:
            yield f"`{key}` must be more than 0, and at most {most:g}"


def _is_ascending(sizes: tuple[int, ...]) -> bool:
    return bool(sizes) and list(sizes) == sorted(set(sizes)) and 1 <= sizes[0] <= sizes[-1] <= MOST_CTX
