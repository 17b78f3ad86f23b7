"""Short uses of PostgreSQL: pool, time-outs, timing, and one error."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from app.errors import StoreUnavailable
from app.telemetry.metrics import Metrics

Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

_SESSION_LIMITS = (
    "-c statement_timeout=10s -c idle_in_transaction_session_timeout=10s -c lock_timeout=5s -c timezone=UTC"
)


BLOCK_LIMIT_S = 12.0
"""A little more than `statement_timeout`: a server that is stopped, not gone, ends nothing by itself."""
# An InternalError is a server that turned read-only (a failover) or that ended our session.
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, PoolTimeout, TooManyRequests)


class Database:
    """A bounded pool. Every block is short: no connection is held across a model call."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self.pool = pool
        self._metrics = metrics

    @asynccontextmanager
    async def connection(self, operation: LiteralString) -> AsyncGenerator[Connection]:
        """Lend a connection in autocommit; `operation` labels `db_query_duration_seconds`.

        Raises StoreUnavailable when PostgreSQL does not answer in time or breaks off.
        """
        started = perf_counter()
        limit = asyncio.timeout(BLOCK_LIMIT_S)
        try:
            async with limit, self.pool.connection() as conn:
                yield conn
        except _AWAY as error:
            raise StoreUnavailable("PostgreSQL does not answer", store="postgres") from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise StoreUnavailable("PostgreSQL does not answer in time", store="postgres") from error
        finally:
            self._metrics.db_query_duration.labels(operation).observe(perf_counter() - started)

    @asynccontextmanager
    async def transaction(self, operation: LiteralString) -> AsyncGenerator[Connection]:
        """Like `connection`, in one transaction that commits at the end of the block."""
        async with self.connection(operation) as conn, conn.transaction():
            yield conn

    def watch(self) -> None:
        """Set the pool gauges from the pool's own figures."""
        stats = self.pool.get_stats()
        size = stats.get("pool_size", 0)
        self._metrics.db_pool_limit.set(self.pool.max_size)
        self._metrics.db_pool_size.set(size)
        self._metrics.db_pool_taken.set(size - stats.get("pool_available", 0))
        self._metrics.db_pool_waiting.set(stats.get("requests_waiting", 0))


async def _check(conn: Connection) -> None:
    await conn.execute("")


def make_pool(url: str, *, size: int, wait_s: float, tls_ca: str | None = None, is_for_queue: bool = False) -> Pool:
    """Return an unopened pool of at most `size` autocommit connections; a borrower waits at most `wait_s`.

    The job queue's own pool must not say `autocommit`: procrastinate says it itself where it needs it.
    """
    kwargs: dict[str, Any] = {} if is_for_queue else {"autocommit": True}
    kwargs |= {
        "row_factory": dict_row,
        "connect_timeout": 3,
        "options": _SESSION_LIMITS,
        "tcp_user_timeout": 10_000,
        "application_name": "switchyard",
    }
    if tls_ca is not None:
        kwargs |= {"sslmode": "verify-full", "sslrootcert": tls_ca}
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs=kwargs,
        min_size=1,
        max_size=size,
        max_waiting=size * 20,
        timeout=wait_s,
        max_idle=300,
        max_lifetime=3600,
        reconnect_timeout=5,
        check=_check,
        open=False,
    )
