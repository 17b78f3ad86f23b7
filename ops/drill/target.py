"""A running local stack as drills see it: its address, its database, and the processes that they may end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.local.choices import layout_from
from ops.local.demo_key import find_demo_key
from ops.local.layout import REPLICAS
from ops.local.parts import application, worker
from ops.local.process import ProcessId, poll_until
from ops.local.state import State, StateFile
from ops.local.supervised import PartState
from ops.local.views import PartView

PARTS = (*REPLICAS, worker.NAME)
"""Whom a drill may end."""


class DrillFailed(Exception):
    """A promise was broken, or the stack is not there; the message says which, in which run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a drill waits, in seconds: for a takeover beyond the lease, for an ended part, for a run's end."""

    takeover_s: float = 5.0
    """ARCHITECTURE: a worker has a dead replica's run within the lease and this."""
    back_s: float = 90.0
    end_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Target:
    """A running local stack whose runs have leases of `lease_s`."""

    url: str
    key: str
    database_url: str
    lease_s: float
    parts: Callable[[], Sequence[PartView]]
    limits: Limits = field(default_factory=Limits)
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    """The variables of its application."""

    def owner_process(self, owner: str) -> ProcessId:
        """Return the process behind a run's owner, `<part>:<id>`. Raises DrillFailed."""
        name = owner.partition(":")[0]
        for part in self.parts():
            if part.name == name and part.process is not None:
                return part.process
        raise DrillFailed(f"{name} is not running")

    def ready(self) -> set[str]:
        """Return the replicas and workers that are ready, and really run."""
        return {
            part.name
            for part in self.parts()
            if part.name in PARTS
            and part.state is PartState.READY
            and part.process is not None
            and part.process.is_alive()
        }

    def wait_until_able(self) -> None:
        """Wait until a replica can answer and a worker can take over. Raises DrillFailed."""
        self._wait(lambda: {worker.NAME} < self.ready())

    def wait_until_whole(self) -> None:
        """Wait until whatever a drill ended is back. Raises DrillFailed."""
        self._wait(lambda: self.ready() == set(PARTS))

    def _wait(self, is_enough: Callable[[], bool]) -> None:
        if not poll_until(is_enough, self.limits.back_s):
            states = ", ".join(f"{part.name} {part.state}" for part in self.parts() if part.name in PARTS)
            raise DrillFailed(f"what was ended is not back after {self.limits.back_s:g} s: {states}")


def target_of(environ: Mapping[str, str], *, lease_s: float, limits: Limits | None = None) -> Target:
    """Return the stack that `python -m ops.local up` started with this environment.

    Raises DrillFailed when none runs, LocalProblem when the environment makes no sense.
    """
    layout = layout_from(environ, is_system=False, is_running=True)
    file = StateFile(layout.directory)

    def running() -> State:
        state = file.find()
        if state is None or not state.is_alive:
            raise DrillFailed("no stack runs")
        return state

    return Target(
        url=running().url,
        key=find_demo_key(layout.directory) or "",
        database_url=layout.database_url,
        lease_s=lease_s,
        parts=lambda: running().parts,
        limits=limits or Limits(),
        environ=application.environ(layout),
    )
