"""A keep-alive HTTP/1.1 client that costs little, so that the load generator is not what is measured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

BODY_LIMIT_BYTES = 4_000_000
WAITED = b"x-queue-wait-ms"


class Broken(Exception):
    """The server closed the connection in the middle of an answer, or sent what is not HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the whole request as bytes. `marker` begins the first token of a streamed answer in its body."""

    raw: bytes
    marker: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What came: `first_at` is when the marker was seen (0: never), `ended_at` when the body was complete.

    In seconds of `time.perf_counter` (uvloop's own clock counts milliseconds only). `waited_ms` is how long the
    server says that the request had waited for its turn.
    """

    status: int
    body: bytes
    sent_at: float
    first_at: float
    ended_at: float
    waited_ms: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A server on this machine, and the path that is asked."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "Target":
        """Read `http://host:port/path`."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80, parts.path or "/")

    def post(self, body: bytes, headers: dict[str, str], marker: bytes) -> Request:
        """Return a POST of a JSON body."""
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"host: {self.host}:{self.port}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return Request("\r\n".join([*lines, "", ""]).encode("ascii") + body, marker)


class Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Reply] | None = None
        self._body = bytearray()
        self._marker = b""
        self._sent_at = 0.0
        self._first_at = 0.0
        self._waited_ms = 0
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is waited for."""
        self.is_open = False
        self._fail(Broken(f"the connection was closed: {exc or 'end of file'}"))

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Broken(f"not HTTP: {error}"))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note how long the request waited, where that is said."""
        if name == WAITED:
            self._waited_ms = int(value)

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body, and note when the first token is in it."""
        self._body += piece
        if not self._first_at and self._marker in self._body:
            self._first_at = self._clock()
        if len(self._body) > BODY_LIMIT_BYTES:
            self._fail(Broken("the answer is too large"))
            self.close()

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        status, body = self._parser.get_status_code(), bytes(self._body)
        reply = Reply(status, body, self._sent_at, self._first_at, self._clock(), self._waited_ms)
        keeps = self._parser.should_keep_alive()
        self._parser = httptools.HttpResponseParser(self)
        if not keeps:
            self.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def ask(self, request: Request) -> Reply:
        """Send a request and return its answer. Raises Broken."""
        if self._transport is None or not self.is_open:
            raise Broken("the connection is closed")
        self._body = bytearray()
        self._marker, self._first_at, self._waited_ms = request.marker, 0.0, 0
        self._waiting = asyncio.get_running_loop().create_future()
        waiting = self._waiting
        self._sent_at = self._clock()
        self._transport.write(request.raw)
        return await waiting

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: Broken) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


class Connections:
    """Idle connections to one server, kept from one request to the next."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._idle: list[Connection] = []

    async def ask(self, request: Request) -> Reply:
        """Send a request over an idle connection, or a new one. Raises Broken, OSError."""
        connection = await self._take()
        try:
            reply = await connection.ask(request)
        except BaseException:
            # Also when this is cancelled: what comes later must not be taken for the next answer.
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return reply

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self._target.host, self._target.port)
        return connection

    def close(self) -> None:
        """Close every idle connection."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
