"""A store that an Ollama server can read."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from ops.local.models.catalogue import read_catalogue
from ops.local.models.store import manifest_path, put_model

CONTENT = b"gguf bytes"
MODEL = msgspec.structs.replace(
    read_catalogue().get("qwen2.5-coder:0.5b"), sha256=hashlib.sha256(CONTENT).hexdigest(), size_bytes=len(CONTENT)
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "weights").write_bytes(CONTENT)
    put_model(tmp_path / "store", MODEL, tmp_path / "weights")
    return tmp_path / "store"


def test_the_manifest_is_where_ollama_looks(store: Path) -> None:
    expected = "manifests/registry.ollama.ai/library/qwen2.5-coder/0.5b"
    assert manifest_path(store, MODEL.name) == store / expected
    assert (store / expected).is_file()


def test_every_layer_is_a_blob_of_the_size_and_digest_that_the_manifest_says(store: Path) -> None:
    manifest = json.loads(manifest_path(store, MODEL.name).read_bytes())
    assert manifest["schemaVersion"] == 2
    for layer in (manifest["config"], *manifest["layers"]):
        blob = (store / "blobs" / layer["digest"].replace(":", "-")).read_bytes()
        assert len(blob) == layer["size"]
        assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == layer["digest"]


def test_model_template_licence_and_parameters_are_layers_of_their_own(store: Path) -> None:
    manifest = json.loads(manifest_path(store, MODEL.name).read_bytes())
    kinds = [layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]]
    assert kinds == ["model", "template", "license", "params"]


def test_the_configuration_describes_the_model(store: Path) -> None:
    manifest = json.loads(manifest_path(store, MODEL.name).read_bytes())
    config = json.loads((store / "blobs" / manifest["config"]["digest"].replace(":", "-")).read_bytes())
    assert config["model_family"] == "qwen2"
    assert config["file_type"] == "Q4_K_M"
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]


def test_weights_are_not_copied_when_they_can_be_linked(store: Path, tmp_path: Path) -> None:
    assert (store / "blobs" / f"sha256-{MODEL.sha256}").stat().st_ino == (tmp_path / "weights").stat().st_ino


def test_putting_a_model_again_changes_nothing(store: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    put_model(store, MODEL, tmp_path / "weights")
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()} == before
