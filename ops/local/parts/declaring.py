"""The stack's own nodes, declared anew at each start: their ports may be others. What an operator added stays."""

import sys

from ops.local.layout import Layout
from ops.local.parts import application
from ops.local.parts.part import Part


def part(layout: Layout) -> Part:
    """Return the one-time declaration."""
    return Part(
        name="nodes",
        command=(sys.executable, "-m", "app.cli", "nodes", "apply"),
        environ=application.environ(layout),
        prepare=lambda: application.prepare(layout),
        is_ready=lambda: False,
        ready_within_s=60.0,
        is_one_time=True,
    )
