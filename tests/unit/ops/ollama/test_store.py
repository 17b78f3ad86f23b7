"""Manifests, blobs and GGUF headers on disk, and what is said of them."""

import hashlib
import os
from pathlib import Path

import pytest

from ops.local.ollama import catalogue, gguf, names, wire
from ops.local.ollama.store import BadStore, Model, ModelMissing, Store
from tests.unit.ops.ollama.files import CHAT, EMBED, StoreMaker, gguf_bytes

CONFIG = {"model_format": "gguf", "model_family": "llama", "model_families": ["llama"], "model_type": "1M"}
LIBRARY = "registry.ollama.ai/library"


@pytest.fixture
def maker(tmp_path: Path) -> StoreMaker:
    return StoreMaker(tmp_path / "models")


def get(maker: StoreMaker, name: str) -> Model:
    return Store(maker.root).get(names.parse(name))


def test_a_header_is_read_without_its_long_lists(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf_bytes(CHAT, {"w": (64, 7)}))
    header = gguf.read(path, longest_array=5)
    assert header.values["tokenizer.ggml.tokens"] is None
    assert header.values["tokenizer.ggml.token_type"] == [1, 1, 1]
    assert (header.architecture, header.number("context_length"), header.file_type) == ("llama", 2048, "Q4_1")
    assert (header.parameter_count, header.tensors[0].shape) == (448, (64, 7))
    assert gguf.read(path, longest_array=-1).values["tokenizer.ggml.tokens"] == list("abcdefg")


@pytest.mark.parametrize("content", [b"", b"PK", b"GGUF", gguf_bytes(CHAT, {})[:-3], b"GGUF" + b"\xff" * 64])
def test_a_broken_header_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(gguf.NotGguf):
        gguf.read(path, longest_array=5)


def test_a_model_is_its_manifest_with_all_its_blobs(maker: StoreMaker) -> None:
    messages = b'[{"role":"user","content":"hi"}]'
    maker.add(
        f"{LIBRARY}/small/1b", CHAT, CONFIG, system=b"Be kind.", params=b'{"top_k":5}', messages=messages, license=b"L"
    )
    model = get(maker, "small:1b")
    manifest = (maker.root / "manifests" / LIBRARY / "small" / "1b").read_bytes()
    assert model.digest == hashlib.sha256(manifest).hexdigest()
    assert model.size_bytes == sum(path.stat().st_size for path in (maker.root / "blobs").iterdir())
    assert (model.system, model.options, model.licenses) == ("Be kind.", {"top_k": 5}, ("L",))
    assert (model.messages[0].role, model.messages[0].content) == ("user", "hi")


def test_names_are_found_in_any_letter_case(maker: StoreMaker) -> None:
    maker.add(f"{LIBRARY}/Small/1B", CHAT, CONFIG)
    assert get(maker, "sMALL:1b").name.shortest == "Small:1B"


def test_an_exact_name_comes_before_one_in_another_case(maker: StoreMaker) -> None:
    maker.add(f"{LIBRARY}/Small/1b", CHAT, CONFIG)
    maker.add(f"{LIBRARY}/small/1b", EMBED, CONFIG)
    assert get(maker, "small:1b").header.is_embedder
    assert not get(maker, "Small:1b").header.is_embedder


def test_a_missing_manifest_or_blob_is_a_missing_model(maker: StoreMaker) -> None:
    with pytest.raises(ModelMissing):
        get(maker, "small:1b")
    manifest = maker.add(f"{LIBRARY}/small/1b", CHAT, CONFIG)
    for blob in (maker.root / "blobs").iterdir():
        blob.unlink()
    assert manifest["layers"]
    with pytest.raises(ModelMissing):
        get(maker, "small:1b")


def test_a_digest_cannot_leave_the_store(maker: StoreMaker) -> None:
    target = maker.root / "manifests" / LIBRARY / "evil" / "1b"
    target.parent.mkdir(parents=True)
    kind = "application/vnd.ollama.image.model"
    target.write_text(f'{{"layers":[{{"mediaType":"{kind}","digest":"sha256:../../../etc/passwd"}}]}}')
    with pytest.raises(BadStore):
        get(maker, "evil:1b")


def test_the_list_leaves_out_what_it_cannot_read_and_starts_with_the_newest(maker: StoreMaker) -> None:
    for index, tag in enumerate(("old", "new")):
        maker.add(f"{LIBRARY}/small/{tag}", CHAT, CONFIG)
        os.utime(maker.root / "manifests" / LIBRARY / "small" / tag, (1000 + index, 1000 + index))
    (maker.root / "manifests" / LIBRARY / "small" / "bad").write_text("{")
    assert [model.name.tag for model in Store(maker.root).models()] == ["new", "old"]


def test_an_empty_directory_has_no_models(tmp_path: Path) -> None:
    assert Store(tmp_path / "nothing").models() == []


@pytest.mark.parametrize(
    ("values", "template", "capabilities"),
    [
        (CHAT, b"", ("completion",)),
        (EMBED, b"", ("embedding",)),
        ({**CHAT, "tokenizer.chat_template": "{% if tools %}"}, b"", ("completion", "tools")),
        ({**CHAT, "tokenizer.chat_template": "{% if tools %}"}, b"{{ .Prompt }}", ("completion",)),
        (CHAT, b"{{ if .Suffix }}<P>{{ .Prompt }}<S>{{ .Suffix }}{{ else }}{{ .Tools }}{{ end }}",
         ("completion", "tools", "insert")),
    ],
)  # fmt: skip
def test_capabilities_come_from_the_weights_and_the_template(
    maker: StoreMaker, values: dict[str, str | int | float | bool | list[str] | list[int]], template: bytes,
    capabilities: tuple[str, ...],
) -> None:  # fmt: skip
    layers = {"template": template} if template else {}
    maker.add(f"{LIBRARY}/small/1b", values, CONFIG, **layers)
    assert get(maker, "small:1b").capabilities == capabilities


def test_the_infill_branch_of_a_template_is_found(maker: StoreMaker) -> None:
    template = b"{{- if .Suffix }}<P>{{ .Prompt }}<S>{{ .Suffix }}<M>\n{{- else if .Messages }}x{{ end }}"
    maker.add(f"{LIBRARY}/small/1b", CHAT, CONFIG, template=template)
    assert get(maker, "small:1b").infill == "<P>{{ .Prompt }}<S>{{ .Suffix }}<M>"


def test_show_tells_parameters_and_modelfile_as_ollama_prints_them(maker: StoreMaker) -> None:
    params = b'{"temperature":0.5,"stop":["<a>","<b>"],"num_ctx":256}'
    maker.add(f"{LIBRARY}/small/1b", CHAT, CONFIG, params=params, system=b"Be kind.")
    model = get(maker, "small:1b")
    shown = catalogue.shown(model, wire.show_request(b'{"model":"small:1b"}'), model.header)
    lines = [f"{'temperature':<30} 0.5", f'{"stop":<30} "<a>"', f'{"stop":<30} "<b>"', f"{'num_ctx':<30} 256"]
    assert shown["parameters"] == "\n".join(lines)
    modelfile = str(shown["modelfile"])
    assert modelfile.startswith('# Modelfile generated by "ollama show"\n')
    assert "\nSYSTEM Be kind.\n" in modelfile
    assert "\nPARAMETER stop <a>\n" in modelfile
    assert shown["template"] == "{{ messages }}"


def test_details_take_the_quantization_from_the_weights_when_nothing_else_tells_it(maker: StoreMaker) -> None:
    maker.add(f"{LIBRARY}/small/1b", CHAT, CONFIG)
    details = catalogue.listed(get(maker, "small:1b"))["details"]
    assert isinstance(details, dict)
    assert (details["quantization_level"], details["context_length"]) == ("Q4_1", 2048)
