"""The fetching of models that are not here yet, beside a stack that answers already."""

import sys

from ops.local.layout import Layout
from ops.local.parts.part import Part

NAME = "models"


def part(layout: Layout) -> Part:
    """Return the fetcher: it ends when every model is in its stores, and starts again when the network failed."""
    return Part(
        name=NAME,
        command=(sys.executable, "-m", "ops.local.fetch", str(layout.directory)),
        environ={"MODELS": layout.size.value},
        is_ready=lambda: False,
        ready_within_s=24 * 3600.0,
        is_one_time=True,
        is_background=True,
    )
