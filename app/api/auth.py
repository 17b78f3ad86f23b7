"""Who calls, decided on the routed handler: every route has a permission, and all but PUBLIC need an api key."""

from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from app.accounts.ollama_keys import Signed, is_signature
from app.api.direct.dialects import Dialect, dialect_of
from app.api.refusals import Refusals
from app.errors import KeyUnknown, NotPermitted, StoreUnavailable
from app.ids import Caller, KeyPermission

HttpRequest: TypeAlias = Request[Any, Any, State]
PERMISSION = "permission"
KEY_HEADERS = frozenset({b"authorization", b"x-api-key"})


class Permission(StrEnum):
    """What a route lets a caller do. PUBLIC needs no api key; every key has the others, OPERATE if it was given."""

    PUBLIC = "public"
    RUN = "run"
    READ = "read"
    WRITE = "write"
    OPERATE = "operate"


class PermissionMissing(Exception):
    """A route declares no permission; the application does not start."""


def key_text(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the one api key among raw ASGI headers: `Authorization: Bearer <key>` or `X-API-Key: <key>`.

    Raises KeyUnknown when there is none, or more than one that differ.
    """
    found: set[str] = set()
    for name, value in headers:
        if name == b"authorization":
            scheme, _, credentials = value.decode("latin-1").strip().partition(" ")
            found.add(credentials.strip() if scheme.lower() == "bearer" else "")
        elif name == b"x-api-key":
            found.add(value.decode("latin-1").strip())
    if len(found) != 1:
        raise KeyUnknown("the api key is missing, wrong or revoked")
    return found.pop()


async def find_caller(request: HttpRequest, refusals: Refusals) -> Caller | None:
    """Return who calls a public route, None without a key, or while PostgreSQL cannot say whose it is.

    Raises KeyUnknown, RateLimited: a wrong key is refused here as everywhere.
    """
    headers = list(request.scope["headers"])
    if not any(name in KEY_HEADERS for name, _ in headers):
        return None
    try:
        return await refusals.find(key_text(headers), request.scope)
    except StoreUnavailable:
        return None


class Gate:
    """A Litestar guard that finds the caller before anything of the body is read."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let the request pass or raise KeyUnknown, NotPermitted, RateLimited, StoreUnavailable."""
        if connection.scope.get("method") == "OPTIONS":
            return
        if handler.opt[PERMISSION] is Permission.PUBLIC:
            return
        caller = await self._find(connection.scope)
        if handler.opt[PERMISSION] is Permission.OPERATE and KeyPermission.OPERATE not in caller.permissions:
            raise NotPermitted("the api key has no permission `operate`")
        connection.scope["state"]["caller"] = caller
        structlog.contextvars.bind_contextvars(tenant_id=str(caller.tenant_id), key_id=str(caller.key_id))

    async def _find(self, scope: Scope) -> Caller:
        headers = list(scope["headers"])
        signed = signed_of(scope) if dialect_of(scope["path"]) is Dialect.OLLAMA else None
        if signed is not None:
            return await self._refusals.find_signer(signed, scope)
        return await self._refusals.find(key_text(headers), scope)


def signed_of(scope: Scope) -> Signed | None:
    """Return a request of the `ollama` command that it signed, None for any other.

    The command knows nothing of what stands before its own paths.
    """
    given = {name: value.decode("latin-1") for name, value in scope["headers"] if name in KEY_HEADERS}
    header = given.pop(b"authorization", "")
    if given or not is_signature(header):
        return None
    ts = parse_qs(scope["query_string"].decode("latin-1")).get("ts", [])
    path = scope["path"].removeprefix("/ollama")
    return Signed(header=header, method=str(scope.get("method", "")), path=path, ts=ts[0] if len(ts) == 1 else "")


def caller_of(request: HttpRequest) -> Caller:
    """Return the caller that the gate found."""
    caller = request.scope["state"].get("caller")
    if not isinstance(caller, Caller):
        raise KeyUnknown("the api key is missing, wrong or revoked")
    return caller
