"""What a model can do and how much room it needs, as a node tells of it, and which contexts a node has room for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.inference.fleet.catalogue import Model
from app.inference.fleet.node import Node

# Keys and values are kept as f16 unless OLLAMA_KV_CACHE_TYPE says less (fs/ggml/ggml.go, kvCacheBytesPerElement).
ELEMENT_BYTES = 2
GB = 1_000_000_000
KIB = 1024


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What `/api/show` tells of the weights behind a digest; 0 is not known.

    `context` is the most tokens that the model was made for, `kv_bytes` what a token takes in the cache.
    """

    context: int = 0
    kv_bytes: int = 0
    sees: bool = False
    uses_tools: bool = False
    thinks: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """The contexts of a model that a node has room for. Without any, `arithmetic` says why."""

    sizes: tuple[int, ...]
    arithmetic: str = ""


def read_traits(capabilities: Sequence[str], told: Mapping[str, Any]) -> Traits:
    """Return what a reply of `/api/show` says (server/routes.go, GetModelInfo; types/model/capability.go).

    The cache has a key and a value for each layer and each head that has its own (fs/ggml/ggml.go, GraphSize).
    """
    made = str(told.get("general.architecture", ""))

    def number(key: str) -> int:
        value = told.get(f"{made}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

    heads = number("attention.head_count")
    shared = number("attention.head_count_kv") or heads
    width = number("embedding_length") // heads if heads else 0
    key, value = number("attention.key_length") or width, number("attention.value_length") or width
    return Traits(
        context=number("context_length"),
        kv_bytes=number("block_count") * shared * (key + value) * ELEMENT_BYTES,
        sees="vision" in capabilities,
        uses_tools="tools" in capabilities,
        thinks="thinking" in capabilities,
    )


def room_for(model: Model, node: Node, traits: Traits, size_bytes: int) -> Room:
    """Return which contexts of a model a node may be asked for: up to the model's own limit, and what fits its GPUs.

    A model that was made for less than the smallest of ours is asked for what it was made for.
    """
    sizes = tuple(size for size in model.num_ctx if not traits.context or size <= traits.context) or (traits.context,)
    memory = node.memory_bytes
    if memory is None or not size_bytes:
        return Room(sizes)
    fitting = tuple(size for size in sizes if needed_bytes(traits, size_bytes, size, node.slots) <= memory)
    return Room(fitting, "" if fitting else _arithmetic(traits, size_bytes, sizes[0], node))


def needed_bytes(traits: Traits, size_bytes: int, num_ctx: int, slots: int) -> int:
    """Return what weights of that size and the cache of all slots take (llm/llama_server.go, PredictServerVRAM)."""
    return size_bytes + traits.kv_bytes * num_ctx * slots


def _arithmetic(traits: Traits, size_bytes: int, num_ctx: int, node: Node) -> str:
    needed = needed_bytes(traits, size_bytes, num_ctx, node.slots)
    cache = f"{node.slots} slots x {num_ctx} tokens x {traits.kv_bytes / KIB:.0f} KiB"
    has = (node.memory_bytes or 0) / GB
    return f"{size_bytes / GB:.1f} GB of weights + {cache} = {needed / GB:.1f} GB, and its GPUs have {has:.1f} GB"
