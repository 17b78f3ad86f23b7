"""How far the fetching of a model is."""

from collections.abc import Callable
from enum import StrEnum

import msgspec


class Phase(StrEnum):
    """What is being done about a model."""

    WAITING = "waiting"
    LOOKING = "looking"
    DOWNLOADING = "downloading"
    ASSEMBLING = "assembling"
    CONVERTING = "converting"
    READY = "ready"
    FAILED = "failed"


class Progress(msgspec.Struct, frozen=True):
    """A model, its phase, and bytes done of bytes in all; `source` says in words where they come from."""

    model: str
    phase: Phase
    done_bytes: int = 0
    total_bytes: int = 0
    source: str = ""


Report = Callable[[Progress], None]
