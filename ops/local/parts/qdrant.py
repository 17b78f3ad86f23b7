"""The vector store: one process that answers as three Qdrant peers."""

import sys

from ops.local.layout import QDRANT_PEERS, Layout
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.ports import HOST

NAME = "qdrant"


def part(layout: Layout) -> Part:
    """Return the Qdrant facade with its three ports and the stack's key."""
    return _part(layout, {"QDRANT__SERVICE__API_KEY": layout.secrets.qdrant})


def part_without_key(layout: Layout) -> Part:
    """Return the Qdrant facade as tests use it: open to all of this machine."""
    return _part(layout, {})


def _part(layout: Layout, environ: dict[str, str]) -> Part:
    ports = [layout.ports.of(peer) for peer in QDRANT_PEERS]
    storage = str(layout.directory / NAME)
    return Part(
        name=NAME,
        command=(sys.executable, "-m", "ops.local.qdrant_node", "--ports", ",".join(map(str, ports))),
        environ={"QDRANT__SERVICE__HOST": HOST, "QDRANT__STORAGE__STORAGE_PATH": storage, **environ},
        address=", ".join(layout.ports.address(peer) for peer in QDRANT_PEERS),
        is_ready=lambda: all(http_ok(port, "/readyz") for port in ports),
        port_names=QDRANT_PEERS,
    )
