"""The web process: one replica."""

import argparse
import asyncio
import gc
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial

from app.api.app import create_app
from app.api.server import make_server
from app.configuration import Configuration
from app.console import Console
from app.process import CannotStart, run_process, watched
from app.wiring import open_platform

BACKLOG = 2048


async def serve(configuration: Configuration, fd: int | None) -> None:
    """Serve until a stop signal, then drain and close everything. Raises CannotStart."""
    settings = configuration.settings
    async with open_platform(configuration) as platform:

        async def drain() -> None:
            # Runs end, or are given up for a worker to take over at once; meanwhile their readers are served.
            await platform.runner.close(drain_s=settings.drain_s)

        # What was made at the start stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # Asked for only now: until then, connections are refused rather than kept waiting.
        sockets = None if fd is not None else await listen(settings.host, settings.port)
        server = make_server(
            create_app(platform),
            host=settings.host,
            port=settings.port,
            fd=fd,
            drain_s=settings.drain_s,
            drain=drain,
        )
        await server.serve(sockets)
        await server.drained()


async def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at every address of `host`. Raises CannotStart."""
    sockets: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, address in dict.fromkeys((one[0], one[4][:2]) for one in found):
            sockets.append(socket.create_server(address, family=family, backlog=BACKLOG))
    except (OSError, OverflowError) as error:
        for made in sockets:
            made.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotStart(f"cannot listen at {host}:{port} (SWITCHYARD_HOST, SWITCHYARD_PORT): {why}") from error
    return sockets


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m app.main", description="One Switchyard replica.")
    parser.add_argument("--fd", type=int, help="listen on this inherited socket, not on SWITCHYARD_HOST and _PORT")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the replica; return the exit status: 0 after a drain, 2 for a wrong configuration, 1 for another end."""
    given = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    return run_process(partial(serve, fd=given.fd), os.environ, watched(os.environ, Console(sys.stderr)))


if __name__ == "__main__":
    sys.exit(main())
