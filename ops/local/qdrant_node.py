"""Qdrant on one machine: `python -m ops.local.qdrant_node --ports 6333,6343,6353`.

Configured by the real server's own variables: QDRANT__SERVICE__HOST, QDRANT__STORAGE__STORAGE_PATH and
QDRANT__SERVICE__API_KEY. Only where its three peers listen is said on the command line.
"""

import argparse
import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local.qdrant.node import Settings, serve


def settings(arguments: Sequence[str] | None, environ: Mapping[str, str]) -> Settings:
    """Settings from the command line and the environment, with the real server's defaults."""
    parser = argparse.ArgumentParser(prog="python -m ops.local.qdrant_node", description=__doc__)
    parser.add_argument("--ports", default="6333", help="comma-separated ports, one a peer")
    parsed = parser.parse_args(arguments)
    return Settings(
        host=environ.get("QDRANT__SERVICE__HOST", "0.0.0.0"),  # noqa: S104 - the real server's default
        ports=tuple(int(port) for port in str(parsed.ports).split(",")),
        storage=Path(environ.get("QDRANT__STORAGE__STORAGE_PATH", "./storage")),
        api_key=environ.get("QDRANT__SERVICE__API_KEY") or None,
    )


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve(settings(None, os.environ)))


if __name__ == "__main__":
    main()
