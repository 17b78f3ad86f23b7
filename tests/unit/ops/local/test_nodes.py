"""Which node holds which model, and what the application is told about it."""

import tomllib
from collections.abc import Callable
from typing import TypedDict, cast

from ops.local.layout import Layout, Outside
from ops.local.models.catalogue import Size
from ops.local.nodes import needed_first, wanted, write_nodes_file


class ModelTable(TypedDict):
    """A `[[models]]` table."""

    name: str
    kind: str
    tiers: list[str]
    num_ctx: list[int]


class NodeTable(TypedDict):
    """A `[[nodes]]` table."""

    name: str
    url: str
    slots: int
    gpus: int
    price_usd_per_hour: float
    models: list[str]


class File(TypedDict):
    """The whole file."""

    models: list[ModelTable]
    nodes: list[NodeTable]


def read(layout: Layout) -> File:
    return cast("File", tomllib.loads(write_nodes_file(layout).read_text()))


def models_of(layout: Layout) -> dict[str, list[str]]:
    return {node["name"]: sorted(node["models"]) for node in read(layout)["nodes"]}


def test_node_a_serves_simple_and_medium_node_b_medium_and_complex_and_both_embed(
    make_layout: Callable[..., Layout],
) -> None:
    assert models_of(make_layout()) == {
        "a": ["all-minilm:22m", "qwen2.5-coder:0.5b", "smollm2:135m"],
        "b": ["all-minilm:22m", "qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b"],
    }


def test_the_small_set_serves_every_tier_with_the_smallest_model_on_both_nodes(
    make_layout: Callable[..., Layout],
) -> None:
    layout = make_layout(size=Size.SMALL)
    assert models_of(layout) == {name: ["all-minilm:22m", "smollm2:135m"] for name in ("a", "b")}
    tiers = {model["name"]: model["tiers"] for model in read(layout)["models"]}
    assert tiers == {"smollm2:135m": ["simple", "medium", "complex"], "all-minilm:22m": []}


def test_an_outside_node_is_told_all_models(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout(outside=Outside(ollama_hosts=("http://gpu-1:11434",)))
    (node,) = read(layout)["nodes"]
    assert node["url"] == "http://gpu-1:11434"
    assert len(node["models"]) == 4


def test_a_first_answer_waits_for_the_small_models_only(make_layout: Callable[..., Layout]) -> None:
    layout = make_layout()
    names = [model.name for model, _ in wanted(layout)]
    assert names[:2] == [model.name for model, _ in needed_first(layout)] == ["all-minilm:22m", "smollm2:135m"]
    assert names[2:] == ["qwen2.5-coder:0.5b", "qwen2.5-coder:1.5b"]


def test_each_model_goes_into_the_stores_of_its_nodes(make_layout: Callable[..., Layout]) -> None:
    stores = {model.name: [store.name for store in stores] for model, stores in wanted(make_layout())}
    assert stores == {
        "all-minilm:22m": ["a", "b"],
        "smollm2:135m": ["a"],
        "qwen2.5-coder:0.5b": ["a", "b"],
        "qwen2.5-coder:1.5b": ["b"],
    }
