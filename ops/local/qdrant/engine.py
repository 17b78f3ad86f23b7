"""The one thread on which the engine works.

The engine's Python binding holds the interpreter while it works, so a second thread would win nothing; one thread makes
every operation atomic for every other. Indexes are built only after a quiet time, shard by shard.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from ops.local.qdrant.catalog import Catalog

QUIET_S = 30.0

P = ParamSpec("P")
T = TypeVar("T")


class Engine:
    """Runs the catalog's blocking operations off the event loop, one at a time."""

    def __init__(self, catalog: Catalog, *, quiet_s: float = QUIET_S) -> None:
        self.catalog = catalog
        self._quiet_s = quiet_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._waiting = 0
        self._last_asked = 0.0

    async def run(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The operation's result; it runs to its end also when the caller leaves."""
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            return await loop.run_in_executor(self._thread, lambda: operation(*args, **kwargs))
        finally:
            self._waiting -= 1
            self._last_asked = loop.time()

    async def optimize_when_quiet(self) -> None:
        """Build indexes whenever nothing was asked for `quiet_s` seconds; for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._quiet_s)
            if self._waiting == 0 and loop.time() - self._last_asked >= self._quiet_s:
                await loop.run_in_executor(self._thread, self._optimize, lambda: self._waiting > 0)

    async def optimize(self) -> None:
        """Build every index that is due, whoever waits."""
        await self.run(self._optimize, lambda: False)

    def _optimize(self, should_stop: Callable[[], bool]) -> None:
        for collection in tuple(self.catalog.collections.values()):
            if collection.unoptimized:
                collection.optimize(should_stop)

    async def close(self) -> None:
        """Close every collection and end the thread."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.catalog.close)
        self._thread.shutdown()
