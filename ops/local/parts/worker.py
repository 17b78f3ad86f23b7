"""The background process: runs that lost their replica, ingestion, periodic work."""

import signal
import sys

from ops.local.layout import Layout
from ops.local.parts import application
from ops.local.parts.part import Part
from ops.local.parts.probes import http_ok
from ops.local.secrets_file import write_private

NAME = "worker-1"
DATABASE_ADDRESS = "database-url"


def part(layout: Layout) -> Part:
    """Return the worker."""
    port = layout.ports.of(NAME)
    environ = {**application.environ(layout), "SWITCHYARD_METRICS_PORT": str(port), "SWITCHYARD_REPLICA": NAME}
    return Part(
        name=NAME,
        command=(sys.executable, "-m", "app.worker"),
        environ=environ,
        address=layout.ports.address(NAME),
        prepare=lambda: _prepare(layout),
        is_ready=lambda: http_ok(port, "/metrics"),
        ready_within_s=120.0,
        stop_within_s=application.DRAIN_S + 10.0,
        death_signal=signal.SIGKILL,  # its servers die at the same time: there is nothing to drain into
        port_names=(NAME,),
    )


def _prepare(layout: Layout) -> None:
    application.prepare(layout)
    # For the commands that an operator types, as SWITCHYARD_DATABASE_URL_FILE: password and port are the stack's own.
    write_private(layout.directory / DATABASE_ADDRESS, f"{layout.database_url}\n".encode())
