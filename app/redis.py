"""Opens Redis clients that fail fast, and names the one error."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import LiteralString

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.cancel import remembered
from app.errors import StoreUnavailable
from app.telemetry.metrics import Metrics


class RedisStore:
    """One Redis (`cache` or `coordination`): a client, timed, with one error."""

    def __init__(self, client: Redis, name: LiteralString, metrics: Metrics) -> None:
        self.client = client
        self._name: LiteralString = name
        self._metrics = metrics

    @asynccontextmanager
    async def use(self, operation: LiteralString) -> AsyncGenerator[Redis]:
        """Lend the client for one request. Raises StoreUnavailable when Redis does not answer in time."""
        started = perf_counter()
        try:
            with remembered():
                yield self.client
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable("Redis does not answer", store=self._name) from error
        finally:
            self._metrics.redis_duration.labels(self._name, operation).observe(perf_counter() - started)

    async def close(self) -> None:
        """Close the client and its connections."""
        await self.client.aclose()


def open_redis(
    url: str, *, name: LiteralString, metrics: Metrics, timeout_s: float = 0.25, tls_ca: str | None = None
) -> RedisStore:
    """Return a client whose every request ends within `timeout_s` and is never repeated by the library."""
    tls = {"ssl_ca_certs": tls_ca} if tls_ca is not None and url.startswith("rediss://") else {}
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=64,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
        # The default reads the library's version from disk, in the loop, for every new connection.
        driver_info=None,
        **tls,
    )
    return RedisStore(Redis.from_pool(pool), name, metrics)
