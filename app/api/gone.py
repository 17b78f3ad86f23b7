"""Notices that a client has gone before its answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar.types import Receive

from app.api.problems import ClientLeft


async def until_left(receive: Receive) -> None:
    """Return once the client has gone. The body must have been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def unless_left(receive: Receive) -> AsyncGenerator[None]:
    """Run the block, which is cancelled when the client leaves: ClientLeft is raised then. The body must be read."""
    limit = asyncio.timeout(None)

    async def watch() -> None:
        await until_left(receive)
        limit.reschedule(0.0)

    watching = asyncio.create_task(watch())
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise ClientLeft("the client left before its answer") from error
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
