"""Keeps one whole stack running until it is told to stop: `python -m ops.local.supervisor [--system]`."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from app.mistakes import MISCONFIGURED, ConfigurationWrong
from app.telemetry.crashes import Crashes
from ops.local.choices import layout_from, mask_from
from ops.local.console import Console
from ops.local.layout import Layout
from ops.local.leftovers import end_leftovers
from ops.local.plan import whole_stack
from ops.local.problems import LocalProblem
from ops.local.process import process_id
from ops.local.stack import Stack, StopAsked
from ops.local.state import Phase, State, StateFile, own
from ops.local.views import PartState, PartView, line_about

IDLE_LOOK_EVERY_S = 0.2


class Supervisor:
    """Runs the whole stack of a layout. `should_stop` is asked often; `tell` gets a line for each change of a part."""

    def __init__(self, layout: Layout, *, should_stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self._layout = layout
        self._should_stop = should_stop
        self._tell = tell
        self._file = StateFile(layout.directory)
        self._me = process_id(os.getpid())
        self._phase = Phase.STARTING
        self._problem = ""
        self._shown: dict[str, str] = {}
        self._stack: Stack | None = None
        self._mask = mask_from(layout.environ)

    def run(self) -> None:
        """Start, watch, and stop the stack. Raises AlreadyRunning, PartFailed; everything has ended then."""
        with own(self._layout.directory):
            end_leftovers(self._file.find())
            self._write()
            try:
                self._run_parts()
            except StopAsked:
                self._to(Phase.STOPPED)
            except (LocalProblem, OSError) as error:
                self._problem = self._mask.text(str(error))
                self._to(Phase.FAILED)
                raise
            else:
                self._to(Phase.STOPPED)

    def _run_parts(self) -> None:
        stack = Stack(self._layout, whole_stack(self._layout), on_change=self._note)
        self._stack = stack
        try:
            stack.start(self._should_stop)
            self._to(Phase.READY)
            while not self._should_stop():
                stack.tick()
                time.sleep(IDLE_LOOK_EVERY_S)
        finally:
            if self._phase is not Phase.FAILED:
                self._to(Phase.STOPPING)
            stack.stop()

    def _to(self, phase: Phase) -> None:
        self._phase = phase
        self._write()

    def _note(self) -> None:
        for view in self._views():
            line = line_about(view)
            if view.state is not PartState.WAITING and self._shown.get(view.name) != line:
                self._shown[view.name] = line
                self._tell(line)
        self._write()

    def _views(self) -> tuple[PartView, ...]:
        return self._stack.views() if self._stack is not None else ()

    def _write(self) -> None:
        self._file.write(State(self._me, self._phase, self._layout.url, self._views(), self._problem))


def main() -> int:
    """Supervise until SIGINT or SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ops.local.supervisor", description=__doc__)
    parser.add_argument("--system", action="store_true")
    given = parser.parse_args()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    Crashes(Console(sys.stderr, mask=mask_from(os.environ)).say).watch()
    try:
        layout = layout_from(os.environ, is_system=given.system)
        Supervisor(layout, should_stop=stop.is_set, tell=Console(sys.stdout, mask=mask_from(os.environ)).say).run()
    except ConfigurationWrong as wrong:
        Console(sys.stdout, mask=mask_from(os.environ)).say(f"switchyard: {wrong}")
        return MISCONFIGURED
    except LocalProblem as problem:
        Console(sys.stdout, mask=mask_from(os.environ)).say(f"error: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
