"""The response of a direct call: the whole of it or a stream, in the words of a dialect."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from app.api.direct.door import Direct
from app.api.direct.talk import Ask, Piece, Place, Talk, Told
from app.api.gone import unless_left
from app.api.problems import ClientLeft, Problem, describe
from app.api.sse import HEARTBEAT_S, SEND_LIMIT_S, ReaderStalled
from app.ids import Caller

log = structlog.get_logger(__name__)


class Teller(Protocol):
    """Writes what calls bring in the words of a dialect. Bytes are whole lines or events; empty ones are not sent."""

    media_type: str
    """Of the response: a stream's or that of one object."""
    alive: bytes
    """Sent when nothing else was for a while, so that proxies keep the connection."""

    def begin(self) -> bytes:
        """Return what comes before the first piece."""
        ...

    def piece(self, piece: Piece) -> bytes:
        """Return a piece."""
        ...

    def place(self, place: Place) -> bytes:
        """Return where a call stands in the queue, in a form that clients pass over who do not know it."""
        ...

    def end(self, told: Sequence[Told]) -> bytes:
        """Return what comes after the last piece: the ends of all calls, in their order."""
        ...

    def fail(self, problem: Problem, request_id: str) -> bytes:
        """Return the end of a stream that broke."""
        ...

    def whole(self, told: Sequence[Told]) -> bytes:
        """Return the body for a reader that wants all at once."""
        ...


class DirectReply(ASGIResponse):
    """Makes calls and writes what they bring. Whoever leaves before the end cancels them."""

    def __init__(
        self,
        direct: Direct,
        caller: Caller,
        asks: Sequence[Ask],
        teller: Teller,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(status_code=200)
        self._direct = direct
        self._caller = caller
        self._asks = asks
        self._teller = teller
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._sent_at = 0.0
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Run the response. Raises what refuses the calls, or ClientLeft, as long as nothing was sent."""
        try:
            async with unless_left(receive), self._direct.begin(self._caller, self._asks) as talk:
                await (self._stream(talk, send) if self._asks[0].stream else self._whole(talk, send))
        except (ClientLeft, ReaderStalled):
            if not self._has_begun:
                raise

    async def _whole(self, talk: Talk, send: Send) -> None:
        told = await talk.ends()
        body = self._teller.whole(told)
        headers = {**told[0].headers, **talk.queue_headers, "content-length": str(len(body))}
        await self._start(send, headers | {"cache-control": "no-store"})
        await self._send(send, body, more=False)

    async def _stream(self, talk: Talk, send: Send) -> None:
        # nginx passes each piece on at once.
        await self._start(send, {**talk.headers, "cache-control": "no-store", "x-accel-buffering": "no"})
        beat = asyncio.create_task(self._keep_alive(send))
        try:
            await self._say(talk, send)
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _say(self, talk: Talk, send: Send) -> None:
        await self._send(send, self._teller.begin())
        async with contextlib.aclosing(talk.pieces()) as pieces:
            async for piece in pieces:
                told = self._teller.place(piece) if isinstance(piece, Place) else self._teller.piece(piece)
                await self._send(send, told)
        # After the first byte a failure can be told in no other way.
        last = self._teller.end(await talk.ends()) if talk.error is None else self._broken(talk.error)
        await self._send(send, last, more=False)

    def _broken(self, error: Exception) -> bytes:
        problem = describe(error)
        if problem.status == 500:
            log.error("http.stream_failed", exc_info=error)
        else:
            log.warning("http.stream_broken", code=problem.code)
        return self._teller.fail(problem, self._asks[0].request_id)

    async def _start(self, send: Send, headers: dict[str, str]) -> None:
        named = {"content-type": self._teller.media_type} | headers
        encoded = [(name.encode("ascii"), value.encode("latin-1")) for name, value in named.items()]
        self._has_begun = True
        await send({"type": "http.response.start", "status": 200, "headers": encoded})

    async def _keep_alive(self, send: Send) -> None:
        while self._teller.alive:
            idle_s = self._clock() - self._sent_at
            if idle_s >= self._heartbeat_s:
                await self._send(send, self._teller.alive)
                idle_s = 0.0
            await asyncio.sleep(self._heartbeat_s - idle_s)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        if more and not body:
            return
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError as error:
            raise ReaderStalled from error
        self._sent_at = self._clock()
