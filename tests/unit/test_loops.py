"""Background loops: what survives, what is told, how long the pauses are."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.errors import StoreUnavailable
from app.loops import FAILING_AFTER, SETTLED_S, Failing, Loop, Loops, attempt, attempt_each
from app.telemetry.metrics import Metrics

FAILURES = "switchyard_loop_failures_total"
EACH: Sequence[Exception] = (
    ValueError("what a user wrote"),
    KeyError("sy:node:a"),
    RecursionError(),
    TimeoutError(),
    StoreUnavailable("PostgreSQL does not answer", store="postgres"),
    ExceptionGroup("two", [TypeError("a"), OSError("b")]),
    AssertionError(),
    StopAsyncIteration(),
    MemoryError(),
)


@pytest.fixture(autouse=True)
def _quiet() -> Generator[None]:
    """Where nobody set up logs, structlog reads source lines for its own, in the loop."""
    with capture_logs():
        yield


class Stopped(BaseException):
    """Ends a loop of a test, as the end of its process would."""


class Clock:
    """Time that passes only in pauses; the loop ends with the last of its pauses."""

    def __init__(self, pauses: int) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._pauses = pauses

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if len(self.slept) == self._pauses:
            raise Stopped
        self.slept.append(seconds)
        self.now += seconds


def made(clock: Clock, metrics: Metrics | None = None) -> Loops:
    return Loops(metrics or Metrics(CollectorRegistry()), clock=clock, sleep=clock.sleep, spread=lambda: 1.0)


async def ended(work: Awaitable[None]) -> None:
    with pytest.raises(Stopped):
        await work


def in_a_row(metrics: Metrics, loop: Loop) -> float | None:
    return metrics.registry.get_sample_value("switchyard_loop_failures_in_a_row", {"loop": loop.value})


def turns(*outcomes: Exception | None) -> Callable[[], Awaitable[None]]:
    """Return a turn that does what is said, one after the other, and then always succeeds."""
    left = list(outcomes)

    async def turn() -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return turn


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
async def test_a_loop_survives_whatever_a_turn_raises_counts_it_and_goes_on(error: Exception) -> None:
    metrics = Metrics(CollectorRegistry())
    clock = Clock(3)
    loops = made(clock, metrics)
    with capture_logs() as told:
        await ended(loops.repeat(Loop.PROBE_LOOK, 5.0, turns(error), limit_s=1.0))
    assert metrics.registry.get_sample_value(FAILURES, {"loop": "probe_look"}) == 1
    # The pause before the first turn, after its failure, and after the next one's success.
    assert clock.slept == [5.0, 1.0, 5.0]
    assert [line["event"] for line in told].count("loop.recovered") == 1
    failed = [line for line in told if line["event"] == "loop.failed"]
    assert {line["loop"] for line in failed} == {"probe_look"}
    assert "what a user wrote" not in str([{**line, "exc_info": None} for line in failed])


async def test_every_loop_is_counted_from_the_start() -> None:
    metrics = Metrics(CollectorRegistry())
    made(Clock(0), metrics)
    assert {metrics.registry.get_sample_value(FAILURES, {"loop": loop.value}) for loop in Loop} == {0}


async def test_the_pause_doubles_up_to_its_limit_and_is_reset_by_a_success() -> None:
    clock = Clock(8)
    broken = [KeyError()] * 4
    await ended(
        made(clock).repeat(
            Loop.TAKE_OVER, 2.0, turns(*broken, None, *broken), limit_s=1.0, longest_pause_s=5.0, at_once=True
        )
    )
    assert clock.slept == [0.0, 1.0, 2.0, 4.0, 5.0, 2.0, 1.0, 2.0]


async def test_a_loop_that_must_not_wait_tries_again_in_step() -> None:
    clock = Clock(5)
    await ended(made(clock).repeat(Loop.RUN_RENEWAL, 0.5, turns(*[KeyError()] * 9), limit_s=1.0, longest_pause_s=0.5))
    assert clock.slept == [0.5] * 5


async def test_pauses_are_spread_so_that_replicas_do_not_keep_step() -> None:
    clock, spread = Clock(2), iter([0.8, 1.2])
    loops = Loops(Metrics(CollectorRegistry()), clock=clock, sleep=clock.sleep, spread=lambda: next(spread, 1.0))
    await ended(loops.repeat(Loop.PROBE_LOOK, 10.0, turns(), limit_s=1.0))
    assert clock.slept == [8.0, 12.0]


async def test_a_turn_that_hangs_is_cut_off_and_counts_as_failed() -> None:
    metrics = Metrics(CollectorRegistry())
    loops = made(Clock(0), metrics)
    assert not await loops.turn(Loop.RECONCILE, asyncio.Event().wait, limit_s=0.001)
    assert metrics.registry.get_sample_value(FAILURES, {"loop": "reconcile"}) == 1


async def test_a_loop_fails_when_turns_in_a_row_break_and_works_again_with_the_next_success() -> None:
    metrics = Metrics(CollectorRegistry())
    loops = made(Clock(0), metrics)
    for number in range(FAILING_AFTER):
        assert loops.failing() == []
        await loops.turn(Loop.PROBE_LOOK, turns(TypeError(number)), limit_s=1.0)
        assert in_a_row(metrics, Loop.PROBE_LOOK) == number + 1
    await loops.turn(Loop.ORPHANS, turns(KeyError()), limit_s=1.0)
    assert loops.failing() == [Failing(Loop.PROBE_LOOK, FAILING_AFTER, "TypeError")]
    await loops.turn(Loop.PROBE_LOOK, turns(), limit_s=1.0)
    assert (loops.failing(), in_a_row(metrics, Loop.PROBE_LOOK)) == ([], 0)


async def test_a_long_failure_is_told_of_rarely_and_a_new_cause_at_once() -> None:
    loops = made(Clock(0))
    with capture_logs() as told:
        for _ in range(20):
            await loops.turn(Loop.SLOT_RENEWAL, turns(TypeError()), limit_s=1.0)
        await loops.turn(Loop.SLOT_RENEWAL, turns(StoreUnavailable(store="coordination")), limit_s=1.0)
    assert [(line["failures"], line["cause"], line["log_level"]) for line in told] == [
        (1, "TypeError", "error"),
        (2, "TypeError", "error"),
        (4, "TypeError", "error"),
        (8, "TypeError", "error"),
        (16, "TypeError", "error"),
        (21, "store_unavailable", "warning"),
    ]


async def test_a_listener_that_returns_or_breaks_is_begun_anew() -> None:
    metrics, clock = Metrics(CollectorRegistry()), Clock(4)
    loops = made(clock, metrics)
    await ended(loops.hold(Loop.FREED_LISTENER, turns(None, OSError(), None, OSError())))
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]
    assert metrics.registry.get_sample_value(FAILURES, {"loop": "freed_listener"}) == 5
    assert [one.cause for one in loops.failing()] == ["LoopEnded"]


async def test_a_listener_that_has_held_for_a_while_works() -> None:
    clock = Clock(3)

    async def listen() -> None:
        if len(clock.slept) == 3:
            clock.now += SETTLED_S
            loops.watch()
            assert (loops.failing(), in_a_row(metrics, Loop.RUNS_QUEUE)) == ([], 0)
        raise OSError

    metrics = Metrics(CollectorRegistry())
    loops = made(clock, metrics)
    await ended(loops.hold(Loop.RUNS_QUEUE, listen))
    assert in_a_row(metrics, Loop.RUNS_QUEUE) == 1


async def test_an_act_is_done_until_it_succeeds_once() -> None:
    clock = Clock(9)
    await made(clock).until_done(Loop.COLLECTION, turns(KeyError(), TypeError()), limit_s=1.0)
    assert clock.slept == [1.0, 2.0]


async def test_a_cancelled_loop_ends() -> None:
    loops = Loops(Metrics(CollectorRegistry()))
    began = asyncio.Event()

    async def turn() -> None:
        began.set()
        await asyncio.Event().wait()

    async with loops.beside(loops.repeat(Loop.WATCH, 0.0, turn, limit_s=60.0)):
        await began.wait()
        (task,) = [task for task in asyncio.all_tasks() if "repeat" in task.get_name()]
    assert task.cancelled()


async def test_a_cancellation_that_a_turn_swallowed_ends_the_loop_all_the_same() -> None:
    """On Python 3.11 `asyncio.wait_for` forgets one that arrives as its wait ends."""
    loops = Loops(Metrics(CollectorRegistry()))
    began = asyncio.Event()

    async def turn() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    task = asyncio.create_task(loops.repeat(Loop.WATCH, 0.0, turn, limit_s=60.0))
    await began.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_something_cancelled_inside_a_turn_is_a_failure_and_no_end() -> None:
    async def turn() -> None:
        inner = asyncio.get_running_loop().create_future()
        inner.cancel()
        await inner

    error = await attempt(turn)
    assert isinstance(error, RuntimeError)
    assert isinstance(error.__cause__, asyncio.CancelledError)


async def test_parts_of_a_turn_are_done_to_their_ends_and_their_errors_told_together() -> None:
    done: list[str] = []

    async def good() -> None:
        await asyncio.sleep(0)
        done.append("good")

    with pytest.raises(TypeError, match="bad"):
        await attempt_each([turns(TypeError("bad")), good])
    assert done == ["good"]
    with pytest.raises(ExceptionGroup) as caught:
        await attempt_each([turns(TypeError("bad")), turns(KeyError("worse")), good])
    assert {type(one) for one in caught.value.exceptions} == {TypeError, KeyError}
