"""The web processes behind nginx."""

import signal
import sys
from functools import partial

from ops.local.layout import REPLICAS, Layout
from ops.local.parts import application
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.supervised import Builder


def parts() -> tuple[Builder, ...]:
    """Return all replicas."""
    return tuple(partial(_part, name) for name in REPLICAS)


def _part(name: str, layout: Layout) -> Part:
    port = layout.ports.of(name)
    return Part(
        name=name,
        command=(sys.executable, "-m", "app.main"),
        environ={**application.environ(layout), "SWITCHYARD_PORT": str(port), "SWITCHYARD_REPLICA": name},
        address=layout.ports.address(name),
        prepare=lambda: application.prepare(layout),
        is_ready=lambda: http_ok(port, "/readyz"),
        ready_within_s=120.0,
        stop_within_s=application.DRAIN_S + 10.0,
        death_signal=signal.SIGKILL,  # its servers die at the same time: there is nothing to drain into
        port_names=(name,),
    )
