"""One Ollama host, as an operator declares it."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from app.inference.fleet.model_names import full_name, is_model_name
from app.urls import AddressWrong, normal_address, read_http_address

MICRO = 1_000_000
MOST_PRICE = 100_000
MOST_LABELS = 32
# Node names are Redis keys, metric labels and response headers.
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MOST: Mapping[str, int] = {"slots": 10_000, "gpus": 1000, "vram_bytes": 10**15, "watts": 100_000}
_TEXT = 100
_LABEL_VALUE = 200


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One Ollama host: `slots` calls at a time (its `OLLAMA_NUM_PARALLEL`), its `gpus`, and its price.

    `gpu` says which kind; memory, watts and price are those of one GPU, unknown where they are not said.
    """

    name: str
    url: str
    slots: int
    gpus: int = 1
    gpu: str = ""
    vram_bytes: int | None = None
    watts: int | None = None
    price_usd_per_hour: float = 0.0
    labels: dict[str, str] = {}
    models: tuple[str, ...]

    @property
    def price_usd_micro_per_hour(self) -> int:
        """The price of one hour of one GPU of this node, in micro-dollars."""
        return round(self.price_usd_per_hour * MICRO)

    @property
    def memory_bytes(self) -> int | None:
        """The memory of all of its GPUs, None where that is not known."""
        return None if self.vram_bytes is None else self.vram_bytes * self.gpus


def node_problems(node: Node, known: Collection[str] | None) -> Iterator[str]:
    """Yield what is wrong with a node, each with its key; `known` are the full names of models, None: any is fine."""
    if NODE_NAME.fullmatch(node.name) is None:
        yield "`name` may have letters, digits, `.`, `_` and `-` only"
    for key, most in _MOST.items():
        value = getattr(node, key)
        if value is not None and not 1 <= int(value) <= most:
            yield f"`{key}` must be at least 1, and at most {most}"
    if not (math.isfinite(node.price_usd_per_hour) and 0 <= node.price_usd_per_hour <= MOST_PRICE):
        yield f"`price_usd_per_hour` must be 0 or more, and at most {MOST_PRICE}"
    if len(node.gpu) > _TEXT or not node.gpu.isprintable():
        yield f"`gpu` may have {_TEXT} printable characters"
    yield from _label_problems(node.labels)
    yield from _models_problems(node.models, known)


def address_problem(node: Node) -> str | None:
    """Return what is wrong with the address of a node, None if nothing is."""
    try:
        read_http_address(node.url)
    except AddressWrong as error:
        return f"`url`: {error}"
    return None


def same_address(node: Node, others: Iterable[Node]) -> Node | None:
    """Return another node at the same address: one node is one entry."""
    address = normal_address(node.url)
    return next((one for one in others if one.name != node.name and normal_address(one.url) == address), None)


def _label_problems(labels: Mapping[str, str]) -> Iterator[str]:
    if len(labels) > MOST_LABELS:
        yield f"`labels` may have {MOST_LABELS} entries"
    if not all(map(NODE_NAME.fullmatch, labels)):
        yield "`labels` have letters, digits, `.`, `_` and `-` only in their names"
    if not all(len(value) <= _LABEL_VALUE and value.isprintable() for value in labels.values()):
        yield f"`labels` have at most {_LABEL_VALUE} printable characters as their values"


def _models_problems(models: tuple[str, ...], known: Collection[str] | None) -> Iterator[str]:
    if not models:
        yield "`models` is empty"
    for name in models:
        if known is not None and full_name(name) not in known:
            yield f"`models` names {name!r}, which no [[models]] entry has"
        elif known is None and not is_model_name(name):
            yield f"`models` names {name!r}, which is not a name that Ollama takes"
    twice = [name for name, count in Counter(map(full_name, models)).items() if count > 1]
    yield from (f"`models` names {name!r} twice" for name in twice)
