"""The schema, brought to its newest version before anything reads it."""

import sys

from ops.local.layout import Layout
from ops.local.parts import application
from ops.local.parts.part import Part


def part(layout: Layout) -> Part:
    """Return the one-time migration."""
    return Part(
        name="migrate",
        command=(sys.executable, "-m", "app.cli", "migrate"),
        environ=application.environ(layout),
        is_ready=lambda: False,
        ready_within_s=120.0,
        is_one_time=True,
    )
