"""The making of the demo key, beside the start of the application."""

import sys
from hashlib import sha256

from ops.local.demo_key import has_demo_key, part_key_and_mark
from ops.local.layout import Layout
from ops.local.parts import application
from ops.local.parts.part import Part
from ops.local.supervised import Builder


def parts(layout: Layout) -> tuple[Builder, ...]:
    """Return the one-time making of the key, or nothing when there is one."""
    part_key_and_mark(layout.directory)
    return () if has_demo_key(layout.directory, database_mark(layout)) else (part,)


def part(layout: Layout) -> Part:
    """Return the part that makes tenant and key."""
    return Part(
        name="demo-key",
        command=(sys.executable, "-m", "ops.local.demo_key", str(layout.directory), database_mark(layout)),
        environ=application.environ(layout),
        is_ready=lambda: False,
        ready_within_s=120.0,
        is_one_time=True,
    )


def database_mark(layout: Layout) -> str:
    """Return what tells one database from another: the bundled one moves with the directory, whatever its port."""
    outside = layout.outside.database_url
    return "bundled" if outside is None else sha256(outside.encode()).hexdigest()
