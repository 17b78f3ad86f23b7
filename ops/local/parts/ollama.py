"""The Ollama nodes: one process each, over llama.cpp."""

import sys
from functools import partial

from ops.local.layout import NODES, Layout
from ops.local.nodes import SLOTS
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.supervised import Builder

QUEUE = 64


def parts() -> tuple[Builder, ...]:
    """Return both nodes."""
    return tuple(partial(_part, node) for node in NODES)


def _part(node: str, layout: Layout) -> Part:
    name = f"node-{node}"
    port, store = layout.ports.of(name), layout.store(node)
    return Part(
        name=name,
        command=(sys.executable, "-m", "ops.local.ollama_node"),
        environ={
            "OLLAMA_HOST": layout.ports.address(name),
            "OLLAMA_MODELS": str(store),
            "OLLAMA_NUM_PARALLEL": str(SLOTS),
            "OLLAMA_MAX_QUEUE": str(QUEUE),
            "OLLAMA_KEEP_ALIVE": layout.environ.get("OLLAMA_KEEP_ALIVE", "30m"),
            # Threads that spin while they wait collapse when the cores are shared with everything else.
            "OMP_WAIT_POLICY": "PASSIVE",
        },
        address=layout.ports.address(name),
        prepare=lambda: store.mkdir(parents=True, exist_ok=True),
        is_ready=lambda: http_ok(port, "/api/version"),
        ready_within_s=60.0,
        port_names=(name,),
    )
