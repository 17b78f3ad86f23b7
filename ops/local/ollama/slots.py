"""Waiting places of the node: at most OLLAMA_MAX_QUEUE requests wait for a model or a slot."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from ops.local.ollama.faults import server_busy


class Queue:
    """Counts the requests that wait, for all models together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting = 0

    @contextmanager
    def place(self) -> Generator[None]:
        """Holds one waiting place; raises Refused(503) when none is left."""
        if self._waiting >= self._limit:
            raise server_busy()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


class Slots:
    """A fixed number of places for calls that run at one time; first come, first served."""

    def __init__(self, count: int, queue: Queue) -> None:
        self._free = asyncio.Semaphore(count)
        self._queue = queue

    @asynccontextmanager
    async def one(self) -> AsyncGenerator[None]:
        """Holds a slot; waits for it in the queue. Raises Refused(503) when the queue is full."""
        if self._free.locked():
            with self._queue.place():
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()
