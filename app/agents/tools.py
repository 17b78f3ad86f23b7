"""What a tool is: a function over the tenant's tables that a step may call, with what it takes and what it brings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from app.ids import TenantId
from app.postgres import Connection, Database

A = TypeVar("A")
R = TypeVar("R")

TOOL_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[A, R]):
    """A tool that changes nothing. `act` takes its own connection, for as long as it needs one.

    It may raise ToolRefused: what it was asked for cannot be.
    """

    name: str
    description: str
    arguments: type[A]
    result: type[R]
    act: Callable[[Database, TenantId, A], Awaitable[R]]
    limit_s: float = TOOL_LIMIT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing(Generic[A, R]):
    """A tool that changes rows. `act` is given the connection of the transaction that also stores what it brought.

    So what it writes stands exactly once, if and only if its effect does. It may raise ToolRefused, and nothing that it
    wrote is kept. It does nothing else that could be seen: no call, no other connection.
    """

    name: str
    description: str
    arguments: type[A]
    result: type[R]
    act: Callable[[Connection, TenantId, A], Awaitable[R]]
    limit_s: float = TOOL_LIMIT_S


Tool: TypeAlias = Reading[A, R] | Writing[A, R]
