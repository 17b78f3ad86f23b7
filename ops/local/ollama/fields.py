"""Reads the fields of a JSON object into typed values, refusing wrong ones as Go's encoding/json does."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

import msgspec

from ops.local.ollama.faults import Refused, bad_request
from ops.local.ollama.gojson import Json, Object, kind

T = TypeVar("T")


class Place(msgspec.Struct, frozen=True):
    """Where in a request a value stands: Go's struct name and the path of field names."""

    struct: str
    path: str = ""

    def inside(self, field: str, struct: str | None = None) -> "Place":
        return Place(struct or self.struct, f"{self.path}.{field}" if self.path else field)

    def refuse(self, value: Json, wanted: str) -> Refused:
        """Go's UnmarshalTypeError in words (Go source, encoding/json/decode.go)."""
        found = kind(value)
        if isinstance(value, float) and found == "number":
            found = f"number {msgspec.json.encode(value).decode()}"
        where = f"Go struct field {self.struct}.{self.path}" if self.path else "Go value"
        return bad_request(f"json: cannot unmarshal {found} into {where} of type {wanted}")


Reader: TypeAlias = Callable[[Json, Place], T]


class Fields:
    """The values of one JSON object by field name: null and absent are the same, letter case does not matter."""

    def __init__(self, value: Json, place: Place, readers: Mapping[str, Reader[object]], struct: str) -> None:
        """Every known field is read in the order of the text, so the first wrong one is the one reported."""
        if value is not None and not isinstance(value, Mapping):
            raise place.refuse(value, struct)
        self._values: dict[str, object] = {}
        for key, item in (value or {}).items():
            name = key if key in readers else key.lower()
            if name in readers and item is not None:
                self._values[name] = readers[name](item, place.inside(name))

    def get(self, name: str, wanted: type[T]) -> T | None:
        value = self._values.get(name)
        return value if isinstance(value, wanted) else None

    def text(self, name: str) -> str:
        return self.get(name, str) or ""

    def object(self, name: str) -> Object:
        return cast("Object", self._values.get(name) or {})

    def json(self, name: str) -> Json:
        return cast("Json", self._values.get(name))

    def many(self, name: str, _of: type[T]) -> tuple[T, ...]:
        """The items that a `sequence` reader read; none when the field is absent."""
        return cast("tuple[T, ...]", self._values.get(name) or ())


def string(value: Json, place: Place) -> str:
    if not isinstance(value, str):
        raise Place(place.struct, place.path).refuse(int(value) if isinstance(value, float) else value, "string")
    return value


def boolean(value: Json, place: Place) -> bool:
    if not isinstance(value, bool):
        raise place.refuse(int(value) if isinstance(value, float) else value, "bool")
    return value


def integer(value: Json, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise place.refuse(value, "int")
    return value


def anything(value: Json, _place: Place) -> Json:
    return value


def mapping(value: Json, place: Place) -> Object:
    if not isinstance(value, Mapping):
        raise place.refuse(value, "map[string]interface {}")
    return value


def sequence(reader: Reader[T], wanted: str) -> Reader[tuple[T, ...]]:
    """A reader of arrays whose items `reader` reads; `wanted` is Go's type of the array."""

    def read(value: Json, place: Place) -> tuple[T, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise place.refuse(value, wanted)
        return tuple(reader(item, place) for item in value)

    return read


def picture(value: Json, place: Place) -> str:
    """A base64 text, kept as text; a wrong one is refused with Go's words."""
    if not isinstance(value, str):
        raise place.refuse(value, "api.ImageData")
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"illegal base64 data at input byte {_first_bad(value)}") from error
    return value


def _first_bad(text: str) -> int:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"
    return next((index for index, letter in enumerate(text) if letter not in letters), len(text))
