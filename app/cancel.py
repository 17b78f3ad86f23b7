"""Ends tasks that run beside the others, for certain."""

import asyncio
from collections.abc import Iterable

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
