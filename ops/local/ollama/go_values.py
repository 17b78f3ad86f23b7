"""Values as Go's templates print them: JSON where a type says so, else fmt's %v."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ops.local.ollama.gojson import Json, Object, encode

# The fields of api.ToolProperty (api/types.go) in the order in which JSON has them; those without a value are left out.
_PROPERTY = ("anyOf", "type", "items", "description", "enum", "properties", "required")


def as_json(value: Json) -> str:
    """JSON of decoded JSON (encoding/json, Marshal): numbers are float64, the names of a map are in order."""
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return encode(value).decode()
    if isinstance(value, (int, float)):
        return _number(value, -6, 21).replace("e-0", "e-").replace("e+0", "e+")
    if isinstance(value, Mapping):
        return _mapping({name: as_json(value[name]) for name in sorted(value)})
    return f"[{','.join(map(as_json, value))}]"


def printed(value: Json) -> str:
    """Decoded JSON as %v prints it (fmt/print.go, printValue)."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "<nil>", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return _number(value, -4, 6)
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{name}:{printed(value[name])}' for name in sorted(value))}]"
    return f"[{' '.join(map(printed, value))}]"


def printed_function(given: Json) -> str:
    """The function of an offered tool as `{{ .Function }}` prints it: a struct that has no String of its own.

    template/template.go, templateToolFunction and templateToolFunctionParameters; only the properties print as JSON.
    """
    function = _object(given)
    parameters = _object(function.get("parameters"))
    properties = _object(parameters.get("properties"))
    inside = (
        printed(parameters.get("type") or ""),
        printed(parameters.get("$defs")),
        printed(parameters.get("items")),
        printed(parameters.get("required") or []),
        _mapping({name: _property(_object(properties[name])) for name in sorted(properties)}),
    )
    said = printed(function.get("name") or ""), printed(function.get("description") or "")
    return f"{{{' '.join(said)} {{{' '.join(inside)}}}}}"


def _property(given: Object) -> str:
    """A property as api.ToolProperty becomes JSON; properties inside it keep their order (internal/orderedmap)."""
    found = {name: _field(name, given[name]) for name in _PROPERTY if _is_kept(name, given.get(name))}
    return _mapping(found)


def _is_kept(name: str, value: Json) -> bool:
    """Go's omitempty: what is a pointer or an interface stays unless it is nil."""
    return value is not None if name in ("items", "properties") else bool(value)


def _field(name: str, value: Json) -> str:
    if name == "anyOf" and isinstance(value, Sequence):
        return f"[{','.join(_property(_object(item)) for item in value)}]"
    if name == "properties":
        return _mapping({inner: _property(_object(item)) for inner, item in _object(value).items()})
    if name == "type" and isinstance(value, Sequence) and len(value) == 1:
        return as_json(value[0])
    return as_json(value)


def _mapping(written: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{encode(name).decode()}:{text}" for name, text in written.items()) + "}"


def _object(value: Json) -> Object:
    return value if isinstance(value, Mapping) else {}


def _number(value: float, least: int, most: int) -> str:
    """The shortest digits of a float64, with an exponent (two digits) below 10^`least` and from 10^`most` up."""
    number = Decimal(repr(float(value))).normalize()
    exponent = number.adjusted()
    if number and not least <= exponent < most:
        return f"{number.scaleb(-exponent).normalize():f}e{exponent:+03d}"
    return f"{number:f}"
