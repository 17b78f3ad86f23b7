"""The header of a GGUF file: its key-values and tensor shapes, without the tensors.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from ops.local.ollama.gojson import Json

_MAGIC = b"GGUF"
_STRING = 8
_ARRAY = 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_LONGEST_TEXT_BYTES = 64 * 2**20
_MOST_ENTRIES = 2**20
# Names of general.file_type in llama.cpp's order (llama.h, llama_ftype).
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 32: "BF16",
}  # fmt: skip
_TENSOR_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 30: "BF16",
}  # fmt: skip


class NotGguf(ValueError):
    """The file is no GGUF file that this reader knows."""


class Tensor(msgspec.Struct, frozen=True):
    """A tensor's name, type name and shape (innermost dimension first, as the file has it)."""

    name: str
    type: str
    shape: tuple[int, ...]


class Header(msgspec.Struct, frozen=True):
    """Key-values by name; arrays longer than the reader's limit are None, as Ollama shows them."""

    values: Mapping[str, Json]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int = 0) -> int:
        """An integer value; `key` is looked up under the architecture's name too."""
        for name in (key, f"{self.architecture}.{key}"):
            value = self.values.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        return default

    @property
    def file_type(self) -> str:
        return _FILE_TYPES.get(self.number("general.file_type", -1), "unknown")

    @property
    def is_embedder(self) -> bool:
        return f"{self.architecture}.pooling_type" in self.values

    @property
    def parameter_count(self) -> int:
        total = 0
        for tensor in self.tensors:
            count = 1
            for size in tensor.shape:
                count *= size
            total += count
        return total


def read(path: Path, *, longest_array: int) -> Header:
    """Blocking. Raises NotGguf, OSError."""
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise NotGguf(str(path))
        version, tensor_count, value_count = struct.unpack("<IQQ", _exactly(file, 20))
        if version not in (2, 3) or max(tensor_count, value_count) > _MOST_ENTRIES:
            raise NotGguf(f"{path}: version {version}")
        values = {_text(file): _value(file, longest_array) for _ in range(value_count)}
        tensors = tuple(_tensor(file) for _ in range(tensor_count))
    return Header(values, tensors)


def _exactly(file: BinaryIO, size: int) -> bytes:
    if size > _LONGEST_TEXT_BYTES or len(block := file.read(size)) < size:
        raise NotGguf("the header is cut short")
    return block


def _text(file: BinaryIO) -> str:
    return _exactly(file, struct.unpack("<Q", _exactly(file, 8))[0]).decode("utf-8", "replace")


def _value(file: BinaryIO, longest_array: int) -> Json:
    kind: int = struct.unpack("<I", _exactly(file, 4))[0]
    if kind == _STRING:
        return _text(file)
    if kind == _ARRAY:
        return _array(file, longest_array)
    return _scalars(file, kind, 1)[0]


def _scalars(file: BinaryIO, kind: int, count: int) -> tuple[Json, ...]:
    if kind not in _SCALARS:
        raise NotGguf(f"value type {kind}")
    form = f"<{count}{_SCALARS[kind]}"
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))


def _array(file: BinaryIO, longest_array: int) -> Json:
    kind, count = struct.unpack("<IQ", _exactly(file, 12))
    is_kept = longest_array < 0 or count <= longest_array
    if kind == _STRING:
        step: Callable[[BinaryIO], str | None] = _text if is_kept else _skip_text
        texts = [step(file) for _ in range(count)]
        return texts if is_kept else None
    scalars = _scalars(file, kind, count)
    return list(scalars) if is_kept else None


def _skip_text(file: BinaryIO) -> None:
    _exactly(file, struct.unpack("<Q", _exactly(file, 8))[0])


def _tensor(file: BinaryIO) -> Tensor:
    name = _text(file)
    dimensions: int = struct.unpack("<I", _exactly(file, 4))[0]
    if dimensions > 8:
        raise NotGguf(f"{dimensions} dimensions")
    shape: tuple[int, ...] = struct.unpack(f"<{dimensions}Q", _exactly(file, 8 * dimensions))
    kind, _offset = struct.unpack("<IQ", _exactly(file, 12))
    return Tensor(name, _TENSOR_TYPES.get(kind, "unknown"), shape)
