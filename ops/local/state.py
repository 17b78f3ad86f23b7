"""What a supervisor says about its stack, in a file that other processes read, and the lock that says it lives."""

import contextlib
import fcntl
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path

import msgspec

from ops.local.models.progress import Progress
from ops.local.problems import AlreadyRunning
from ops.local.process import ProcessId
from ops.local.secrets_file import write_private
from ops.local.views import PartView


class Phase(StrEnum):
    """How the stack as a whole is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class State(msgspec.Struct, frozen=True):
    """The supervisor, its phase (with the problem of a failed one), the public address, and the parts."""

    supervisor: ProcessId
    phase: Phase
    url: str
    parts: tuple[PartView, ...]
    problem: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        return self.supervisor.is_alive()


class Status(msgspec.Struct, frozen=True):
    """What `status --json` prints. `running` is true from the first part to the last."""

    running: bool
    phase: Phase | None
    directory: str
    logs: str
    url: str | None
    demo_key: str | None
    supervisor: ProcessId | None
    parts: tuple[PartView, ...]
    models: tuple[Progress, ...]
    problem: str = ""


class StateFile:
    """The state in `stack.json` of a stack's directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "stack.json"

    def write(self, state: State) -> None:
        """Replace the state."""
        write_private(self._path, msgspec.json.encode(state))

    def find(self) -> State | None:
        """Return the last state, also of a supervisor that is gone; None when there is none."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return None


@contextlib.contextmanager
def own(directory: Path) -> Generator[None]:
    """Own a stack's directory until the block, or this process, ends. Raises AlreadyRunning."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"a stack is running in {directory}") from error
        yield


def is_owned(directory: Path) -> bool:
    """Say whether a supervisor owns the directory now."""
    try:
        with own(directory):
            return False
    except AlreadyRunning:
        return True
