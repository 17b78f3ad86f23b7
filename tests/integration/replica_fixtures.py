"""A replica with real stores and scriptable nodes, behind nginx, as clients of other dialects meet it."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.api.app import create_app
from app.api.server import make_server
from app.ids import TenantId
from app.wiring import Platform
from tests.integration.http_server import LIMIT_S
from tests.integration.nginx_fixtures import Edge, running
from tests.integration.platforms import add_caller, until


@dataclass(frozen=True, slots=True)
class Behind:
    """A platform, nginx in front of it, and an api key of a tenant."""

    platform: Platform
    edge: Edge
    tenant_id: TenantId
    key: str


@asynccontextmanager
async def behind_nginx(platform: Platform, folder: Path) -> AsyncGenerator[Behind]:
    """Serve the platform on a free port, with nginx in front, until the block ends."""

    async def drain() -> None:
        await platform.runner.close(drain_s=0.1)

    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = make_server(create_app(platform), host="127.0.0.1", port=0, fd=None, drain_s=1.0, drain=drain)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started)
    caller = await add_caller(platform)
    made = await platform.keys.add(caller.tenant_id, "client")
    try:
        async with running(folder, ports=[port], UNLIMITED="127.0.0.1 1;") as edge:
            yield Behind(platform, edge, caller.tenant_id, made.key)
    finally:
        server.should_exit = server.force_exit = True
        async with asyncio.timeout(LIMIT_S):
            await serving
