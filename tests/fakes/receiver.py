"""A receiver of webhooks that answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """Notes what came; answers with `statuses` one after the other, the last again and again."""

    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    stalls: bool = False
    port: int = 0
    scheme: str = "http"
    taken: list[tuple[str, Mapping[str, str], bytes]] = field(
        default_factory=list[tuple[str, Mapping[str, str], bytes]]
    )

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        """Return its address, by any name."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def take(self, request: web.Request) -> web.Response:
        """Take a webhook."""
        self.taken.append((request.path, dict(request.headers), await request.read()))
        if self.stalls:
            await asyncio.Event().wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers=self.headers, text="thanks" * 10_000)


@asynccontextmanager
async def receiving(receiver: Receiver, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Receiver]:
    """Have a receiver listen on a free port until the block ends."""
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    receiver.port = runner.addresses[0][1]
    receiver.scheme = "http" if tls is None else "https"
    try:
        yield receiver
    finally:
        await runner.cleanup()
