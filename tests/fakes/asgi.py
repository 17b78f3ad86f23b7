"""Drives an ASGI application in process, without a socket; the client may leave at any time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar

LIMIT_S = 5.0


class Reply:
    """A response as it comes in."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.fields: list[tuple[str, str]] = []
        self.body = b""
        self.ended = False
        self._changed = asyncio.Condition()

    async def take(self, message: Mapping[str, Any]) -> None:
        """Take one ASGI message."""
        async with self._changed:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.fields = [(name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"]]
                self.headers = dict(self.fields)
            else:
                self.body += message.get("body", b"")
                self.ended = not message.get("more_body", False)
            self._changed.notify_all()

    def all(self, name: str) -> list[str]:
        """Return every value that a header has."""
        return [value for field, value in self.fields if field == name]

    async def until(self, part: bytes) -> None:
        """Wait until the body holds `part`."""
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(lambda: part in self.body)

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the body's value."""
        return msgspec.json.decode(self.body)

    def events(self) -> list[tuple[str, str, Any]]:
        """Return the server-sent events: id, event, data."""
        found: list[tuple[str, str, Any]] = []
        for block in self.body.decode().split("\n\n"):
            lines = dict(
                line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":")
            )
            if "event" in lines:
                found.append((lines.get("id", ""), lines["event"], msgspec.json.decode(lines["data"].encode())))
        return found


class Client:
    """Sends requests to an application."""

    def __init__(self, app: Litestar, key: str | None = None) -> None:
        self._app = app
        self._key = key

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        chunks: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[str, str]] = (),
        leaves_while_sending: bool = False,
        stalls: bool = False,
    ) -> AsyncGenerator[tuple[Reply, asyncio.Event, asyncio.Task[None]]]:
        """Begin a request; yield its reply, the event that makes the client leave, and the application's task."""
        reply, gone = Reply(), asyncio.Event()
        waiting = list(chunks)

        async def receive() -> dict[str, Any]:
            if waiting:
                body = waiting.pop(0)
                return {
                    "type": "http.request",
                    "body": body,
                    "more_body": bool(waiting) or leaves_while_sending or stalls,
                }
            if not leaves_while_sending:
                await gone.wait()
            return {"type": "http.disconnect"}

        task = asyncio.create_task(self._app(self._scope(method, path, headers), receive, reply.take))  # pyright: ignore
        try:
            yield reply, gone, task
        finally:
            gone.set()
            async with asyncio.timeout(LIMIT_S):
                await asyncio.wait({task})
            if not task.cancelled():
                task.result()

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        chunks: Sequence[bytes] | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """Send a request and wait for the whole response."""
        async with self.open(method, path, chunks=chunks or (body,), headers=headers) as (reply, _, task):
            async with asyncio.timeout(LIMIT_S):
                await asyncio.wait({task})
        return reply

    async def get(self, path: str, *headers: tuple[str, str]) -> Reply:
        """GET."""
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, value: object, *headers: tuple[str, str]) -> Reply:
        """POST JSON."""
        return await self.send("POST", path, body=msgspec.json.encode(value), headers=[JSON, *headers])

    def _scope(self, method: str, path: str, headers: Sequence[tuple[str, str]]) -> dict[str, Any]:
        path, _, query = path.partition("?")
        given = [*headers, *([("authorization", f"Bearer {self._key}")] if self._key else [])]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }


JSON = ("content-type", "application/json")
