"""Gives work up soon after its job was stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

from app.cancel import cancel
from app.errors import StoreUnavailable

LOOK_S = 1.0

T = TypeVar("T")


async def while_kept(work: Coroutine[object, object, T], keep: Callable[[], Awaitable[None]]) -> T:
    """Return what `work` comes to; it is cancelled as soon as `keep`, asked every second, raises.

    Raises what they raise. That the database does not answer to `keep` is no reason to give the work up.
    """
    doing = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait((doing,), timeout=LOOK_S))[0]:
            with suppress(StoreUnavailable):
                await keep()
        return doing.result()
    finally:
        await cancel((doing,))
