"""The door that every call's usage goes through: written in batches, kept while PostgreSQL is away, never lost unseen.

A run stores the usage of its calls itself, in one transaction with what they brought; what it cannot store comes here.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from itertools import islice

import structlog

from app.errors import StatementWrong, Unavailable
from app.inference.calls import usage_rows
from app.inference.words.records import Usage
from app.postgres import Database
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

FLUSH_S = 0.25
"""What comes is written so long after the first of it."""
BATCH = 200
"""Rows in one transaction."""
KEPT = 10_000
"""So many wait at most, about 10 MB: what comes then is lost."""
CLOSE_LIMIT_S = 5.0


class Loss(StrEnum):
    """Why usage has no row."""

    FULL = "full"
    """PostgreSQL was away for so long that no more could wait."""
    REFUSED = "refused"
    """PostgreSQL does not take the row."""
    CLOSED = "closed"
    """PostgreSQL was away when the process ended."""
    UNREADABLE = "unreadable"
    """A process that died left what nobody understands, or a run that nobody knows."""
    DROPPED = "dropped"
    """Calls died of which Redis kept no more."""


class UsageBook:
    """Takes usage at once and writes it soon; says of what it cannot write."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics
        self._waiting: deque[Usage] = deque()
        self._has_come = asyncio.Event()
        self._writing = asyncio.Lock()

    def take(self, usage: Usage) -> None:
        """Keep usage until it is written."""
        if len(self._waiting) >= KEPT:
            self._lose(usage, Loss.FULL)
            return
        self._waiting.append(usage)
        self._metrics.usage_waiting.set(len(self._waiting))
        self._has_come.set()

    async def keep_writing(self) -> None:
        """Write what comes; never returns. Raises StoreUnavailable: what waits then waits on."""
        while True:
            if not self._waiting:
                self._has_come.clear()
                await self._has_come.wait()
                await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises StoreUnavailable."""
        async with self._writing:
            size = BATCH
            while self._waiting:
                batch = list(islice(self._waiting, size))
                try:
                    await self.write(batch)
                except StatementWrong as error:
                    if len(batch) > 1:
                        # One by one, to find which of them it is.
                        size = 1
                        continue
                    self._lose(batch[0], Loss.REFUSED, error.detail)
                for _ in batch:
                    self._waiting.popleft()
                self._metrics.usage_waiting.set(len(self._waiting))

    async def write(self, usages: Sequence[Usage]) -> None:
        """Write usage now, all of it or nothing. Raises StoreUnavailable, StatementWrong."""
        async with self._database.connection("usage.write") as conn:
            await usage_rows.write(conn, usages)

    async def close(self) -> None:
        """Write what waits; what cannot be written now is lost."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self.flush()
        except (Unavailable, TimeoutError):
            for usage in self._waiting:
                self._lose(usage, Loss.CLOSED)

    def lose(self, why: Loss, calls: int = 1) -> None:
        """Say that calls that nobody knows more of leave no row."""
        self._metrics.usage_lost.labels(why.value).inc(calls)
        log.error("usage.lost", reason=why.value, calls=calls)

    def _lose(self, usage: Usage, why: Loss, detail: str | None = None) -> None:
        self._metrics.usage_lost.labels(why.value).inc()
        log.error("usage.lost", reason=why.value, calls=1, detail=detail, **usage.facts)
