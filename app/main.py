"""The web process: one replica."""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Sequence

import uvloop

from app.api.app import create_app
from app.api.server import make_server
from app.console import Console
from app.settings import Settings, SettingsWrong, read_settings
from app.telemetry import logs
from app.wiring import open_platform


async def serve(settings: Settings, fd: int | None) -> None:
    """Serve until a stop signal, then drain and close everything."""
    async with open_platform(settings) as platform:

        async def drain() -> None:
            # Runs end, or are given up for a worker to take over at once; meanwhile their readers are served.
            await platform.runner.close(drain_s=settings.drain_s)

        # What was made at the start stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        server = make_server(
            create_app(platform),
            host=settings.host,
            port=settings.port,
            fd=fd,
            drain_s=settings.drain_s,
            drain=drain,
        )
        await server.serve()
        await server.drained()


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m app.main", description="One Switchyard replica.")
    parser.add_argument("--fd", type=int, help="listen on this inherited socket, not on SWITCHYARD_HOST and _PORT")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the replica; return the exit status: 0 after a drain, 2 for wrong settings."""
    given = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = read_settings(os.environ)
    except SettingsWrong as error:
        Console(sys.stderr).say(f"switchyard: {error}")
        return 2
    log_lines = logs.configure(settings.log_level, process=settings.replica)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, given.fd))
    finally:
        log_lines.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
