"""A model in Ollama's own store layout: a manifest by name, and blobs by digest.

Layout and media types as in ollama/ollama `server/manifest.go`, `server/layer.go`, `server/images.go`.
"""

import hashlib
import os
from pathlib import Path

import msgspec

from ops.local.models.cache import place
from ops.local.models.catalogue import Model

HERE = Path(__file__).parent
LICENCES = {"Apache-2.0": HERE / "apache-2.0.txt"}
TEMPLATES = HERE / "templates"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class _Layer(msgspec.Struct, frozen=True):
    media_type: str = msgspec.field(name="mediaType")
    digest: str
    size: int


class _RootFs(msgspec.Struct, frozen=True):
    type: str
    diff_ids: tuple[str, ...]


class _Config(msgspec.Struct, frozen=True):
    model_format: str
    model_family: str
    model_families: tuple[str, ...]
    model_type: str
    file_type: str
    rootfs: _RootFs
    architecture: str = "amd64"
    os: str = "linux"


class _Manifest(msgspec.Struct, frozen=True):
    schema_version: int = msgspec.field(name="schemaVersion")
    media_type: str = msgspec.field(name="mediaType")
    config: _Layer
    layers: tuple[_Layer, ...]


def manifest_path(store: Path, name: str) -> Path:
    """Return where Ollama keeps the manifest of `name` (`model:tag`)."""
    model, _, tag = name.partition(":")
    return store / "manifests" / "registry.ollama.ai" / "library" / model / (tag or "latest")


def put_model(store: Path, model: Model, weights: Path) -> None:
    """Make `model` appear in `store` with the verified file `weights`; never half of it: the manifest comes last."""
    blobs = store / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    target = blobs / f"sha256-{model.sha256}"
    if not (target.is_file() and target.stat().st_size == model.size_bytes):
        place(weights, target, os.symlink)
    layers = [_Layer(_layer_type("model"), f"sha256:{model.sha256}", model.size_bytes)]
    if model.template is not None:
        layers.append(_put_blob(blobs, "template", (TEMPLATES / model.template).read_bytes().rstrip(b"\n")))
    layers.append(_put_blob(blobs, "license", LICENCES[model.licence].read_bytes()))
    if model.options:
        layers.append(_put_blob(blobs, "params", msgspec.json.encode(model.options)))
    config = _Config(
        model_format="gguf",
        model_family=model.family,
        model_families=(model.family,),
        model_type=model.parameters,
        file_type=model.quantization,
        rootfs=_RootFs("layers", tuple(layer.digest for layer in layers)),
    )
    written = _put_blob(blobs, "config", msgspec.json.encode(config))
    manifest = _Manifest(2, MANIFEST_TYPE, _Layer(CONFIG_TYPE, written.digest, written.size), tuple(layers))
    _write_whole(manifest_path(store, model.name), msgspec.json.encode(manifest))


def _put_blob(blobs: Path, kind: str, content: bytes) -> _Layer:
    digest = hashlib.sha256(content).hexdigest()
    path = blobs / f"sha256-{digest}"
    if not path.is_file():
        _write_whole(path, content)
    return _Layer(_layer_type(kind), f"sha256:{digest}", len(content))


def _layer_type(kind: str) -> str:
    return f"application/vnd.ollama.image.{kind}"


def _write_whole(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
