"""The parts of one stack, started in order and stopped in reverse; also for tests, with only some parts."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.local.layout import Layout
from ops.local.parts import postgres, qdrant, valkey
from ops.local.process import poll_until
from ops.local.supervised import Builder, Supervised
from ops.local.views import PartState, PartView

LOOK_EVERY_S = 0.05

STORES: tuple[tuple[Builder, ...], ...] = ((valkey.cache, valkey.coordination, qdrant.part_without_key, postgres.part),)


class StopAsked(Exception):
    """The start was cut short on request."""


def never() -> bool:
    """Answer no: the default of `should_stop`."""
    return False


class Stack:
    """Parts in stages: a stage begins when all parts of the one before are up.

    `Stack.open(directory)` is PostgreSQL, both Valkeys and the vector store: what integration tests need. Start and
    stop it from one thread that stays: its programs end with that thread.
    """

    def __init__(
        self, layout: Layout, stages: Sequence[Sequence[Builder]], *, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self.layout = layout
        self._stages = [[Supervised(layout, build) for build in stage] for stage in stages]
        self._on_change = on_change
        self._last: tuple[PartView, ...] = ()

    @classmethod
    def open(cls, directory: Path, stages: Sequence[Sequence[Builder]] = STORES) -> Self:
        """Return a stack in `directory` that takes nothing from the user's choices."""
        return cls(Layout.open(directory, os.environ), stages)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.start()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, should_stop: Callable[[], bool] = never) -> None:
        """Start all parts; raises PartFailed, or StopAsked when `should_stop` says so. Started ones run on then."""
        for stage in self._stages:
            for supervised in stage:
                supervised.begin()
                self.tick()
            while not all(supervised.is_up for supervised in stage):
                if should_stop():
                    raise StopAsked
                self.tick()
                time.sleep(LOOK_EVERY_S)
        for stage in self._stages:
            for supervised in stage:
                supervised.is_patient = True

    def tick(self) -> None:
        """Look at every part once: restart what ended and is due."""
        for stage in self._stages:
            for supervised in stage:
                supervised.look()
        self._tell()

    def stop(self) -> None:
        """Stop everything that was started, last stage first, all parts of a stage together."""
        for stage in reversed(self._stages):
            for supervised in stage:
                supervised.ask_to_stop()
            for supervised in stage:
                supervised.stop()
            self._tell()

    def views(self) -> tuple[PartView, ...]:
        """Return every part as `status` shows it."""
        return tuple(supervised.view() for stage in self._stages for supervised in stage)

    def get(self, name: str) -> Supervised:
        """Return a part by name; raises KeyError."""
        for stage in self._stages:
            for supervised in stage:
                if supervised.part.name == name:
                    return supervised
        raise KeyError(name)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End one part by a signal, as an accident would, and wait until it is gone; only `restart` brings it back."""
        child = self.get(name).child
        if child is not None:
            child.send(number)
            child.wait(30.0)

    def restart(self, name: str, limit_s: float = 60.0) -> None:
        """Start one part that has ended and wait until it is ready. Raises TimeoutError, PartFailed."""
        supervised = self.get(name)
        supervised.begin()

        def is_ready() -> bool:
            supervised.look()
            return supervised.state is PartState.READY

        if not poll_until(is_ready, limit_s, LOOK_EVERY_S):
            raise TimeoutError(f"{name} was not ready within {limit_s:.0f} s")

    def _tell(self) -> None:
        views = self.views()
        if views != self._last:
            self._last = views
            self._on_change()
