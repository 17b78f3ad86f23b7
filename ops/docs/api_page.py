"""The list of endpoints."""

from types import SimpleNamespace
from typing import cast

from litestar import Litestar
from prometheus_client import CollectorRegistry

from app.api.app import create_app
from app.api.auth import Permission
from app.api.direct.dialects import Dialect, dialect_of, status_in
from app.api.doors import Platform
from app.api.openapi import KEY_REFUSALS, Operation, operations_of
from app.api.surface import ROUTE_HEADERS
from app.errors import SwitchyardError
from app.settings import make_settings
from app.telemetry.metrics import Metrics
from ops.docs.markdown import code, page, table

EVENTS = (
    ("`queued`", "`run_id`, `session_id`", "First: the ids to come back with."),
    ("`loading`", "`node`, `model`", "The model is being loaded; the answer waits for it."),
    (
        "`waiting_for_node`",
        "`reason`, `since`",
        "Nothing can take the run's call since then. It goes on as soon as something can, until its deadline.",
    ),
    (
        "`thinking`",
        "`offset`, `text`",
        "Only if `think` was asked for: what the model thinks before it answers. Drop what came of it after `offset` "
        "characters, then append.",
    ),
    ("`delta`", "`text`", "Append the text."),
    ("`restart`", "`offset`", "Drop all text after that many characters (Unicode code points); go on appending."),
    ("`done`", "the body of a JSON answer", "Last. Its `message` equals the text that was put together."),
    ("`error`", "a problem document", "Last, instead of `done`."),
)


def described_app() -> Litestar:
    """Return the application with its routes and nothing behind them."""
    needed = ("database_url", "cache_url", "coordination_url", "qdrant_urls", "nodes_file", "blobs_dir")
    settings = make_settings(dict.fromkeys(needed, ""))
    doors = (
        "keys",
        "runner",
        "runs",
        "tasks",
        "feedback",
        "task_load",
        "deliveries",
        "places",
        "sessions",
        "calendar",
        "documents",
        "cold",
        "search",
        "jobs",
        "routes",
        "offers",
        "nodes",
    )
    models = ("dispatcher", "book", "health", "models")
    nothing = SimpleNamespace(
        teams=(), settings=settings, metrics=Metrics(CollectorRegistry()), **dict.fromkeys((*doors, *models))
    )
    return create_app(cast(Platform, nothing))


def write_api() -> str:
    """Return the page."""
    operations = operations_of(described_app())
    return page(
        "HTTP API",
        "The whole description, with schemas, is served by every replica at `/docs` (OpenAPI 3.1 at "
        "`/docs/openapi.json`); the bare address leads there, and a key that is typed in stays in the tab. An api key "
        "goes into `Authorization: Bearer sy_…` or `X-API-Key: sy_…`. Unknown fields of a body are refused.",
        "## Endpoints",
        table(("method", "path", "what", "key", "refusals of its own"), [_row(each) for each in operations]),
        f"Any endpoint that needs a key may also answer {', '.join(_said(kind) for kind in KEY_REFUSALS)}. "
        "Codes: [errors](errors.md).",
        "## Parameters",
        _parameters(operations),
        "## Headers of an answer",
        table(("header", "meaning"), [(code(name), text) for name, text in ROUTE_HEADERS.items()]),
        "A stream's headers hold what is known at its first byte; its `done` event holds the rest.",
        "## Events of a stream",
        '`POST /api/v1/chat` with `"stream": true` and `GET /api/v1/runs/{run_id}/events` send server-sent events. '
        "Every event but `error` of a broken stream has an id. Send the last one as `Last-Event-ID` to the events "
        "endpoint of any replica to go on from there; lines that begin with `:` keep the connection alive.",
        table(("event", "data", "meaning"), EVENTS),
    )


def _said(kind: type[SwitchyardError], dialect: Dialect = Dialect.OWN) -> str:
    return f"{status_in(dialect, kind)} `{kind.code}`"


def _row(operation: Operation) -> tuple[str, str, str, str, str]:
    own = sorted({_said(kind, dialect_of(operation.path)) for kind in operation.doc.refusals})
    key = "no" if operation.permission is Permission.PUBLIC else "yes"
    return operation.method, code(operation.path), operation.doc.summary, key, ", ".join(own)


def _parameters(operations: list[Operation]) -> str:
    rows = [
        (f"{operation.method} `{operation.path}`", parameter.place, code(parameter.name), parameter.text)
        for operation in operations
        for parameter in operation.doc.parameters
    ]
    return table(("endpoint", "in", "name", "meaning"), rows)
