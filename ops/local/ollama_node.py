"""Starts an Ollama-compatible node: `python -m ops.local.ollama_node`, set up by Ollama's own environment variables."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from ops.local.ollama import environment, llama, server
from ops.local.ollama.environment import Environment
from ops.local.ollama.llama import Llama
from ops.local.ollama.node import Node
from ops.local.ollama.scheduler import Scheduler
from ops.local.ollama.store import Store

_STOP_WITHIN_S = 1.0
_IDLE_CONNECTION_S = 3600.0  # Go keeps idle connections open; clients with pools rely on it

_log = logging.getLogger("ops.local.ollama_node")


async def serve(settings: Environment) -> None:
    """Serves until SIGTERM or SIGINT; then cuts streams, as Ollama does, and unloads every model."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with llama.session() as session:
        scheduler = Scheduler(settings, lambda engine: Llama(session, engine.url, engine.key))
        node = Node(settings, Store(settings.models), scheduler)
        site = web.AppRunner(
            server.create(node),
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=_STOP_WITHIN_S,
            keepalive_timeout=_IDLE_CONNECTION_S,
        )
        await site.setup()
        await web.TCPSite(site, settings.host or None, settings.port).start()
        _log.info("listening on %s:%d, models in %s", settings.host, settings.port, settings.models)
        await stopped.wait()
        await site.cleanup()
        await scheduler.close()


def main() -> None:
    """Runs the node until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    asyncio.run(serve(environment.read(os.environ, Path.home())))


if __name__ == "__main__":
    main()
