"""Models on disk in Ollama's own layout: manifests that name blobs. Read anew for each request."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec

from ops.local.ollama import gguf
from ops.local.ollama.gojson import Object
from ops.local.ollama.names import ModelName
from ops.local.ollama.thinking import Tags, find_tags

_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})", re.ASCII)
_INFILL = re.compile(r"{{-?\s*if \.Suffix\s*-?}}(.*?)\s*{{-?\s*(?:else|end)", re.DOTALL)
_KIND = "application/vnd.ollama.image."
_LONGEST_BLOB_BYTES = 16 * 2**20
_SHOWN_ARRAY = 5  # server/routes.go, getModelData: longer arrays are left out unless verbose


class ModelMissing(LookupError):
    """No manifest of that name, or a blob that it names is not here."""


class BadStore(ValueError):
    """A manifest or blob that cannot be read; the message says which."""


class Layer(msgspec.Struct, frozen=True):
    """One blob of a model: its kind, digest and size."""

    mediaType: str = ""  # noqa: N815  the manifest's own field name
    digest: str = ""
    size: int = 0


class _Manifest(msgspec.Struct, frozen=True):
    config: Layer = Layer()
    layers: tuple[Layer, ...] = ()


class Config(msgspec.Struct, frozen=True):
    """What a model's configuration blob says of it (types/model/config.go, ConfigV2)."""

    model_format: str = ""
    model_family: str = ""
    model_families: tuple[str, ...] | None = None
    model_type: str = ""
    file_type: str = ""
    capabilities: tuple[str, ...] | None = None
    context_length: int = 0
    embedding_length: int = 0
    requires: str = ""


class StoredMessage(msgspec.Struct, frozen=True):
    """A message that the model's author put before every conversation."""

    role: str = ""
    content: str = ""


class Model(msgspec.Struct, frozen=True):
    """One model of the store; `digest` is the manifest's SHA-256, `size_bytes` that of all its blobs."""

    name: ModelName
    digest: str
    size_bytes: int
    modified_at: datetime
    config: Config
    weights: Path
    header: gguf.Header
    system: str
    template: str
    licenses: tuple[str, ...]
    options: Object
    messages: tuple[StoredMessage, ...]

    @property
    def chat_template(self) -> str:
        return self.header.text("tokenizer.chat_template")

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the model can do, in Ollama's order (server/images.go, goTemplateCapabilities)."""
        found = ["embedding" if self.header.is_embedder else "completion", *(self.config.capabilities or ())]
        if self.template:
            found += ["tools"] if ".Tools" in self.template else []
            found += ["insert"] if self.infill else []
            found += ["thinking"] if self.tags else []
        elif "tools" in self.chat_template or "tool_call" in self.chat_template:
            found.append("tools")
        return tuple(dict.fromkeys(found))

    @property
    def tags(self) -> Tags | None:
        """The tags of its thoughts, if its template has any; one that has can think."""
        return find_tags(self.template)

    @property
    def infill(self) -> str:
        """The branch of the template that fills in between a prompt and a suffix; empty when it has none."""
        match = _INFILL.search(self.template)
        return match[1] if match else ""


class Store:
    """Reads manifests, blobs and GGUF headers under one directory. All its methods block."""

    def __init__(self, models: Path) -> None:
        self._manifests = models / "manifests"
        self._blobs = models / "blobs"
        self._headers: dict[Path, gguf.Header] = {}

    def names(self) -> list[ModelName]:
        """The names of all manifests."""
        found = [
            ModelName(*path.relative_to(self._manifests).parts)
            for path in sorted(self._manifests.glob("*/*/*/*"))
            if path.is_file()
        ]
        return [name for name in found if name.is_valid]

    def models(self) -> list[Model]:
        """Every readable model, the one changed last first; unreadable ones are left out, as Ollama leaves them."""
        found: list[Model] = []
        for name in self.names():
            try:
                found.append(self.get(name))
            except (ModelMissing, BadStore):
                continue
        return sorted(found, key=lambda model: int(model.modified_at.timestamp()), reverse=True)

    def existing(self, name: ModelName) -> ModelName:
        """`name` with each part spelt as a stored model spells it (server/routes.go, getExistingName)."""
        names = self.names()
        spelt = [_respell(name, part, names) for part in ("host", "namespace", "model", "tag")]
        return ModelName(*spelt)

    def get(self, wanted: ModelName) -> Model:
        """Raises ModelMissing, BadStore."""
        name = self.existing(wanted)
        path = self._manifests / name.host / name.namespace / name.model / name.tag
        try:
            text, modified_s = path.read_bytes(), path.stat().st_mtime
            manifest = msgspec.json.decode(text, type=_Manifest)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ModelMissing(name.full) from error
        except (OSError, msgspec.DecodeError) as error:
            raise BadStore(f"{name.full}: {error}") from error
        weights = self._weights(manifest)
        return Model(
            name=name,
            digest=hashlib.sha256(text).hexdigest(),
            size_bytes=manifest.config.size + sum(layer.size for layer in manifest.layers),
            modified_at=datetime.fromtimestamp(modified_s, UTC),
            config=self._decode(manifest.config.digest, Config) if manifest.config.digest else Config(),
            weights=weights,
            header=self._header(weights),
            system=self._text(manifest, "system"),
            template=self._text(manifest, "template"),
            licenses=tuple(self._read(layer.digest).decode("utf-8", "replace") for layer in _of(manifest, "license")),
            options=self._options(manifest),
            messages=self._messages(manifest),
        )

    def whole_header(self, model: Model) -> gguf.Header:
        """The header with every array, for a verbose `/api/show`. Raises BadStore."""
        try:
            return gguf.read(model.weights, longest_array=-1)
        except (gguf.NotGguf, OSError) as error:
            raise BadStore(str(error)) from error

    def _weights(self, manifest: _Manifest) -> Path:
        for layer in _of(manifest, "model"):
            path = self._path(layer.digest)
            if path.is_file():
                return path
            raise ModelMissing(layer.digest)
        raise BadStore("the manifest names no weights")

    def _header(self, path: Path) -> gguf.Header:
        """A blob's name is its digest, so its header never changes."""
        if path not in self._headers:
            try:
                self._headers[path] = gguf.read(path, longest_array=_SHOWN_ARRAY)
            except (gguf.NotGguf, OSError) as error:
                raise BadStore(f"{path.name}: {error}") from error
        return self._headers[path]

    def _path(self, digest: str) -> Path:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise BadStore(f"invalid digest {digest!r}")
        return self._blobs / f"sha256-{match[1]}"

    def _read(self, digest: str) -> bytes:
        path = self._path(digest)
        try:
            if path.stat().st_size > _LONGEST_BLOB_BYTES:
                raise BadStore(f"{path.name} is too large")
            return path.read_bytes()
        except FileNotFoundError as error:
            raise ModelMissing(digest) from error
        except OSError as error:
            raise BadStore(str(error)) from error

    def _decode(self, digest: str, wanted: type[Config]) -> Config:
        try:
            return msgspec.json.decode(self._read(digest), type=wanted)
        except msgspec.DecodeError as error:
            raise BadStore(f"{digest}: {error}") from error

    def _text(self, manifest: _Manifest, kind: str) -> str:
        layers = _of(manifest, kind)
        return self._read(layers[-1].digest).decode("utf-8", "replace") if layers else ""

    def _options(self, manifest: _Manifest) -> Object:
        layers = _of(manifest, "params")
        if not layers:
            return {}
        try:
            return cast("Object", msgspec.json.decode(self._read(layers[-1].digest), type=dict[str, object]))
        except msgspec.DecodeError as error:
            raise BadStore(f"{layers[-1].digest}: {error}") from error

    def _messages(self, manifest: _Manifest) -> tuple[StoredMessage, ...]:
        layers = _of(manifest, "messages")
        if not layers:
            return ()
        try:
            return msgspec.json.decode(self._read(layers[-1].digest), type=tuple[StoredMessage, ...])
        except msgspec.DecodeError as error:
            raise BadStore(f"{layers[-1].digest}: {error}") from error


def _of(manifest: _Manifest, kind: str) -> list[Layer]:
    return [layer for layer in manifest.layers if layer.mediaType == _KIND + kind]


def _respell(wanted: ModelName, part: str, names: Sequence[ModelName]) -> str:
    text: str = getattr(wanted, part)
    spellings: list[str] = [getattr(name, part) for name in names]
    if text in spellings:
        return text
    return next((spelt for spelt in spellings if spelt.lower() == text.lower()), text)
