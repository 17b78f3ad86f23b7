"""What a request costs: the statements that it asks of PostgreSQL, and what it asks of Qdrant."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

_BILL: ContextVar["Cost | None"] = ContextVar("bill", default=None)


class Asked(msgspec.Struct, frozen=True):
    """A request to Qdrant."""

    method: str
    path: str
    body: Any


class Cost:
    """What was asked within a block, by tasks that began there too; background loops are not in it."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.asked: list[Asked] = []

    def unowned(self, tenant_id: object) -> list[Asked]:
        """Return the requests for points that do not name the tenant in every part that chooses or writes some."""
        return [one for one in self.asked if one.method != "GET" and not _is_owned(one.body, str(tenant_id))]


@contextmanager
def counted() -> Generator[Cost]:
    """Count what the block costs; `metered` must be in force."""
    cost = Cost()
    token = _BILL.set(cost)
    try:
        yield cost
    finally:
        _BILL.reset(token)


def metered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every statement and every request of this process noted for whoever counts."""
    execute, copy, send = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.copy, httpx.AsyncClient.send

    def note(query: object) -> None:
        # A pool asks nothing ("") of a connection that it lends after a while.
        if (cost := _BILL.get()) is not None and query:
            cost.statements.append(query.decode() if isinstance(query, bytes) else str(query))

    async def executed(self: Any, query: Any, *given: Any, **more: Any) -> Any:  # noqa: ANN401 - psycopg's signature
        note(query)
        return await execute(self, query, *given, **more)

    def copied(self: Any, statement: Any, *given: Any, **more: Any) -> Any:  # noqa: ANN401 - psycopg's signature
        note(statement)
        return copy(self, statement, *given, **more)

    async def sent(self: Any, request: httpx.Request, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's signature
        if (cost := _BILL.get()) is not None:
            body = msgspec.json.decode(request.content) if request.content else None
            cost.asked.append(Asked(request.method, request.url.path, body))
        return await send(self, request, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", executed)
    monkeypatch.setattr(psycopg.AsyncCursor, "copy", copied)
    monkeypatch.setattr(httpx.AsyncClient, "send", sent)


def _is_owned(body: Any, tenant_id: str) -> bool:  # noqa: ANN401 - JSON
    if not isinstance(body, Mapping):
        return False
    given: Mapping[str, Any] = body  # pyright: ignore[reportUnknownVariableType]
    if "searches" in given:
        return all(_filters(one, tenant_id) for one in given["searches"])
    if "points" in given and "filter" not in given:
        return all(point["payload"]["tenant_id"] == tenant_id for point in given["points"])
    return _filters(given, tenant_id) and all(_filters(one, tenant_id) for one in given.get("prefetch") or ())


def _filters(part: Mapping[str, Any], tenant_id: str) -> bool:
    chosen: Mapping[str, Any] = part.get("filter") or {}
    must: list[Any] = chosen.get("must") or []
    return {"key": "tenant_id", "match": {"value": tenant_id}} in must
