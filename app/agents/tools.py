"""What a tool is: a function that a step may call, with what it takes and what it brings."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from app.ids import TenantId
from app.postgres import Connection, Database

A = TypeVar("A")
R = TypeVar("R")

TOOL_LIMIT_S = 10.0
TOOL_LIMIT_BYTES = 256_000
"""Of what a call is given, and of what it brings, as JSON: a result is kept with the run and read in every attempt."""


def count_nothing(result: object) -> Mapping[str, int]:
    """Return no outcomes: what most tools have to count."""
    del result
    return {}


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
    limit_bytes: int = TOOL_LIMIT_BYTES


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
    limit_bytes: int = TOOL_LIMIT_BYTES
    outcomes: tuple[str, ...] = ()
    """What `outcomes_of` counts: words of a closed set."""
    outcomes_of: Callable[[R], Mapping[str, int]] = count_nothing
    """How often each outcome was in what the tool brought; counted when it is done, not when it is replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting(Generic[A, R]):
    """A tool that changes something outside PostgreSQL: it sends, orders, calls.

    `act` is given the key of its effect, which is the same in every attempt, to hand on as an idempotency key. Where
    the other side `is_idempotent` under it, a call whose outcome nobody knows is made again. Else the run waits for a
    person who knows: `confirmed` is what the call brings where that person says that it happened. It may raise
    ToolRefused, if it did nothing.
    """

    name: str
    description: str
    arguments: type[A]
    result: type[R]
    act: Callable[[str, TenantId, A], Awaitable[R]]
    is_idempotent: bool
    confirmed: R
    limit_s: float = TOOL_LIMIT_S
    limit_bytes: int = TOOL_LIMIT_BYTES


Tool: TypeAlias = Reading[A, R] | Writing[A, R] | Acting[A, R]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeking:
    """A tool that searches the tenant's documents: `Work.search` calls it, within the time that its run has.

    One that fails is tried `retries` times more; then it brings nothing, and the answer says what was away.
    """

    name: str
    description: str
    arguments: type
    retries: int = 0


AnyTool: TypeAlias = Tool[Any, Any] | Seeking
"""What a team may use, and a tenant be denied."""
