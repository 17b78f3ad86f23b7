"""Opens Redis clients that fail fast, and says why one does not do what it is asked."""

import re
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import LiteralString

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.cancel import remembered
from app.causes import Cause, Finding, find_network_cause, plain
from app.errors import StoreMisconfigured, StoreUnavailable
from app.standing import Standing, standing_of
from app.telemetry.metrics import Metrics

# redis-py makes a class of the first word of an error and drops the word (redis/_parsers/base.py, EXCEPTION_CLASSES).
_CLASSES: Mapping[type[Exception], Finding] = {
    exceptions.AuthenticationError: Finding(Cause.PASSWORD, "wrong or missing password (WRONGPASS, NOAUTH)"),
    exceptions.AuthorizationError: Finding(Cause.RIGHTS, "the user may not connect"),
    exceptions.NoPermissionError: Finding(Cause.RIGHTS, "no permission (NOPERM)"),
    exceptions.BusyLoadingError: Finding(Cause.LOADING, "it is loading its data (LOADING)"),
    exceptions.OutOfMemoryError: Finding(Cause.OUT_OF_MEMORY, "its memory is used up (OOM)"),
    exceptions.ReadOnlyError: Finding(Cause.READ_ONLY, "it is a read-only copy (READONLY)"),
    exceptions.MasterDownError: Finding(Cause.READ_ONLY, "it is a copy that lost its primary (MASTERDOWN)"),
    exceptions.MaxConnectionsError: Finding(Cause.BUSY, "every connection of this process to it is in use"),
}
# Words of server.c, db.c, acl.c, script.c and networking.c of Valkey 9 and Redis 8.
_TEXTS: tuple[tuple[str, Finding], ...] = (
    (
        r"DB index is out of range|invalid DB index|SELECT is not allowed",
        Finding(Cause.DATABASE, "it has no such database"),
    ),
    (r"no permissions|can't run this command|ACL failure|NOPERM", Finding(Cause.RIGHTS, "no permission (NOPERM)")),
    (r"max number of clients", Finding(Cause.BUSY, "it takes no more connections (maxclients)")),
    (r"No connection available", Finding(Cause.BUSY, "every connection of this process to it is in use")),
    (r"MISCONF|No space left", Finding(Cause.DISK_FULL, "it cannot write to its disk (MISCONF)")),
    (r"^BUSY |busy running a script", Finding(Cause.BUSY, "a script of another client holds it up (BUSY)")),
    (r"running in protected mode", Finding(Cause.RIGHTS, "it takes no connections from other machines (DENIED)")),
    (r"unknown command", Finding(Cause.STRANGER, "it does not know a command of Redis 7 or Valkey")),
)
_NAMED_COMMAND = re.compile(r"'([A-Za-z|_]{1,30})'")


LOOK_SCRIPT = """
redis.call('HSET', KEYS[1], 'look', '1')
redis.call('PEXPIRE', KEYS[1], 5000)
redis.call('PUBLISH', KEYS[1], '')
return redis.call('HGET', KEYS[1], 'look')
"""


class RedisStore:
    """One Redis (`cache` or `coordination`): a client, timed, with one error."""

    def __init__(
        self, client: Redis, name: LiteralString, metrics: Metrics, *, standing: Standing, timeout_s: float
    ) -> None:
        self.client = client
        self.standing = standing
        self._name: LiteralString = name
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._look = client.register_script(LOOK_SCRIPT)

    @asynccontextmanager
    async def use(self, operation: LiteralString) -> AsyncGenerator[Redis]:
        """Lend the client for one request.

        Raises StoreUnavailable when Redis does not answer in time or cannot do it now, StoreMisconfigured when it
        refuses what an operator set.
        """
        started = perf_counter()
        try:
            with self._translated(operation):
                with remembered():
                    yield self.client
                self.standing.answered(operation)
        finally:
            self._metrics.redis_duration.labels(self._name, operation).observe(perf_counter() - started)

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncGenerator[PubSub]:
        """Lend a connection that hears channels, for as long as it holds. Raises as `use`."""
        # How the store stands, short requests tell: a connection that only listens may be closed for its silence.
        with self._translated(None):
            async with self.client.pubsub() as heard:
                await heard.subscribe(*channels)
                yield heard

    @contextmanager
    def _translated(self, operation: str | None) -> Generator[None]:
        try:
            yield
        except (exceptions.RedisError, OSError, TimeoutError) as error:
            finding = find_cause(error, limit_s=self._timeout_s)
            # A refused command is a fault of ours or a key of another's: Redis itself is as it was.
            if operation is not None and finding.cause is not Cause.REFUSED:
                self.standing.failed(finding, operation)
            kind = StoreMisconfigured if finding.cause.is_setting else StoreUnavailable
            raise kind(f"Redis {self._name}: {finding.text}", store=self._name, reason=finding.cause.value) from error

    async def look(self) -> None:
        """Do what leases and event streams do: a script that writes, sets an expiry and publishes. Raises as `use`."""
        async with self.use("look") as client:
            await self._look(keys=[f"sy:look:{self._name}"], client=client)

    async def close(self) -> None:
        """Close the client and its connections."""
        await self.client.aclose()


def find_cause(error: Exception, *, limit_s: float) -> Finding:
    """Return why Redis did not do what it was asked."""
    text = str(error)
    for kind, finding in _CLASSES.items():
        if isinstance(error, kind):
            return _with_command(finding, text) if finding.cause is Cause.RIGHTS else finding
    for words, finding in _TEXTS:
        if re.search(words, text, re.IGNORECASE):
            return _with_command(finding, text) if finding.cause is Cause.RIGHTS else finding
    if isinstance(error, exceptions.InvalidResponse):
        return Finding(Cause.STRANGER, "it answers, but not as Redis")
    if isinstance(error, exceptions.ResponseError):
        return Finding(Cause.REFUSED, f"it refuses a command: {plain(text)}")
    return find_network_cause(error, limit_s=limit_s) or Finding(Cause.BROKE_OFF, "the connection broke off")


def _with_command(finding: Finding, text: str) -> Finding:
    """Name the command that a user may not run: `... has no permissions to run the 'eval' command` (acl.c)."""
    named = _NAMED_COMMAND.search(text)
    if named is None:
        return finding
    command = named.group(1).upper()
    return Finding(
        finding.cause,
        f"no permission for {command} (NOPERM)",
        f"give the user of the address the right to {command}: `ACL SETUSER <user> +{command.lower()}`",
    )


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
    standing = standing_of(name, url, metrics)
    return RedisStore(Redis.from_pool(pool), name, metrics, standing=standing, timeout_s=timeout_s)
