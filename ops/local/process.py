"""Child processes that end with their parent, and process ids that cannot be mistaken for another process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.text import one_line

REPOSITORY = Path(__file__).parents[2]
LAUNCHER = Path(__file__).with_name("launch.py")
LOG_LIMIT_BYTES = 20_000_000


class Identity(StrEnum):
    """As whom a program runs: as the user, as another user of a user namespace, or as `nobody`."""

    SAME = "same"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


class ProcessId(msgspec.Struct, frozen=True):
    """A process id with the start time of its process (clock ticks since boot), so that a reused id is told apart."""

    pid: int
    started_ticks: int

    def is_alive(self) -> bool:
        """Say whether that very process still runs (a zombie does not)."""
        return _start_ticks(self.pid) == self.started_ticks

    def send(self, number: signal.Signals) -> None:
        """Send a signal if that very process still runs."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End that very process, and what it started in its session, at once."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def process_id(pid: int) -> ProcessId:
    """Return `pid` with its start time (0 if it has ended already)."""
    return ProcessId(pid, _start_ticks(pid) or 0)


def _start_ticks(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # proc(5): the command in parentheses may hold anything; state is field 3, start time field 22.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def launch_command(command: Sequence[str], identity: Identity, death_signal: signal.Signals) -> list[str]:
    """Return `command` wrapped so that it gets `death_signal` when the calling thread ends, as `identity`."""
    return [
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        str(os.getpid()),
        str(int(death_signal)),
        identity.value,
        *command,
    ]


def run_once(
    command: Sequence[str], *, environ: Mapping[str, str], limit_s: float, identity: Identity = Identity.SAME
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; returns its status and output. Raises subprocess.TimeoutExpired."""
    return subprocess.run(  # noqa: S603 - no shell, and the arguments are our own
        launch_command(command, identity, signal.SIGKILL),
        env=dict(environ),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        stdin=subprocess.DEVNULL,
        cwd=REPOSITORY,
        check=False,
    )


class Child:
    """A running program with its log file. Start it from a thread that lives as long as it should."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        log: Path,
        identity: Identity,
        stop_signal: signal.Signals,
        death_signal: signal.Signals,
        folder: Path = REPOSITORY,
    ) -> None:
        """`folder` is where the program starts: Python runs the modules that it finds there."""
        self._stop_signal = stop_signal
        with _open_log(log) as output:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and the arguments are our own
                launch_command(command, identity, death_signal),
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )
        self.id = process_id(self._process.pid)

    def status(self) -> int | None:
        """Return the exit status, or None while it runs. What an ended program left of its session is ended too."""
        if self._process.returncode is None and self._has_ended():
            # Before its id is given back by the wait, so that the group is surely still its own.
            self._end_group()
        return self._process.poll()

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _end_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def ask_to_stop(self) -> None:
        """Send the signal on which this program ends well."""
        self.send(self._stop_signal)

    def send(self, number: signal.Signals) -> None:
        """Send a signal if the program still runs."""
        if self.status() is None:
            self._process.send_signal(number)

    def wait(self, limit_s: float) -> bool:
        """Wait for the end; False if it still runs after `limit_s`."""
        return poll_until(lambda: self.status() is not None, limit_s, 0.02)

    def kill(self) -> None:
        """End the program and all of its session at once, and wait for it."""
        if self.status() is None:
            self._end_group()
            self._process.kill()
            self.wait(10.0)


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def tail(path: Path, lines: int = 15, limit_bytes: int = 8000) -> str:
    """Return the last whole lines of a log, as far as they fit."""
    with suppress(OSError), path.open("rb") as file:
        start = file.seek(max(0, path.stat().st_size - limit_bytes))
        # What the limit cuts is no whole line, but for the only one.
        head, newline, whole = file.read(limit_bytes).partition(b"\n") if start else (b"", b"", file.read(limit_bytes))
        text = (whole if whole or (newline and not head) else head).decode(errors="replace")
        return "\n".join(one_line(line) for line in text.removesuffix("\n").split("\n")[-lines:])
    return ""


def poll_until(is_true: Callable[[], bool], limit_s: float, every_s: float = 0.05) -> bool:
    """Ask `is_true` again and again for at most `limit_s`; returns its last answer."""
    end = time.monotonic() + limit_s
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True
