"""The HTTP server: three peers of one storage, api key, answers to failures, and a clean stop."""

import asyncio
import hmac
import logging
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler as Next
from aiohttp.typedefs import Middleware

from ops.local.qdrant import faults
from ops.local.qdrant.catalog import Catalog
from ops.local.qdrant.engine import Engine
from ops.local.qdrant.routes import MAX_BODY_BYTES, Routes, envelope

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/livez"})
SHUTDOWN_TIMEOUT_S = 5.0


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
    engine = Engine(Catalog(settings.storage, peers=len(settings.ports)))
    runner = web.AppRunner(application(engine, settings), access_log=None)
    optimizer = asyncio.create_task(engine.optimize_when_quiet())
    optimizer.add_done_callback(lambda _: stop.set())  # it never ends by itself: a failure ends the process
    try:
        await engine.run(engine.catalog.open)
        await runner.setup()
        await _listen(runner, settings.host, settings.ports)
        await stop.wait()
    finally:
        optimizer.cancel()
        await runner.cleanup()
        await engine.close()
        with suppress(asyncio.CancelledError):
            await optimizer


async def _listen(runner: web.AppRunner, host: str, ports: Sequence[int]) -> None:
    for port in ports:
        await web.TCPSite(runner, host, port, shutdown_timeout=SHUTDOWN_TIMEOUT_S).start()
        log.info("Qdrant HTTP listening on %s", port)


def application(engine: Engine, settings: Settings) -> web.Application:
    """The routes behind the api key and the answers to failures."""
    app = web.Application(middlewares=[failures(), authorization(settings.api_key)], client_max_size=MAX_BODY_BYTES)
    app.add_routes(Routes(engine, host=settings.host, ports=settings.ports).table())
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
