"""A replica's HTTP server in this process, over a fake platform, and raw connections to it."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from app.api.app import create_app
from app.api.server import DrainingServer, make_server
from tests.fakes.platform import KEY_A, FakePlatform

LIMIT_S = 15.0


@dataclass
class Running:
    """A server that listens."""

    platform: FakePlatform
    server: DrainingServer
    port: int
    serving: asyncio.Task[None]
    drains: list[str] = field(default_factory=list[str])

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve(*, drain_s: float = 5.0, **settings: object) -> AsyncGenerator[Running]:
    """Run a server on a free port until the block ends."""
    platform = FakePlatform(**settings)
    drains: list[str] = []

    async def drain() -> None:
        drains.append("drain")

    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app = create_app(platform)
    server = make_server(app, host="127.0.0.1", port=0, fd=None, drain_s=drain_s, drain=drain)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started)
    try:
        yield Running(platform, server, port, serving, drains)
    finally:
        server.should_exit = server.force_exit = True
        async with asyncio.timeout(LIMIT_S):
            await serving


@asynccontextmanager
async def connect(port: int) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def head(method: str, path: str, *lines: str) -> bytes:
    """Return a request's head with tenant A's key."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: localhost", f"x-api-key: {KEY_A}", *lines, "", ""]).encode()


def ask(body: bytes) -> bytes:
    """Return a whole chat request."""
    lines = ("content-type: application/json", f"content-length: {len(body)}")
    return head("POST", "/api/v1/chat", *lines) + body


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)
