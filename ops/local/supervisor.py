"""Keeps one whole stack running until it is told to stop."""

import os
import time
from collections.abc import Callable
from contextlib import suppress

from ops.local.demo_key import ensure_demo_key
from ops.local.layout import Layout
from ops.local.plan import whole_stack
from ops.local.problems import LocalProblem
from ops.local.process import poll_until, process_id
from ops.local.stack import LOOK_EVERY_S, Stack, StopAsked
from ops.local.state import Phase, State, StateFile, own
from ops.local.supervised import PartState, PartView

LEFTOVER_LIMIT_S = 30.0
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
                self._problem = str(error)
                self._to(Phase.FAILED)
                raise
            else:
                self._to(Phase.STOPPED)

    def _run_parts(self) -> None:
        stack = Stack(self._layout, whole_stack(self._layout), on_change=self._note)
        self._stack = stack
        try:
            stack.start(self._should_stop)
            ensure_demo_key(self._layout)
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


def line_about(view: PartView) -> str:
    """Return one line about a part."""
    place = f" on {view.address}" if view.address else ""
    again = f", restarted {view.restarts} times" if view.restarts > 1 else ", restarted once" if view.restarts else ""
    why = f": {view.problem}" if view.problem else ""
    return f"{view.name}: {view.state.value}{place}{again}{why}"


def end_leftovers(state: State | None) -> None:
    """End what a supervisor that was killed left running: its programs are told when it dies, but may take a while.

    Only those very processes are touched: each is known by its id and start time.
    """
    left = [view.process for view in state.parts if view.process is not None] if state is not None else []
    if poll_until(lambda: not any(process.is_alive() for process in left), LEFTOVER_LIMIT_S, LOOK_EVERY_S):
        return
    for process in left:
        with suppress(PermissionError):
            process.kill()
