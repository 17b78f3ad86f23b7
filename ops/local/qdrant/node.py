"""The server: peers of one storage, api key, answers to failures, and a clean stop."""

import asyncio
import hmac
import logging
import signal
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler as Next
from aiohttp.typedefs import Middleware

from ops.local.qdrant import faults
from ops.local.qdrant.catalog import Catalog
from ops.local.qdrant.cluster import Cluster
from ops.local.qdrant.engine import Engine
from ops.local.qdrant.peers import Peers
from ops.local.qdrant.routes import MAX_BODY_BYTES, Routes, envelope
from ops.local.qdrant.snapshot_routes import SnapshotRoutes

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/livez"})
# Where a peer listens for the others; the double only tells it.
PEER_PORT_AFTER = 2


class Settings(msgspec.Struct, frozen=True):
    """Where to listen and to store, and the key that callers must show."""

    host: str
    ports: tuple[int, ...]
    storage: Path
    api_key: str | None


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then close every shard."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    cluster = Cluster([f"http://{settings.host}:{port + PEER_PORT_AFTER}/" for port in settings.ports])
    engine = Engine(Catalog(settings.storage, cluster))
    peers = Peers(engine, settings.host, settings.ports, lambda place: application(engine, peers, place, settings))
    chores = [asyncio.create_task(engine.optimize_when_quiet()), asyncio.create_task(peers.recover())]
    for chore in chores:
        chore.add_done_callback(lambda _: stop.set())  # none ends by itself: a failure ends the process
    try:
        await engine.run(engine.catalog.open)
        await peers.start()
        await stop.wait()
    finally:
        for chore in chores:
            chore.cancel()
        await peers.close()
        await engine.close()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*chores)


def application(engine: Engine, peers: Peers, place: int, settings: Settings) -> web.Application:
    """One peer's routes behind the api key and the answers to failures."""
    app = web.Application(middlewares=[failures(), authorization(settings.api_key)], client_max_size=MAX_BODY_BYTES)
    snapshots = SnapshotRoutes(engine, place, settings.storage / "snapshots" / str(place))
    app.add_routes([*Routes(engine, place).table(), *snapshots.table(), *peers.table(place)])
    return app


def authorization(api_key: str | None) -> Middleware:
    """Refuse callers without the key, as `src/actix/auth.rs` does; no key configured admits everyone."""

    @web.middleware
    async def authorized(request: web.Request, handler: Next) -> web.StreamResponse:
        if not api_key or request.path in OPEN_PATHS:
            return await handler(request)
        bearer = request.headers.get("authorization", "").partition("Bearer ")[2]
        shown = request.headers.get("api-key", bearer)
        if not shown:
            return web.Response(status=401, text="Must provide an API key or an Authorization bearer token")
        if not hmac.compare_digest(shown.encode(), api_key.encode()):
            return web.Response(status=401, text="Invalid API key or JWT")
        return await handler(request)

    return authorized


def failures() -> Middleware:
    """Turn what a route raises into Qdrant's error body."""

    @web.middleware
    async def answered(request: web.Request, handler: Next) -> web.StreamResponse:
        try:
            return await handler(request)
        except faults.Fault as fault:
            return _error(fault.status, fault.text)
        except web.HTTPException as error:
            return web.Response(status=error.status)
        except Exception:  # the edge of this process; the engine raises plain Exception for all it cannot do
            log.exception("Error processing request")
            return _error(500, "Service internal error: see the log")

    return answered


def _error(status: int, text: str) -> web.Response:
    return web.Response(status=status, body=envelope({"error": text}, None), content_type="application/json")
