"""Declares a route: its permission and its documentation, beside its path."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Method

from app.api.auth import PERMISSION, HttpRequest, Permission
from app.errors import SwitchyardError

DOC = "doc"
Handle: TypeAlias = Callable[[HttpRequest], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a route; `schema` is JSON Schema."""

    name: str
    place: str
    text: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Success:
    """A good response: a msgspec type for JSON, or another media type, with the headers it may carry."""

    text: str
    body: object = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    also: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further media types of the same status, each with what it holds."""


@dataclass(frozen=True, slots=True)
class Doc:
    """What the OpenAPI page says of a route."""

    summary: str
    tag: str
    text: str = ""
    successes: Mapping[int, Success] = field(default_factory=dict[int, Success])
    refusals: tuple[type[SwitchyardError], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: object = None
    body_media_type: str = "application/json"
    body_schema: Mapping[str, object] | None = None
    example: object = None
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    """The most characters that fields of the body may have, where a setting says so."""


def route(
    method: Method, path: str, handle: Handle, permission: Permission, doc: Doc | None = None
) -> HTTPRouteHandler:
    """Return the Litestar handler of one method and path; `handle` reads the request itself."""
    handler = HTTPRouteHandler(
        path,
        http_method=[method],
        # Every handle writes its own status; Litestar's defaults (201 for POST) must not matter.
        status_code=200,
        opt={PERMISSION: permission, DOC: doc},
        include_in_schema=False,
        name=f"{method} {path}",
    )
    return handler(handle)
