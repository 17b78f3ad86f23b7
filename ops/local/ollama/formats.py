"""The `format` field of a request as constraints that llama.cpp enforces while it generates."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ops.local.ollama.faults import Refused
from ops.local.ollama.gojson import Json, Object

# As much white space between tokens of JSON as llama.cpp's own grammars allow; with more, small models
# print line breaks until their tokens run out.
_WHITE_SPACE: Object = {"whitespace_flexible": True, "whitespace_pattern": r"( |\n{1,2}[ \t]{0,20})?"}
_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_GROUPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def constraint(response_format: Json) -> Object:
    """Fields for llama.cpp's completion request; none when there is no format.

    Raises Refused(500) for anything but `"json"` or a schema object, with Ollama's status and words
    (llm/llama_server.go, Completion), and Refused(400) for a schema with an unknown type.
    """
    if response_format is None or response_format == "":
        return {}
    if response_format == "json":
        return schema_constraint({"type": "object"})
    if isinstance(response_format, Mapping):
        return schema_constraint(closed(response_format))
    shown = msgspec.json.encode(msgspec.json.encode(response_format).decode()).decode()
    raise Refused(500, f'invalid format: {shown}; expected "json" or a valid JSON Schema object')


def schema_constraint(schema: Object) -> Object:
    """The output is one JSON value of this schema."""
    return {"json_schema": {**schema, "x-guidance": _WHITE_SPACE}}


def closed(schema: Object) -> Object:
    """The schema with objects that have no properties but the named ones, unless it says otherwise.

    That is how llama.cpp's own grammars read a schema (common/json-schema-to-grammar.cpp); a small model that may
    invent properties never ends. Raises Refused(400).
    """
    _check_type(schema)
    whole = _each_part(schema, closed)
    if "properties" in schema and "additionalProperties" not in schema:
        whole["additionalProperties"] = False
    return whole


def _check_type(schema: Object) -> None:
    """llama.cpp drops a schema that it cannot read instead of refusing it, so types are looked at here."""
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, Sequence) and not isinstance(kinds, str) else [kinds]
    if not all(kind is None or kind in _TYPES for kind in named):
        message = f"JSON schema conversion failed:\nUnrecognized schema: {msgspec.json.encode(schema).decode()}"
        fault = {"error": {"code": 400, "message": message, "type": "invalid_request_error"}}
        raise Refused(400, msgspec.json.encode(fault).decode())


def _each_part(schema: Object, change: Callable[[Object], Object]) -> dict[str, Json]:
    """A copy of the schema in which every schema inside it is changed."""
    whole: dict[str, Json] = dict(schema)
    for name in _GROUPS:
        group = schema.get(name)
        if isinstance(group, Mapping):
            whole[name] = {key: _changed(item, change) for key, item in group.items()}
    for name in _LISTS:
        items = schema.get(name)
        if isinstance(items, Sequence) and not isinstance(items, str):
            whole[name] = [_changed(item, change) for item in items]
    if "items" in schema:
        whole["items"] = _changed(schema["items"], change)
    return whole


def _changed(item: Json, change: Callable[[Object], Object]) -> Json:
    return change(item) if isinstance(item, Mapping) else item
