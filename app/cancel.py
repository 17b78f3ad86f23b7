"""Ends tasks that run beside the others, for certain, and lets no cancellation be forgotten."""

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager

AGAIN_S = 1.0


async def cancel(
    tasks: Iterable[asyncio.Task[object]], *, again_s: float = AGAIN_S, limit_s: float | None = None
) -> None:
    """Cancel `tasks` until they have ended, at most for `limit_s`; what they raise stays theirs.

    One cancellation is not enough: on Python 3.11 `asyncio.wait_for` forgets one that arrives as its wait ends
    (https://github.com/python/cpython/issues/86296), and redis-py and psycopg_pool wait so in every request.
    `again_s` is how long a task may take to clean up before it is cancelled again.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_s if limit_s is not None else float("inf")
    pending = {task for task in tasks if not task.done()}
    while pending and loop.time() < until:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=min(again_s, until - loop.time()))


@contextmanager
def remembered() -> Generator[None]:
    """Raise CancelledError at the end of a block that was cancelled and went on, because what it awaited forgot it.

    For the edge to a library that waits with `asyncio.wait_for`: else whoever was to stop works on to its end.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    yield
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
