"""How the state of a graph is stored: plain values and registered structs, and nothing else is ever built of it."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from app.agents.run_failure import RunFailure
from app.errors import RunFailed
from app.text import clean

LARGEST = 2**63
STRUCT = "$struct"
"""The name under which a stored map says which struct it is; a version that does not know it reads a plain map."""


class CorruptCheckpoint(RunFailed):
    """A stored value is of a type that no checkpoint of ours holds; it was not built. `reason` is `state_corrupt`."""


class StrictSerializer(JsonPlusSerializer):
    """Reads msgpack of plain values and the structs of `registered`; all else is refused, never silently dropped.

    A struct is stored as a map with its name, and comes back as the struct. Names must differ: raises ValueError.
    """

    def __init__(self, registered: Iterable[type[msgspec.Struct]] = ()) -> None:
        super().__init__(pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=())
        self._kinds: dict[str, type[msgspec.Struct]] = {}
        for kind in registered:
            if self._kinds.setdefault(kind.__name__, kind) is not kind:
                raise ValueError(f"two structs that a state may hold are named {kind.__name__}")

    def dumps_typed(self, value: Any) -> tuple[str, bytes]:  # noqa: ANN401 # pyright: ignore[reportIncompatibleMethodOverride]
        """Return how the value is stored. Raises RunFailed(unstorable) for a struct that is not registered."""
        return super().dumps_typed(_rebuilt(value, self._plain))

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # noqa: ANN401 - the base class's signature
        """Return the value. Raises CorruptCheckpoint for any encoding but ours, and any struct that is not whole."""
        kind, blob = data
        if kind not in {"msgpack", "empty", "null", "bytes"}:
            raise CorruptCheckpoint(f"a checkpoint value is encoded as {kind!r}", reason="state_corrupt")
        plain = super().loads_typed((kind, blob))
        if kind == "msgpack" and super().dumps_typed(plain)[1] != blob:
            raise CorruptCheckpoint("a checkpoint value holds a type that is not allowed", reason="state_corrupt")
        return _rebuilt(plain, self._built)

    def _plain(self, value: Any) -> Any:  # noqa: ANN401 - a graph's state may hold any plain value
        if isinstance(value, msgspec.Struct):
            if self._kinds.get(type(value).__name__) is not type(value):
                raise RunFailed(
                    f"the state holds a {type(value).__name__}, which its team does not declare in `values`",
                    reason=RunFailure.UNSTORABLE,
                )
            return {STRUCT: type(value).__name__, **msgspec.to_builtins(value)}
        if isinstance(value, dict) and STRUCT in value:
            raise RunFailed(f"the state holds a map with the key {STRUCT}", reason=RunFailure.UNSTORABLE)
        return value  # pyright: ignore[reportUnknownVariableType]

    def _built(self, value: Any) -> Any:  # noqa: ANN401 - a graph's state may hold any plain value
        if not (isinstance(value, dict) and STRUCT in value):
            return value  # pyright: ignore[reportUnknownVariableType]
        fields: dict[str, object] = {str(name): field for name, field in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        kind = self._kinds.get(str(fields.pop(STRUCT)))
        if kind is None:
            raise CorruptCheckpoint("a checkpoint value holds a struct that no team declares", reason="state_corrupt")
        try:
            return msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise CorruptCheckpoint("a struct of a checkpoint lacks a field", reason="state_corrupt") from error


def _rebuilt(value: Any, each: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - a graph's state may hold any plain value
    """Return the value with `each` applied to it and all that it holds, from the outside in."""
    match each(value):
        case dict() as found:  # pyright: ignore[reportUnknownVariableType]
            return {key: _rebuilt(item, each) for key, item in found.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() as found:  # pyright: ignore[reportUnknownVariableType]
            return [_rebuilt(item, each) for item in found]  # pyright: ignore[reportUnknownVariableType]
        case tuple() as found if type(found) is tuple:  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            return tuple(_rebuilt(item, each) for item in found)  # pyright: ignore[reportUnknownVariableType]
        case Send() as sent:
            return Send(sent.node, _rebuilt(sent.arg, each))
        case found:
            return found


def storable(value: Any) -> Any:  # noqa: ANN401 - a graph's state may hold any plain value
    """Return `value` as PostgreSQL can store it: no NUL, no lone surrogate, no NaN or infinity, no huge integer.

    Raises RunFailed(unstorable) for a number that has no such form.
    """
    match value:
        case str():
            return clean(value)
        case bool() | None | bytes():
            return value
        case int() if not -LARGEST <= value < LARGEST:
            raise RunFailed("an integer in the state is over 64 bits", reason=RunFailure.UNSTORABLE)
        case float() if not math.isfinite(value):
            raise RunFailed("a number in the state is not finite", reason=RunFailure.UNSTORABLE)
        case list() | tuple():
            return [storable(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {storable(key): storable(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return _storable_object(value)


def _storable_object(value: Any) -> Any:  # noqa: ANN401 - a graph's state may hold any plain value
    match value:
        case msgspec.Struct():
            return msgspec.convert(storable(msgspec.to_builtins(value)), type(value))
        case Send():
            return Send(value.node, storable(value.arg))
        case _:
            return value
