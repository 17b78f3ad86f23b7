"""Short uses of PostgreSQL: pool, time-outs, timing, and the one place where its errors become facts."""

import asyncio
import os
import select
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from time import monotonic, perf_counter
from typing import Any, LiteralString, Self, TypeAlias

import psycopg
from prometheus_client import Histogram
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from app.database_door import Door
from app.database_url import DatabaseAccess, DatabaseAddress, Pooler, address_of, make_access
from app.sqlstates import Fault, fact_of, translate
from app.telemetry.metrics import Metrics

Connection: TypeAlias = AsyncConnection[DictRow]

SESSION_LIMITS: Mapping[str, str] = {
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "5s",
    "timezone": "UTC",
}
LIMIT_TRANSACTIONS = (
    "SELECT CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL"
    " THEN set_config('transaction_timeout', '15s', {is_local}) END"
)
"""From PostgreSQL 17 on. Only this ends the transaction of a process that is frozen in the middle of a pipeline: to the
server it is neither idle nor at a statement, and would hold its locks for as long as it is frozen."""
BLOCK_LIMIT_S = 12.0
"""A little more than `statement_timeout`: a server that is stopped, not gone, ends nothing by itself."""
CHECK_LIMIT_S = 2.0
"""A connection that answers nothing for so long when it is about to be lent is replaced."""
FRESH_S = 2.0
"""One that was in use so lately is not asked, if its server has not closed it since: to ask costs as much as a use."""


class Lendable(AsyncConnection[DictRow]):
    """A connection that knows when it was last of use."""

    used_at = float("-inf")


class Pool(AsyncConnectionPool[Connection]):
    """A bounded pool of autocommit connections that knows why it cannot connect."""

    def __init__(self, parameters: Mapping[str, Any], *, size: int, wait_s: float, name: str, begin: bytes) -> None:
        self.door = Door(name, address_of(parameters))
        self.begin = begin
        """What begins a block that must be one transaction, with the limits of its session; empty where none must."""
        super().__init__(
            "",
            connection_class=_tracked(self.door),
            kwargs={"row_factory": dict_row, **parameters},
            min_size=1,
            max_size=size,
            max_waiting=size * 20,
            timeout=wait_s,
            max_idle=300,
            max_lifetime=3600,
            reconnect_timeout=5,
            check=self._check,
            # A pooler's connections are of many sessions: there each block says it for itself.
            configure=None if begin else _configure,
            open=False,
        )
        self.fresh_s = FRESH_S

    def lend(self) -> AbstractAsyncContextManager[Connection]:
        """Return a block that has a connection, and commits at its end what was begun for it."""
        return self.connection() if self.begin else _Loan(self)

    async def _check(self, conn: Connection) -> None:
        if isinstance(conn, Lendable) and monotonic() - conn.used_at < self.fresh_s and not _has_news(conn):
            return
        with CutAfter(conn, CHECK_LIMIT_S):
            await conn.execute("")


def _tracked(door: Door) -> type[Lendable]:
    """Return a class of connections that tells `door` how connecting went: the pool only logs it, password and all."""

    class Tracked(Lendable):
        @classmethod
        async def connect(cls, conninfo: str = "", **given: Any) -> Self:  # noqa: ANN401 - psycopg's signature
            try:
                made = await super().connect(conninfo, **given)
            except psycopg.Error as error:
                door.refused(error)
                raise
            door.opened()
            return made

    return Tracked


class _Loan:
    """A block in autocommit: there is nothing to commit, and the pool rolls back what was left open."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._conn = await self._pool.getconn()
        return self._conn

    async def __aexit__(self, *_: object) -> None:
        await self._pool.putconn(self._conn)


class Database:
    """A bounded pool. Every block is short: no connection is held across a model call."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self.pool = pool
        self._metrics = metrics
        self._timers: dict[str, Histogram] = {}
        self._lent = 0

    @asynccontextmanager
    async def connection(self, operation: LiteralString) -> AsyncGenerator[Connection]:
        """Lend a connection in autocommit; `operation` labels `db_query_duration_seconds`.

        Behind a pooler the block is one transaction. Raises StoreUnavailable when PostgreSQL does not answer in time,
        breaks off or can do no more; StoreMisconfigured when it refuses what an operator set; else StatementWrong.
        """
        started = perf_counter()
        limit = asyncio.timeout(BLOCK_LIMIT_S + CHECK_LIMIT_S)
        try:
            async with limit, self.pool.lend() as conn:
                self._lent += 1
                try:
                    with CutAfter(conn, BLOCK_LIMIT_S):
                        if self.pool.begin:
                            # One round trip. The pool's own block commits at the end, or rolls back.
                            await conn.execute(self.pool.begin)
                        yield conn
                    if isinstance(conn, Lendable):
                        conn.used_at = monotonic()
                finally:
                    self._lent -= 1
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise fact_of(self._pool_fault(error)) from error
        except psycopg.Error as error:
            self.pool.door.answered(error)
            raise translate(error) from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise fact_of(self.pool.door.fault or Fault.LATE) from error
        finally:
            self._timer(operation).observe(perf_counter() - started)

    @asynccontextmanager
    async def transaction(self, operation: LiteralString) -> AsyncGenerator[Connection]:
        """Like `connection`, in one transaction that commits at the end of the block."""
        async with self.connection(operation) as conn:
            if self.pool.begin:
                yield conn
            else:
                async with conn.transaction():
                    yield conn

    def _timer(self, operation: str) -> Histogram:
        timer = self._timers.get(operation)
        if timer is None:
            timer = self._timers[operation] = self._metrics.db_query_duration.labels(operation)
        return timer

    def _pool_fault(self, error: psycopg.Error) -> Fault:
        """Return why no connection came: all are lent, or none can be made."""
        if isinstance(error, PoolClosed):
            return Fault.CLOSING
        if self._lent >= self.pool.max_size:
            return Fault.POOL_EXHAUSTED
        return self.pool.door.fault or (Fault.POOL_EXHAUSTED if isinstance(error, TooManyRequests) else Fault.LATE)

    def watch(self) -> None:
        """Set the pool gauges from the pool's own figures."""
        stats = self.pool.get_stats()
        size = stats.get("pool_size", 0)
        self._metrics.db_pool_limit.set(self.pool.max_size)
        self._metrics.db_pool_size.set(size)
        self._metrics.db_pool_taken.set(size - stats.get("pool_available", 0))
        self._metrics.db_pool_waiting.set(stats.get("requests_waiting", 0))


async def _configure(conn: Connection) -> None:
    await conn.execute(LIMIT_TRANSACTIONS.format(is_local="false").encode())
    if not conn.autocommit:
        await conn.commit()


def _has_news(conn: Connection) -> bool:
    """Whether the server has said something unasked, or closed the line."""
    line = select.poll()
    line.register(conn.fileno(), select.POLLIN)
    return bool(line.poll(0))


class CutAfter:
    """Break the connection under a statement that takes longer than `limit_s`.

    A cancelled statement is not enough: psycopg then asks the server to cancel it and waits for that, twice 5 s
    (psycopg/connection_async.py, `wait`), and a server that is frozen answers neither.
    """

    def __init__(self, conn: Connection, limit_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(limit_s, _cut, conn)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _cut(conn: Connection) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def make_pool(database: DatabaseAccess | str, *, size: int, wait_s: float) -> Pool:
    """Return an unopened pool of at most `size` autocommit connections; a borrower waits at most `wait_s`.

    Raises AddressWrong, for an address that is given as text.
    """
    access = make_access(database) if isinstance(database, str) else database
    given: dict[str, Any] = {"autocommit": True}
    if access.pooler is Pooler.NONE:
        given |= access.address.connect_parameters(SESSION_LIMITS)
        return Pool(given, size=size, wait_s=wait_s, name="main", begin=b"")
    # PgBouncer refuses `options` (src/client.c: only parameters that it can track), and gives each transaction to
    # another server, which knows nothing of statements that were prepared elsewhere.
    given |= access.address.connect_parameters({}) | {"prepare_threshold": None}
    given.pop("options", None)
    return Pool(given, size=size, wait_s=wait_s, name="main", begin=_begin(access.address))


def make_queue_pool(access: DatabaseAccess, *, size: int, wait_s: float) -> Pool:
    """Return the job queue's own unopened pool, at the direct address: it listens, which needs a session.

    Its connections are not in autocommit: procrastinate says so itself where it needs it.
    """
    return Pool(access.direct.connect_parameters(SESSION_LIMITS), size=size, wait_s=wait_s, name="queue", begin=b"")


def _begin(address: DatabaseAddress) -> bytes:
    """Return what begins a transaction and sets the limits of a session for as long as it lasts."""
    settings = {**SESSION_LIMITS, **address.session}
    calls = ", ".join(f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in settings.items())
    return f"BEGIN; SELECT {calls}; {LIMIT_TRANSACTIONS.format(is_local='true')}".encode()


def _literal(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{quoted}'"
