"""The OpenAPI 3.1 document, made from what each route declares."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from app import VERSION, errors
from app.api.auth import PERMISSION, Permission
from app.api.direct.dialects import Dialect, dialect_of, schema_of, status_in
from app.api.problems import ProblemDocument, RateLimited, title_of
from app.api.queue_headers import REFUSED_HEADERS
from app.api.routing import DOC, Doc, Parameter, Success
from app.errors import SwitchyardError

Json: TypeAlias = dict[str, Any]

TITLE = "Switchyard"
TEXT = (
    "LLM agents on your own GPUs. Send an api key as `Authorization: Bearer sy_…` or `X-API-Key: sy_…`. "
    "Errors are problem documents (RFC 9457) with a stable `code`; [/docs/errors](/docs/errors) lists all codes. "
    "Every response carries `x-request-id`; a request may bring its own."
)
SECURITY: Sequence[Json] = ({"bearer": []}, {"key": []})
KEY_REFUSALS: Sequence[type[SwitchyardError]] = (errors.KeyUnknown, RateLimited, errors.StoreUnavailable)
"""What any endpoint that needs a key may say."""
_REFERENCE = "#/components/schemas/{name}"


class Operation(msgspec.Struct, frozen=True):
    """One documented method of one path."""

    method: str
    path: str
    permission: Permission
    doc: Doc


def operations_of(app: Litestar) -> list[Operation]:
    """Return the documented operations, in the order of their paths."""
    found: list[Operation] = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            doc = handler.opt.get(DOC)
            if isinstance(doc, Doc):
                found.append(Operation(_method(handler), route.path_format, handler.opt[PERMISSION], doc))
    return sorted(found, key=lambda operation: (operation.path, operation.method))


def _method(handler: HTTPRouteHandler) -> str:
    return str(min(handler.http_methods))


def describe_api(app: Litestar) -> Json:
    """Return the whole document."""
    operations = operations_of(app)
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": TEXT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An api key, `sy_…`."},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same api key."},
            },
        },
    }


class _Schemas:
    """JSON Schema of every type that goes over the wire."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        types: list[Any] = [ProblemDocument]
        for operation in operations:
            refused = schema_of(dialect_of(operation.path))[0]
            types.extend([refused] if refused not in types else [])
            bodies = [success.body for success in operation.doc.successes.values()]
            types.extend(body for body in (operation.doc.body, *bodies) if body is not None and body not in types)
        schemas, self.components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
        self._by_type = dict(zip(types, schemas, strict=True))
        for operation in operations:
            for name, limit in operation.doc.limits.items():
                body = self._by_type[operation.doc.body]["$ref"].rsplit("/", 1)[1]
                self.components[body]["properties"][name]["maxLength"] = limit

    def of(self, body: object) -> Json:
        return self._by_type[body]


def _describe(operation: Operation, schemas: _Schemas) -> Json:
    doc = operation.doc
    public = operation.permission is Permission.PUBLIC
    described: Json = {
        "operationId": f"{operation.method.lower()}_{operation.path.strip('/').translate(_ID_CHARACTERS)}",
        "summary": doc.summary,
        "description": doc.text,
        "tags": [doc.tag],
        "security": [] if public else list(SECURITY),
        "parameters": [*_path_parameters(operation.path), *(_parameter(each) for each in doc.parameters)],
        "responses": _responses(operation, schemas, public=public),
    }
    if doc.body is not None or doc.body_schema is not None:
        schema = schemas.of(doc.body) if doc.body is not None else doc.body_schema
        content: Json = {"schema": schema}
        if doc.example is not None:
            content["example"] = doc.example
        described["requestBody"] = {"required": True, "content": {doc.body_media_type: content}}
    return described


_ID_CHARACTERS = str.maketrans({"/": "_", "{": None, "}": None, ".": "_"})


def _path_parameters(path: str) -> list[Json]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    schemas = {
        name: {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"} for name in names
    }
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in schemas.items()]


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": False,
        "description": parameter.text,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation, schemas: _Schemas, *, public: bool) -> Json:
    doc, dialect = operation.doc, dialect_of(operation.path)
    responses: dict[str, Json] = {
        str(status): _success(success, schemas) for status, success in sorted(doc.successes.items())
    }
    by_status: dict[int, list[type[SwitchyardError]]] = {}
    always = () if public else KEY_REFUSALS
    for kind in dict.fromkeys((*always, *doc.refusals)):
        by_status.setdefault(status_in(dialect, kind), []).append(kind)
    by_status.setdefault(500, [])
    for status, kinds in sorted(by_status.items()):
        responses.setdefault(str(status), _refusal(status, kinds, schemas, dialect))
    return responses


def _success(success: Success, schemas: _Schemas) -> Json:
    described: Json = {"description": success.text}
    content: Json = {}
    if success.body is not None:
        content[success.media_type] = {"schema": schemas.of(success.body)}
    elif success.media_type != "application/json":
        content[success.media_type] = {"schema": {"type": "string"}}
    for media_type, text in success.also.items():
        content[media_type] = {"schema": {"type": "string", "description": text}}
    if content:
        described["content"] = content
    if success.headers:
        described["headers"] = _headers(success.headers)
    return described


def _refusal(status: int, kinds: Sequence[type[SwitchyardError]], schemas: _Schemas, dialect: Dialect) -> Json:
    body, media_type = schema_of(dialect)
    lines = [f"`{kind.code}`: {title_of(kind)}." for kind in kinds]
    if status == 500:
        lines.append("`internal`: something broke inside Switchyard; the logs know the request_id.")
    described: Json = {
        "description": " ".join(lines),
        "content": {media_type: {"schema": schemas.of(body)}},
    }
    if any(issubclass(kind, errors.Unavailable) for kind in kinds):
        refused: Mapping[str, str] = REFUSED_HEADERS if errors.NoSlotInTime in kinds else {}
        described["headers"] = _headers({"retry-after": "Seconds after which another try makes sense.", **refused})
    return described


def _headers(named: Mapping[str, str]) -> Json:
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in named.items()}
