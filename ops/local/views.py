"""A part as `status` and `up` show it."""

from enum import StrEnum

import msgspec

from ops.local.process import ProcessId


class PartState(StrEnum):
    """How a part is: `running` and then `done` is what is to end by itself."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    DONE = "done"
    RESTARTING = "restarting"
    STOPPED = "stopped"


class PartView(msgspec.Struct, frozen=True):
    """A part as `status` shows it."""

    name: str
    state: PartState
    process: ProcessId | None
    address: str
    restarts: int
    log: str
    problem: str = ""


def line_about(view: PartView) -> str:
    """Return one line about a part."""
    place = f" on {view.address}" if view.address else ""
    again = f", restarted {view.restarts} times" if view.restarts > 1 else ", restarted once" if view.restarts else ""
    why = f": {view.problem}" if view.problem else ""
    return f"{view.name}: {view.state.value}{place}{again}{why}"
