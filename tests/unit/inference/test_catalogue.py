"""Reading nodes.toml, and saying what is wrong with it."""

from pathlib import Path

import pytest

from app.inference.catalogue import CatalogueWrong, full_name, parse_catalogue, read_catalogue
from app.inference.records import CallKind
from app.inference.tiers import Tier

ROOT = Path(__file__).parents[3]
MODEL = '[[models]]\nname = "m:1b"\ntiers = ["simple"]\nnum_ctx = [2048, 4096]\n'
NODE = '[[nodes]]\nname = "a"\nurl = "http://127.0.0.1:11434"\nslots = 2\nmodels = ["m:1b"]\n'


@pytest.mark.requirement("FIN-14")
def test_the_example_is_valid() -> None:
    catalogue = read_catalogue(ROOT / "nodes.toml.example")
    assert [node.name for node in catalogue.nodes] == ["a", "b"]
    assert {model.kind for model in catalogue.models} == {CallKind.CHAT, CallKind.EMBED}
    assert catalogue.nodes[0].price_usd_micro_per_hour == 360_000
    assert all(catalogue.serving(tier) for tier in Tier)


def test_a_model_is_found_with_and_without_its_tag() -> None:
    catalogue = parse_catalogue((MODEL + NODE).replace("m:1b", "m"))
    assert catalogue.find("m:latest") == catalogue.find("m") == catalogue.models[0]
    assert catalogue.find("n") is None
    assert full_name("host:5000/library/m") == "host:5000/library/m:latest"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models = 3", "at least one [[models]]"),
        (MODEL, "at least one [[nodes]]"),
        ("[[", "not TOML"),
        (MODEL + NODE + "[server]\n", "unknown key `server`"),
        (MODEL + NODE.replace("slots", "slotz"), "nodes[a]: `slotz` is not known"),
        (MODEL + NODE.replace("slots = 2\n", ""), "nodes[a]: `slots` is missing"),
        (MODEL + NODE.replace("slots = 2", 'slots = "2"'), "nodes[a]: `slots`: Expected `int`, got `str`"),
        (MODEL + NODE.replace("slots = 2", "slots = 0"), "nodes[a]: `slots` must be at least 1"),
        (MODEL + NODE + "gpus = 0\n", "nodes[a]: `gpus` must be at least 1"),
        (MODEL + NODE.replace("http://", "ftp://"), "nodes[a]: `url`: must begin with http:// or https://"),
        (MODEL + NODE.replace("127.0.0.1", "[::1"), "nodes[a]: `url`: its host in brackets"),
        (MODEL + NODE.replace('"a"', '"a b"'), "`name` may have letters"),
        (MODEL + NODE + "price_usd_per_hour = -1.0\n", "`price_usd_per_hour` must be 0 or more"),
        (MODEL + NODE + "price_usd_per_hour = nan\n", "`price_usd_per_hour` must be 0 or more"),
        (MODEL + NODE.replace('["m:1b"]', '["x"]'), "nodes[a]: `models` names 'x', which no [[models]] entry has"),
        (MODEL + NODE.replace('["m:1b"]', "[]"), "nodes[a]: `models` is empty"),
        (MODEL + NODE + NODE, "nodes: `name` 'a' is used 2 times"),
        (MODEL + MODEL + NODE, "models: `name` 'm:1b' is used 2 times"),
        (MODEL.replace('["simple"]', "[]") + NODE, "models[m:1b]: `tiers` is empty"),
        (MODEL.replace('"simple"', '"tiny"') + NODE, "models[m:1b]: `tiers`: Invalid enum value 'tiny'"),
        (MODEL + 'kind = "embed"\n' + NODE, "models[m:1b]: `tiers` is for chat models only"),
        (MODEL.replace("[2048, 4096]", "[4096, 2048]") + NODE, "models[m:1b]: `num_ctx` must be"),
        (MODEL.replace("[2048, 4096]", "[]") + NODE, "models[m:1b]: `num_ctx` must be"),
        (MODEL + 'digest = "abc"\n' + NODE, "models[m:1b]: `digest` must be 64"),
        (MODEL + "load_s = 0.0\n" + NODE, "models[m:1b]: `load_s` must be more than 0"),
    ],
)
def test_what_is_wrong_is_named_with_entry_and_key(text: str, message: str) -> None:
    with pytest.raises(CatalogueWrong) as wrong:
        parse_catalogue(text)
    assert message in str(wrong.value)
    assert all(mistake.place.startswith("nodes.toml") for mistake in wrong.value.mistakes)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueWrong, match=r"missing\.toml"):
        read_catalogue(tmp_path / "missing.toml")
