"""A replica that does what the request's `x-act` says, as a process that can be killed: `replica.py HOST PORT JOURNAL`.

Each request is written to the journal, a JSON line, before it is answered. Without `x-act` the answer tells what
arrived. `hang` answers only when `GET /next` was asked. `events` streams server-sent events: the first at once, each
further one when `GET /next` was asked, the end on `GET /end`. `refuse` is a 429 with headers of its own.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

Headers: TypeAlias = dict[str, str]


class Replica:
    """Serves until it is killed."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._steps: asyncio.Queue[bool] = asyncio.Queue()
        self._acts: Mapping[str, Callable[[asyncio.StreamWriter], Awaitable[None]]] = {
            "hang": self._hang,
            "events": self._events,
            "refuse": self._refuse,
        }

    async def serve(self, host: str, port: int) -> None:
        """Listen, say on which port, and serve."""
        server = await asyncio.start_server(self._connection, host, port, limit=1 << 20)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._request(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = start.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if path in {"/next", "/end"}:
            self._steps.put_nowait(path == "/next")
            await answer(writer, {})
            return
        seen = {"method": method, "path": path, "headers": headers, "bytes": len(body)}
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(seen) + "\n")
        act = self._acts.get(headers.get("x-act", ""))
        await (act(writer) if act is not None else answer(writer, seen, is_head=method == "HEAD"))

    async def _hang(self, writer: asyncio.StreamWriter) -> None:
        await self._steps.get()
        await answer(writer, {})

    async def _events(self, writer: asyncio.StreamWriter) -> None:
        # No length and no chunks: a proxy that waits for either would hold the events back.
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        number = 0
        while True:
            number += 1
            writer.write(b"data: %d\n\n" % number)
            await writer.drain()
            if not await self._steps.get():
                break
        writer.close()

    async def _refuse(self, writer: asyncio.StreamWriter) -> None:
        own = {"retry-after": "77", "x-request-id": "of-the-replica", "x-content-type-options": "nosniff"}
        await answer(writer, {}, status="429 Too Many Requests", headers=own)


async def answer(
    writer: asyncio.StreamWriter,
    value: object,
    *,
    status: str = "200 OK",
    headers: Headers | None = None,
    is_head: bool = False,
) -> None:
    """Write a JSON answer."""
    body = json.dumps(value).encode()
    own = "".join(f"{name}: {text}\r\n" for name, text in (headers or {}).items())
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{own}\r\n"
    writer.write(head.encode() + (b"" if is_head else body))
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(Replica(Path(sys.argv[3])).serve(sys.argv[1], int(sys.argv[2])))
