"""Background loops that survive whatever one turn of them raises: told, counted, tried again."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import structlog

from app.cancel import cancel
from app.errors import SwitchyardError, Unavailable
from app.loop_names import Loop
from app.telemetry.logs import plain_text
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

FAILING_AFTER = 3
"""A loop is failing when so many of its turns in a row broke."""
SETTLED_S = 10.0
"""A loop without turns (a listener) that has run for so long works."""
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_DOUBLINGS = 10


class LoopEnded(Exception):
    """A loop that should have gone on for ever returned."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A loop whose last turns all broke: how many, and the code or class of the newest error."""

    loop: Loop
    failures: int
    cause: str


@dataclass(slots=True)
class _Streak:
    failures: int = 0
    cause: str = ""
    endless_since: float | None = None
    """When a loop without turns began its present try."""


class Loops:
    """The loops of one process. Whatever a turn raises is logged and counted, and the loop goes on after a pause.

    The pause after a failed turn doubles with each failure in a row, up to a limit, and no two loops keep step.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        spread: Callable[[], float] = lambda: random.uniform(0.8, 1.2),  # noqa: S311 - no secret
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._spread = spread
        self._streaks = {loop: _Streak() for loop in Loop}
        for loop in Loop:
            # A counter that appears with its first failure hides that failure from `increase`.
            metrics.loop_failures.labels(loop.value)
            metrics.loop_streak.labels(loop.value)

    async def repeat(
        self,
        loop: Loop,
        every_s: float,
        turn: Callable[[], Awaitable[object]],
        *,
        limit_s: float,
        longest_pause_s: float | None = None,
        at_once: bool = False,
    ) -> None:
        """Do `turn` about every `every_s` seconds until cancelled; a turn that takes over `limit_s` is a failed one.

        `longest_pause_s` bounds the pause after failures (else `every_s`, or 30 s if that is more); `at_once` is for
        loops whose first turn does not wait.
        """
        longest_s = max(every_s, _LONGEST_PAUSE_S) if longest_pause_s is None else longest_pause_s
        first_s = min(every_s, _FIRST_PAUSE_S) or _FIRST_PAUSE_S
        pause_s = 0.0 if at_once else every_s
        while True:
            await self._sleep(pause_s * self._spread())
            done = await self.turn(loop, turn, limit_s=limit_s)
            pause_s = every_s if done else self._back_off_s(loop, first_s, longest_s)

    async def hold(self, loop: Loop, listen: Callable[[], Awaitable[object]]) -> None:
        """Keep `listen`, which should never return, going until cancelled: begin it anew whenever it ends."""

        async def endless() -> None:
            await listen()
            raise LoopEnded

        streak = self._streaks[loop]
        while True:
            streak.endless_since = self._clock()
            await self.turn(loop, endless, limit_s=None)
            await self._sleep(self._back_off_s(loop, _FIRST_PAUSE_S, _LONGEST_PAUSE_S) * self._spread())

    async def until_done(self, loop: Loop, act: Callable[[], Awaitable[object]], *, limit_s: float) -> None:
        """Do `act` again and again until it succeeds once."""
        while not await self.turn(loop, act, limit_s=limit_s):
            await self._sleep(self._back_off_s(loop, _FIRST_PAUSE_S, _LONGEST_PAUSE_S) * self._spread())

    async def turn(self, loop: Loop, act: Callable[[], Awaitable[object]], *, limit_s: float | None) -> bool:
        """Do `act` once; return whether it succeeded. It raises only the cancellation of this task."""

        async def limited() -> None:
            async with asyncio.timeout(limit_s):
                await act()

        error = await attempt(limited)
        if error is None:
            self._succeeded(loop)
        else:
            self._failed(loop, error)
        return error is None

    def failing(self) -> list[Failing]:
        """Return the loops that do not work: their last turns broke one after the other."""
        return [
            Failing(loop, streak.failures, streak.cause)
            for loop, streak in self._streaks.items()
            if streak.failures >= FAILING_AFTER and not self._has_settled(streak)
        ]

    def watch(self) -> None:
        """Set the gauge of failures in a row, just before a scrape."""
        for loop, streak in self._streaks.items():
            self._metrics.loop_streak.labels(loop.value).set(0 if self._has_settled(streak) else streak.failures)

    @asynccontextmanager
    async def beside(self, *works: Coroutine[object, object, None], again_s: float = 1.0) -> AsyncGenerator[None]:
        """Run loops beside the block and cancel them at its end; one that is not over in `again_s` is told again."""
        running = [asyncio.create_task(work, name=work.__qualname__) for work in works]
        try:
            yield
        finally:
            await cancel(running, again_s=again_s)

    def _has_settled(self, streak: _Streak) -> bool:
        return streak.endless_since is not None and self._clock() - streak.endless_since >= SETTLED_S

    def _back_off_s(self, loop: Loop, first_s: float, longest_s: float) -> float:
        return min(longest_s, first_s * 2 ** min(max(0, self._streaks[loop].failures - 1), _DOUBLINGS))

    def _succeeded(self, loop: Loop) -> None:
        streak = self._streaks[loop]
        if streak.failures:
            log.info("loop.recovered", loop=loop.value, failures=streak.failures)
        streak.failures, streak.cause = 0, ""
        self._metrics.loop_streak.labels(loop.value).set(0)

    def _failed(self, loop: Loop, error: Exception) -> None:
        self._metrics.loop_failures.labels(loop.value).inc()
        streak, cause = self._streaks[loop], cause_of(error)
        if self._has_settled(streak):
            streak.failures = 0
        is_news = cause != streak.cause
        streak.failures, streak.cause = streak.failures + 1, cause
        self._metrics.loop_streak.labels(loop.value).set(streak.failures)
        # A loop that fails every second for a night is told of a dozen times.
        if is_news or streak.failures.bit_count() == 1:
            _tell(loop, error, streak.failures)


async def attempt(work: Callable[[], Awaitable[object]]) -> Exception | None:
    """Do `work`; return what it raised. Only the cancellation of this task is raised."""
    task, failure = asyncio.current_task(), None
    try:
        await work()
    except asyncio.CancelledError as error:
        # Something inside was cancelled, by nobody who wanted this task to end.
        if task is None or task.cancelling():
            raise
        return _as_failure(error)
    except Exception as error:  # noqa: BLE001 - what nobody foresaw ends no loop
        failure = error
    if task is not None and task.cancelling():
        # Python 3.11's `wait_for` forgets a cancellation that arrives as its wait ends; see app/cancel.py.
        raise asyncio.CancelledError
    return failure


async def attempt_each(works: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Do all of `works` at once, each to its own end; then raise what they raised, together."""
    raise_together([error for error in await asyncio.gather(*map(attempt, works)) if error is not None])


def raise_together(errors: Sequence[Exception]) -> None:
    """Raise the only one of `errors`, or all as a group; nothing when there are none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("several parts of a turn broke", errors)


def cause_of(error: BaseException) -> str:
    """Return the code of one of our errors, or the class: a word without anything that a user or a server wrote."""
    words = {one.code if isinstance(one, SwitchyardError) else type(one).__qualname__ for one in _parts(error)}
    return ", ".join(sorted(words))


def _parts(error: BaseException) -> Sequence[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return (error,)
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [part for one in group.exceptions for part in _parts(one)]


def _as_failure(error: asyncio.CancelledError) -> Exception:
    failure = RuntimeError("cancelled from within")
    failure.__cause__ = error
    return failure


def _tell(loop: Loop, error: Exception, failures: int) -> None:
    for one in _parts(error):
        tell = log.warning if isinstance(one, (Unavailable, TimeoutError, LoopEnded)) else log.error
        cause, text = cause_of(one), plain_text(one)
        tell("loop.failed", loop=loop.value, failures=failures, cause=cause, error=text, exc_info=one)
