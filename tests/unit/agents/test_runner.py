"""Which runs a process shows from its own memory, and for how long."""

import asyncio
from typing import cast
from uuid import UUID

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.agents import runner as lingering
from app.agents.event_log import Entry
from app.agents.execution import Execution
from app.agents.life import RunState
from app.agents.live import LiveRun
from app.agents.runner import Runner
from app.agents.values import Claim, RunResult
from app.ids import RunId
from app.inference.calls.dispatcher import Dispatcher
from app.telemetry.metrics import Metrics
from tests.fakes.runs import CLAIM, KeptLog, KeptRuns

RUNNING = RunResult(run_id=CLAIM.run_id, session_id=CLAIM.session_id, state=RunState.RUNNING)


class HeldExecution:
    """An execution that ends when it is told to."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def work(self) -> None:
        """Do nothing."""

    async def see_out(self, work: asyncio.Task[None]) -> None:
        """Wait for it."""
        await work
        await self.told.wait()


class TakingRuns(KeptRuns):
    """A row whose owner has died, as often as it is asked."""

    def __init__(self) -> None:
        super().__init__(RUNNING)
        self.attempt = 1

    async def claim_expired(self, run_id: RunId) -> Claim:
        """Take it over."""
        self.attempt += 1
        return msgspec.structs.replace(CLAIM, run_id=run_id, attempt=self.attempt, fence=self.attempt)


class EmptyLog(KeptLog):
    """A log that has nothing of any run."""

    async def read(self, run_id: RunId, after: bytes = b"-") -> tuple[list[Entry], bytes]:
        """Return nothing."""
        del run_id
        return [], after


class Bench:
    """A runner whose executions are held."""

    def __init__(self) -> None:
        self.executions: list[HeldExecution] = []
        self.lives: list[LiveRun] = []
        self.metrics = Metrics(CollectorRegistry())
        self.runner = Runner(
            runs=TakingRuns(),
            event_log=EmptyLog(),
            dispatcher=cast("Dispatcher", None),
            execute=self.execute,
            teams=frozenset({"assistant"}),
            metrics=self.metrics,
            lease_s=1.0,
        )

    def execute(self, live: LiveRun) -> Execution:
        self.executions.append(HeldExecution())
        self.lives.append(live)
        return cast("Execution", self.executions[-1])

    async def take_over(self, run_id: RunId = CLAIM.run_id) -> asyncio.Task[RunResult | None]:
        """Have the runner begin another attempt at the run."""
        resuming = asyncio.create_task(self.runner.resume(run_id))
        known = len(self.executions)
        while len(self.executions) == known:  # noqa: ASYNC110 - it begins within a few turns of the loop
            await asyncio.sleep(0)
        return resuming

    async def end(self, number: int, attempt: asyncio.Task[RunResult | None]) -> None:
        """Let an execution end, and wait for the runner to hear of it."""
        self.executions[number].told.set()
        await self.lives[number].lose()
        await attempt
        tasks = self.runner._tasks  # pyright: ignore[reportPrivateUsage]
        while self.lives[number].claim.run_id in tasks:  # noqa: ASYNC110 - heard of within a few turns of the loop
            await asyncio.sleep(0)

    def active(self) -> float | None:
        """Return how many runs the process says are under way."""
        return self.metrics.registry.get_sample_value("active_queries")

    def is_known(self) -> bool:
        """Whether the runner has the newest attempt at hand."""
        return self.runner._live.get(CLAIM.run_id) is self.lives[-1]  # pyright: ignore[reportPrivateUsage]


async def test_a_run_that_began_again_is_not_forgotten_with_its_earlier_attempt() -> None:
    bench = Bench()
    first = await bench.take_over()
    bench.executions[0].told.set()
    await bench.lives[0].lose()
    assert await first is None
    second = await bench.take_over()
    # As the timer of the first attempt does when its time in memory is over.
    bench.runner._drop(bench.lives[0])  # pyright: ignore[reportPrivateUsage]
    assert bench.is_known()
    bench.executions[1].told.set()
    await bench.lives[1].lose()
    assert await second is None


async def test_an_ended_run_is_forgotten_when_its_time_in_memory_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_S", 0.0)
    bench = Bench()
    first = await bench.take_over()
    bench.executions[0].told.set()
    await bench.lives[0].lose()
    await first
    async with asyncio.timeout(5):
        while bench.is_known():  # noqa: ASYNC110 - forgotten by a timer of the loop
            await asyncio.sleep(0)


@pytest.mark.requirement("FIN-64.value")
async def test_active_queries_are_the_runs_under_way() -> None:
    bench = Bench()
    assert bench.active() == 0
    first, second = await bench.take_over(), await bench.take_over(RunId(UUID(int=7)))
    assert bench.active() == 2
    await bench.end(0, first)
    assert bench.active() == 1
    await bench.end(1, second)
    assert bench.active() == 0
