"""One request to a node and its reply: what breaks it off, in the words of failures."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from app.inference.wire.bodies import failure_of, read_error
from app.inference.words.failures import CallBroke, Failure

ERROR_BYTES = 10_000
"""So much of the body of an error is read."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: the node's name and URL, and the model's name (both names for errors)."""

    node: str
    url: str
    model: str

    def at(self, path: str) -> str:
        """Return the URL of a path of the node."""
        return f"{self.url.rstrip('/')}{path}"


class Exchange:
    """The reply once it is there, and the time limit, which its reader may move."""

    def __init__(self, target: Target, timer: asyncio.Timeout) -> None:
        self.timer = timer
        self.reply: aiohttp.ClientResponse | None = None
        self.is_accepted = False
        self._target = target

    async def accept(self, reply: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        """Return the reply. Raises CallBroke for any that is not a 200."""
        self.reply = reply
        if reply.status != 200:
            error = read_error(await reply.content.read(ERROR_BYTES))
            raise self.broke(
                failure_of(reply.status, error), error or f"node {self._target.node} answered {reply.status}"
            )
        self.is_accepted = True
        return reply

    def broke(self, failure: Failure, detail: str = "") -> CallBroke:
        """Return what is raised when the exchange fails so."""
        return CallBroke(failure, self._target.node, self._target.model, detail)


@asynccontextmanager
async def exchange_with(target: Target, limit_s: float) -> AsyncGenerator[Exchange]:
    """Give the block so long, and close its reply. Raises CallBroke for what keeps it from one, or breaks it off."""
    exchange = Exchange(target, asyncio.timeout(limit_s))
    timer, opened_until = exchange.timer, exchange.timer.when()
    try:
        async with timer:
            yield exchange
    except TimeoutError as error:
        late = not timer.expired() or timer.when() == opened_until
        raise exchange.broke(Failure.LATE if late else Failure.GAP) from error
    except (aiohttp.ClientError, OSError) as error:
        raise exchange.broke(Failure.INCOMPLETE if exchange.is_accepted else Failure.CONNECT) from error
    finally:
        if exchange.reply is not None:
            exchange.reply.close()
