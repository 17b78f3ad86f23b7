"""What the supervisor knows of a part."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.local.process import REPOSITORY, Identity


def nothing() -> None:
    """Do nothing: the default of a part's hooks."""


@dataclass(frozen=True, slots=True)
class Part:
    """A program with its gate: `prepare` runs before each start, `is_ready` is a quick look, `settle` runs once ready.

    `is_one_time`: it is ready when it has ended with status 0. `is_background`: the stack is up without it.
    `death_signal` is what it gets when the supervisor dies.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    is_ready: Callable[[], bool]
    address: str = ""
    prepare: Callable[[], None] = nothing
    settle: Callable[[], None] = nothing
    ready_within_s: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10.0
    death_signal: signal.Signals = signal.SIGTERM
    identity: Identity = Identity.SAME
    is_one_time: bool = False
    is_background: bool = False
    port_names: tuple[str, ...] = field(default=())
    folder: Path = REPOSITORY
    """Where the program starts; the checkout whose code runs."""
