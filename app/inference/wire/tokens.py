"""The bearer tokens of nodes behind a gateway: one file for each, read again while everything runs."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

import structlog

from app.files import FileUnreadable, read_text
from app.inference.fleet.node import Node

log = structlog.stdlib.get_logger(__name__)

TOKEN_BYTES = 65_536
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)


class NodeTokens:
    """The tokens by address. They go into a header and nowhere else: no row, no reply and no log has them."""

    def __init__(self, directory: str | None) -> None:
        """`directory` holds a file for each node with a token, with the node's name as its own; None: no node has."""
        self._directory = None if directory is None else Path(directory)
        self._by_address: dict[str, str] = {}
        self._told: dict[str, str] = {}

    def of(self, url: str) -> str | None:
        """Return the token of the node at that address, None if it has none."""
        return self._by_address.get(url)

    async def read(self, nodes: Iterable[Node]) -> None:
        """Read the tokens of these nodes anew; what cannot be read is told once."""
        if self._directory is not None:
            self._by_address = await asyncio.to_thread(self._read, self._directory, tuple(nodes))

    def _read(self, directory: Path, nodes: Iterable[Node]) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in nodes:
            path = directory / node.name
            if not path.exists():
                continue
            try:
                token = read_text(path, limit_bytes=TOKEN_BYTES).strip()
                if _TOKEN.fullmatch(token) is None:
                    raise FileUnreadable("holds no token: printable ASCII without blanks")
            except FileUnreadable as error:
                self._tell(node.name, str(error))
                continue
            self._told.pop(node.name, None)
            found[node.url] = token
        return found

    def _tell(self, node: str, reason: str) -> None:
        if self._told.get(node) != reason:
            self._told[node] = reason
            log.warning("node.token_unreadable", node=node, reason=reason)
