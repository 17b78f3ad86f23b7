"""What a node tells of its models, and which contexts it has room for."""

import pytest
from prometheus_client import CollectorRegistry

from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.model_problems import ModelFault, ModelProblem
from app.inference.fleet.nodes import Fleet, Look, NodeState
from app.inference.fleet.offering import offers_of
from app.inference.fleet.traits import Room, Traits, read_traits, room_for
from app.inference.routing.placement import Need, place
from app.inference.words.records import CallKind
from app.inference.words.route import Exclusion
from app.inference.words.tiers import Tier
from app.telemetry.metrics import Metrics

# `model_info` of llama3.1:8b (server/routes.go, GetModelInfo): 128 KiB a token, as ops/deploy/nodes.gpu.toml says.
LLAMA = {
    "general.architecture": "llama",
    "llama.context_length": 131_072,
    "llama.block_count": 32,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
    "llama.embedding_length": 4096,
}
MODEL = Model(name="m", tiers=(Tier.SIMPLE,), num_ctx=(4096, 8192))
GB = 1_000_000_000
L4 = Node(name="a", url="http://a", slots=4, vram_bytes=24 * GB, models=("m",))


def test_what_a_model_can_do_and_needs_is_read_from_what_the_node_shows() -> None:
    told = read_traits(("completion", "tools"), LLAMA)
    assert told == Traits(context=131_072, kv_bytes=128 * 1024, uses_tools=True)
    assert read_traits(("completion", "vision", "thinking"), {}) == Traits(sees=True, thinks=True)


def test_heads_that_say_their_own_length_and_lists_that_are_left_out_are_read_as_they_are() -> None:
    """A list of more than five is emptied unless the reply is verbose (server/routes.go, getModelData)."""
    told = LLAMA | {"llama.attention.key_length": 64, "llama.attention.value_length": 32}
    assert read_traits((), told).kv_bytes == 32 * 8 * (64 + 32) * 2
    assert read_traits((), LLAMA | {"llama.attention.head_count_kv": []}).kv_bytes == 4 * 128 * 1024


@pytest.mark.parametrize(
    ("context", "sizes"),
    [(0, (4096, 8192)), (131_072, (4096, 8192)), (8192, (4096, 8192)), (8191, (4096,)), (2048, (2048,))],
)
def test_the_models_own_limit_caps_ours(context: int, sizes: tuple[int, ...]) -> None:
    assert room_for(MODEL, L4, Traits(context=context), 0) == Room(sizes)


def test_contexts_that_do_not_fit_are_left_out_and_a_model_without_any_is_refused_with_the_arithmetic() -> None:
    traits = Traits(context=131_072, kv_bytes=192 * 1024)
    # 9.0 GB + 4 x 4096 x 192 KiB = 12.2 GB; with 8192 15.4 GB.
    for vram, sizes in ((24 * GB, (4096, 8192)), (15 * GB, (4096,)), (12 * GB, ())):
        node = Node(name="a", url="http://a", slots=4, vram_bytes=vram, models=("m",))
        assert room_for(MODEL, node, traits, 9 * GB).sizes == sizes
    node = Node(name="a", url="http://a", slots=4, vram_bytes=6 * GB, gpus=2, models=("m",))
    assert room_for(MODEL, node, traits, 9 * GB).arithmetic == (
        "9.0 GB of weights + 4 slots x 4096 tokens x 192 KiB = 12.2 GB, and its GPUs have 12.0 GB"
    )


@pytest.fixture
def fleet() -> Fleet:
    """A node of 12 GB that holds one model of 9 GB."""
    node = Node(name="a", url="http://a", slots=4, vram_bytes=12 * GB, models=("m",))
    fleet = Fleet(Catalogue(models=(MODEL,), nodes=(node,)), Metrics(CollectorRegistry()), clock=lambda: 0.0)
    fleet.looked("a", Look("0.33.0", {"m:latest": "d"}, {}, {"m:latest": 9 * GB}))
    return fleet


def test_a_model_that_does_not_fit_is_placed_nowhere_and_the_node_says_why(fleet: Fleet) -> None:
    assert (fleet.view("a").state, fleet.unread("a")) == (NodeState.READY, ["m:latest"])
    fleet.learn("a", "m:latest", Traits(context=131_072, kv_bytes=192 * 1024))
    view = fleet.view("a")
    arithmetic = "9.0 GB of weights + 4 slots x 4096 tokens x 192 KiB = 12.2 GB, and its GPUs have 12.0 GB"
    assert view.missing == (ModelProblem("m", ModelFault.TOO_LARGE, (arithmetic,)),)
    assert (view.state, fleet.unread("a")) == (NodeState.MISCONFIGURED, [])


def test_a_node_serves_the_models_that_fit_and_is_asked_for_no_larger_context(fleet: Fleet) -> None:
    need = Need(CallKind.CHAT, Tier.SIMPLE, prompt_tokens=5000, max_tokens=100)
    both = Node(name="a", url="http://a", slots=4, vram_bytes=15 * GB, models=("m",))
    fleet.declare((both,), ())
    fleet.learn("a", "m:latest", Traits(context=131_072, kv_bytes=192 * 1024))
    (candidate,) = place(need, fleet.views(), fleet.catalogue).candidates
    assert (candidate.num_ctx, candidate.excluded) == (4096, None)
    small = Node(name="a", url="http://a", slots=4, vram_bytes=12 * GB, models=("m", "n"))
    fleet.declare((small,), ())
    fleet.looked("a", Look("0.33.0", {"m:latest": "d", "n:latest": "e"}, {}, {"m:latest": 9 * GB}))
    (candidate,) = place(need, fleet.views(), fleet.catalogue).candidates
    assert candidate.excluded in {Exclusion.TOO_LARGE, Exclusion.NODE_MISCONFIGURED}


def test_what_clients_are_offered_is_what_the_nodes_tell(fleet: Fleet) -> None:
    fleet.learn("a", "m:latest", Traits(context=4096, sees=True, thinks=True))
    offer = offers_of(fleet.catalogue, fleet.views(), ())[-1]
    assert (offer.num_ctx, offer.sees, offer.uses_tools, offer.size_bytes) == (4096, True, False, 9 * GB)
    assert fleet.traits_of("m") == Traits(context=4096, sees=True, thinks=True)
    assert fleet.traits_of("other") is None
