"""Which runs a process shows from its own memory, and for how long."""

import asyncio
from typing import cast

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.agents import runner as lingering
from app.agents.execution import Execution
from app.agents.live import LiveRun
from app.agents.runner import Runner
from app.agents.values import Claim, RunResult, RunState
from app.inference.calls.dispatcher import Dispatcher
from app.telemetry.metrics import Metrics
from tests.fakes.runs import CLAIM, KeptLog, KeptRuns

RUNNING = RunResult(run_id=CLAIM.run_id, session_id=CLAIM.session_id, state=RunState.RUNNING)


class HeldExecution:
    """An execution that ends when it is told to."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def run(self) -> None:
        """Wait for it."""
        await self.told.wait()


class TakingRuns(KeptRuns):
    """A row whose owner has died, as often as it is asked."""

    def __init__(self) -> None:
        super().__init__(RUNNING)
        self.attempt = 1

    async def claim_expired(self, run_id: object) -> Claim:
        """Take it over."""
        del run_id
        self.attempt += 1
        return msgspec.structs.replace(CLAIM, attempt=self.attempt, fence=self.attempt)


class Bench:
    """A runner whose executions are held."""

    def __init__(self) -> None:
        self.executions: list[HeldExecution] = []
        self.lives: list[LiveRun] = []
        self.runner = Runner(
            runs=TakingRuns(),
            event_log=KeptLog(),
            dispatcher=cast("Dispatcher", None),
            execute=self.execute,
            teams=frozenset({"assistant"}),
            metrics=Metrics(CollectorRegistry()),
            lease_s=1.0,
        )

    def execute(self, live: LiveRun) -> Execution:
        self.executions.append(HeldExecution())
        self.lives.append(live)
        return cast("Execution", self.executions[-1])

    async def take_over(self) -> asyncio.Task[RunResult | None]:
        """Have the runner begin another attempt at the run."""
        resuming = asyncio.create_task(self.runner.resume(CLAIM.run_id))
        known = len(self.executions)
        while len(self.executions) == known:  # noqa: ASYNC110 - it begins within a few turns of the loop
            await asyncio.sleep(0)
        return resuming

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
