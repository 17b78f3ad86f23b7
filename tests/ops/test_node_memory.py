"""What the GPU nodes say of their memory is enough for their models, by the arithmetic that refuses others."""

import msgspec
import pytest

from app.inference.fleet.catalogue import Model, read_catalogue
from app.inference.fleet.node import Node
from app.inference.fleet.traits import Room, Traits, room_for
from app.inference.words.tiers import Tier
from tests.ops.compose import ROOT
from tests.ops.model_sizes import GB, SIZES

FOUND = read_catalogue(ROOT / "ops" / "deploy" / "nodes.gpu.toml")
each_node = pytest.mark.parametrize("node", FOUND.nodes, ids=lambda node: node.name)
# llama3.1:70b: 80 layers with 8 heads of 128 for keys and values, 131,072 tokens, and 43 GB of weights.
LARGE = Model(name="llama3.1:70b", tiers=(Tier.COMPLEX,), num_ctx=(4096, 8192))
LARGE_TRAITS = Traits(context=131_072, kv_bytes=2 * 80 * 8 * 128 * 2)


def test_each_node_says_the_24_gb_of_its_one_gpu() -> None:
    assert [(node.name, node.gpus, node.vram_bytes) for node in FOUND.nodes] == [
        ("a", 1, 24 * GB),
        ("b", 1, 24 * GB),
    ]


@each_node
def test_a_node_has_room_for_every_context_of_every_model_that_it_is_declared_to_hold(node: Node) -> None:
    for name in node.models:
        model = FOUND.find(name)
        assert model is not None
        weights, token = SIZES[name]
        assert room_for(model, node, Traits(kv_bytes=token), weights) == Room(model.num_ctx), name


@each_node
def test_the_model_for_80_gb_is_refused_with_the_arithmetic_and_fits_the_gpu_it_is_meant_for(node: Node) -> None:
    assert room_for(LARGE, node, LARGE_TRAITS, 43 * GB) == Room(
        (), "43.0 GB of weights + 4 slots x 4096 tokens x 320 KiB = 48.4 GB, and its GPUs have 24.0 GB"
    )
    larger = msgspec.structs.replace(node, vram_bytes=80 * GB)
    assert room_for(LARGE, larger, LARGE_TRAITS, 43 * GB) == Room((4096, 8192))
