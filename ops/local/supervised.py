"""One part over its life: started, gated on health, started again with growing pauses, stopped."""

import time
from collections.abc import Callable

from ops.local.layout import Layout
from ops.local.parts.part import Part
from ops.local.problems import LocalProblem, PartFailed
from ops.local.process import Child, tail
from ops.local.views import PartState, PartView

PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
CALM_AFTER_S = 30.0
START_ATTEMPTS = 3

Builder = Callable[[Layout], Part]


def spawn(part: Part, layout: Layout) -> Child:
    """Start the program of a part with its log."""
    return Child(
        part.command,
        environ={**layout.environ, "PYTHONUNBUFFERED": "1", **part.environ},
        log=layout.log(part.name),
        identity=part.identity,
        stop_signal=part.stop_signal,
        death_signal=part.death_signal,
        folder=part.folder,
    )


class Supervised:
    """Keeps one part running. Nothing here waits: `look` is to be called again and again."""

    def __init__(
        self,
        layout: Layout,
        build: Builder,
        *,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Part, Layout], Child] = spawn,
    ) -> None:
        self._layout = layout
        self._spawn = spawn
        self._build = build
        self._clock = clock
        self.part = build(layout)
        self.state = PartState.WAITING
        self.child: Child | None = None
        # Once the stack is up, a part is tried for ever; before that, its failure is the answer to `up`.
        self.is_patient = False
        self._restarts = 0
        self._failures = 0
        self._was_ready = False
        self._problem = ""
        self._since = clock()
        self._start_at = 0.0
        self._probe_at = 0.0

    @property
    def is_up(self) -> bool:
        """Whether the stack may go on: the part is ready, has ended well, or need not be waited for."""
        return self.part.is_background or self.state in (PartState.READY, PartState.DONE)

    def view(self) -> PartView:
        """Return what `status` shows."""
        process = self.child.id if self.child is not None and self.child.status() is None else None
        log = str(self._layout.log(self.part.name))
        return PartView(self.part.name, self.state, process, self.part.address, self._restarts, log, self._problem)

    def begin(self) -> None:
        """Start the program; raises PartFailed when it cannot even be prepared."""
        self.part = self._build(self._layout)
        self.part.prepare()
        self.child = self._spawn(self.part, self._layout)
        self._to(PartState.RUNNING if self.part.is_one_time else PartState.STARTING)

    def look(self) -> None:
        """Take note of what happened and do what is due.

        Raises PartFailed when a part has failed too often before the stack was up.
        """
        match self.state:
            case PartState.STARTING | PartState.RUNNING:
                self._look_at_start()
            case PartState.READY:
                self._look_at_ready()
            case PartState.RESTARTING:
                if self._clock() >= self._start_at:
                    self._begin_again()
            case PartState.WAITING | PartState.DONE | PartState.STOPPED:
                pass

    def ask_to_stop(self) -> None:
        """Tell the program to end."""
        if self.child is not None:
            self.child.ask_to_stop()

    def stop(self) -> None:
        """Wait for the end that `ask_to_stop` asked for, and force it after the part's limit."""
        if self.child is not None and not self.child.wait(self.part.stop_within_s):
            self._problem = f"did not stop within {self.part.stop_within_s:.0f} s and was killed"
            self.child.kill()
        if self.state is not PartState.DONE:
            self._to(PartState.STOPPED)

    def _to(self, state: PartState) -> None:
        self.state = state
        self._since = self._clock()

    def _look_at_start(self) -> None:
        status = self._child_status()
        if status is not None:
            if self.part.is_one_time and status == 0:
                self._settle(PartState.DONE)
            else:
                self._failed(f"ended with status {status} before it was ready")
        elif self._is_ready_now():
            self._settle(PartState.READY)
        elif self._clock() - self._since > self.part.ready_within_s:
            self._kill()
            self._failed(f"was not ready within {self.part.ready_within_s:.0f} s")

    def _is_ready_now(self) -> bool:
        now = self._clock()
        if self.part.is_one_time or now < self._probe_at:
            return False
        # Often at first, so that a fast start is seen at once; then less, so that a slow one is not disturbed.
        self._probe_at = now + min(0.5, max(0.05, (now - self._since) / 5))
        return self.part.is_ready()

    def _look_at_ready(self) -> None:
        status = self._child_status()
        if status is not None:
            self._failed(f"ended with status {status}")
        elif self._failures and self._clock() - self._since > CALM_AFTER_S:
            self._failures = 0

    def _begin_again(self) -> None:
        try:
            self.begin()
        except (LocalProblem, OSError) as error:
            self._failed(str(error))

    def _settle(self, state: PartState) -> None:
        self.part.settle()
        self._was_ready = True
        self._problem = ""
        self._to(state)

    def _failed(self, problem: str) -> None:
        self._problem = problem
        self._failures += 1
        if not self.is_patient and self._failures >= START_ATTEMPTS and not self.part.is_background:
            raise PartFailed(self.part.name, problem, tail(self._layout.log(self.part.name)))
        if not self._was_ready:
            self._change_taken_ports()
        self._restarts += 1
        self._start_at = self._clock() + PAUSES_S[min(self._failures, len(PAUSES_S)) - 1]
        self._to(PartState.RESTARTING)

    def _change_taken_ports(self) -> None:
        """Between choosing a port and listening on it, another process may have taken it."""
        for name in self.part.port_names:
            self._layout.ports.move_if_taken(name)

    def _child_status(self) -> int | None:
        return self.child.status() if self.child is not None else -1

    def _kill(self) -> None:
        if self.child is not None:
            self.child.kill()
