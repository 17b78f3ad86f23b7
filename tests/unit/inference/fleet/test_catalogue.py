"""Reading nodes.toml, and saying what is wrong with it."""

from pathlib import Path

import pytest

from app.inference.fleet.catalogue import CatalogueWrong, full_name, parse_catalogue, read_catalogue
from app.inference.fleet.model_names import is_model_name
from app.inference.wire.bodies import embed_body
from app.inference.words.records import CallKind
from app.inference.words.tiers import Tier

ROOT = Path(__file__).parents[4]
MODEL = '[[models]]\nname = "m:1b"\ntiers = ["simple"]\nnum_ctx = [2048, 4096]\n'
NODE = '[[nodes]]\nname = "a"\nurl = "http://127.0.0.1:11434"\nslots = 2\nmodels = ["m:1b"]\n'


@pytest.mark.requirement("FIN-14.each")
def test_the_example_is_valid() -> None:
    catalogue = read_catalogue(ROOT / "nodes.toml.example")
    assert [node.name for node in catalogue.nodes] == ["a", "b"]
    assert {model.kind for model in catalogue.models} == {CallKind.CHAT, CallKind.EMBED}
    assert catalogue.nodes[0].price_usd_micro_per_hour == 360_000
    assert all(catalogue.serving(tier) for tier in Tier)


@pytest.mark.requirement("FIN-14.configured")
def test_the_file_says_which_model_serves_which_class() -> None:
    second = MODEL.replace("m:1b", "n:2b").replace("simple", "complex")
    node = NODE.replace('["m:1b"]', '["m:1b", "n:2b"]')
    swapped = MODEL.replace("simple", "complex") + second.replace("complex", "simple")
    for models, expected in ((MODEL + second, ["m:1b", "n:2b"]), (swapped, ["n:2b", "m:1b"])):
        found = parse_catalogue(models + node)
        assert [found.serving(tier)[0].name for tier in (Tier.SIMPLE, Tier.COMPLEX)] == expected
        assert found.serving(Tier.MEDIUM) == ()


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


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("M", "m:latest"),
        ("library/m", "m"),
        ("registry.ollama.ai/library/m:1B", "m:1b"),
        ("Registry.Ollama.AI/me/m", "me/m:latest"),
        ("hf.co/Me/M-GGUF:Q4_K_M", "hf.co/me/m-gguf:q4_k_m"),
        ("host:5000/ns/m", "HOST:5000/ns/m:latest"),
        ("https://host/ns/m", "host/ns/m"),
        ("m:1b:local", "m:1b"),
    ],
)
def test_two_names_mean_one_model_as_they_do_to_ollama(name: str, other: str) -> None:
    # ollama/ollama, types/model/name.go: ParseName and EqualFold; internal/modelref/modelref.go: ParseRef.
    assert full_name(name) == full_name(other)
    assert is_model_name(name)


@pytest.mark.parametrize(
    "name", ["", "m:", ":1b", "/m", "a//m", "-m", "m m", "h/n.s/m", "a/b/c/d", "m:1/b", "m@sha256:x", "é"]
)
def test_a_name_that_ollama_does_not_take_is_none(name: str) -> None:
    assert not is_model_name(name)


def test_a_model_of_another_registry_is_another_model() -> None:
    assert len({full_name(name) for name in ("m", "me/m", "hf.co/library/m", "m:1b")}) == 4


@pytest.mark.requirement("FIN-93.day")
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('"30m"', "30m"), ('"1h30m10.5s"', "1h30m10.5s"), ('"-1s"', "-1s"), ('".5h"', ".5h"), ('"0"', 0), ("0", 0),
        ('"-1"', -1), ("-1", -1), ('"300"', 300), ("2.5", 2.5),
        ('"24h"', "24h"), ('"none"', None), ('" 30m "', "30m"), ('"100µs"', "100µs"),
    ],
)  # fmt: skip
def test_keep_alive_is_sent_as_ollama_takes_it(written: str, sent: object) -> None:
    # ollama/ollama, api/types.go: Duration.UnmarshalJSON; "-1" in quotes has no unit and would be refused.
    assert parse_catalogue(f"{MODEL}keep_alive = {written}\n{NODE}").models[0].keep_alive == sent


def test_without_keep_alive_it_is_the_nodes_own_and_not_sent() -> None:
    model = parse_catalogue(MODEL + NODE).models[0]
    assert model.keep_alive is None
    body = embed_body(("a",), model=model.name, keep_alive=model.keep_alive, num_ctx=256)
    assert b"keep_alive" not in body
    assert b'"keep_alive":0' in embed_body(("a",), model=model.name, keep_alive=0, num_ctx=256)


@pytest.mark.parametrize(
    "written",
    [
        '"forever"',
        '"30 m"',
        '"1d"',
        '"m"',
        '""',
        '"1h-5m"',
        '"3000000h"',
        "nan",
        "inf",
        "1e12",
        "true",
        "[1]",
        '"--1s"',
    ],
)
def test_another_keep_alive_is_refused(written: str) -> None:
    with pytest.raises(CatalogueWrong, match="`keep_alive`"):
        parse_catalogue(f"{MODEL}keep_alive = {written}\n{NODE}")


@pytest.mark.parametrize(
    "other", ["http://127.0.0.1:11434/", "HTTP://127.0.0.1:11434", "http://LOCALHOST:11434", "http://localhost.:11434"]
)
def test_two_entries_of_one_address_are_refused(other: str) -> None:
    second = NODE.replace('"a"', '"b"').replace("http://127.0.0.1:11434", other)
    with pytest.raises(CatalogueWrong) as wrong:
        parse_catalogue(MODEL + NODE + second)
    assert [str(one) for one in wrong.value.mistakes] == [
        "nodes.toml: nodes[b]: `url` is the address of nodes[a] too: one node is one entry"
    ]


def test_every_mistake_of_a_file_is_told_and_no_address_is_quoted() -> None:
    text = MODEL.replace("[2048, 4096]", '"x"') + 'keep_alive = "ever"\n' + NODE.replace("slots", "slotz")
    with pytest.raises(CatalogueWrong) as wrong:
        parse_catalogue(text.replace("http://", "http://u:c4nary@"))
    assert [str(one).split("`")[1] for one in wrong.value.mistakes] == [
        "num_ctx",
        "keep_alive",
        "slotz",
        "slots",
        "url",
    ]
    assert "c4nary" not in str(wrong.value)


@pytest.mark.parametrize("content", ["\ufeff{}", "{}", "\ufeff{}\r\n"])
def test_a_file_of_any_system_is_read(tmp_path: Path, content: str) -> None:
    text = content.format((MODEL + NODE).replace("\n", "\r\n"))
    (tmp_path / "nodes.toml").write_bytes(text.encode())
    assert read_catalogue(tmp_path / "nodes.toml").nodes[0].name == "a"


def test_a_file_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nodes.toml").write_bytes("# für\n".encode("latin-1"))
    with pytest.raises(CatalogueWrong, match=r"not a file of UTF-8 text \(line 1\)"):
        read_catalogue(tmp_path / "nodes.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueWrong, match=r"missing\.toml"):
        read_catalogue(tmp_path / "missing.toml")
