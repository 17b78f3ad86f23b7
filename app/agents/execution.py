"""One run from claim to end: the graph, the write of its end, and what a failure means."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal

import structlog
from langchain_core.runnables import RunnableConfig

from app.agents.checkpoints import RunSaver
from app.agents.deadline import deadline_of
from app.agents.effects import Effects
from app.agents.leaving import Leaving, Times
from app.agents.life import RunState
from app.agents.live import Ending, LiveRun
from app.agents.means import Doors, means_of
from app.agents.observing import observe
from app.agents.prompt_sets import PromptSets
from app.agents.reply import Reply, reply_of
from app.agents.results import conclude, earlier_calls, thought_before
from app.agents.run_failure import RunFailure
from app.agents.runs import Runs
from app.agents.serializing import StrictSerializer
from app.agents.sessions import Sessions
from app.agents.step_paths import StepPaths
from app.agents.tally import Tally
from app.agents.team import CompiledGraph
from app.agents.values import History, RouteSummary, RunResult
from app.agents.verdict import cause_of, is_outage, judge
from app.agents.work import Work
from app.cancel import cancel
from app.degradation import Degradation
from app.errors import LeaseLost, RunCancelled, RunFailed, StoreUnavailable, SwitchyardError
from app.inference.calls.usage_book import UsageBook
from app.inference.words.records import Outcome
from app.postgres import Database
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


INTERRUPTED = "__interrupt__"
"""Where LangGraph says in a graph's state that it stopped to ask (langgraph/_internal/_constants.py: INTERRUPT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every run of a process shares."""

    database: Database
    doors: Doors
    runs: Runs
    sessions: Sessions
    teams: Mapping[str, CompiledGraph]
    prompts: PromptSets
    metrics: Metrics
    times: Times
    run_limit_s: float
    attempts: int
    serializer: StrictSerializer
    book: UsageBook


class Execution:
    """One attempt at one run, under one fence: `work` does it, beside it `see_out` has it end in time and in order."""

    def __init__(self, parts: Parts, live: LiveRun) -> None:
        self._parts = parts
        self._live = live
        self._claim = live.claim
        self._effects = Effects(parts.database, live.claim)
        self._saver = RunSaver(parts.database, live.claim, serializer=parts.serializer)
        self._deadline = deadline_of(live.claim, parts.run_limit_s)
        self._earlier: list[RouteSummary] = []
        self._result: RunResult | None = None
        self._tally = Tally(live, self._effects)
        self._means = means_of(
            parts.doors, live, self._effects, self._tally, self._deadline, StepPaths(lambda: self._saver.first_step)
        )
        self._leaving = Leaving(
            live,
            self._tally,
            self._effects,
            self._saver,
            database=parts.database,
            runs=parts.runs,
            book=parts.book,
            times=parts.times,
        )

    async def work(self) -> None:
        """Have the team answer, and store the end. Raises what keeps it from that."""
        structlog.contextvars.bind_contextvars(**self._claim.ids)
        log.info(
            "agent_execution_started",
            agent=self._claim.team,
            query_type=self._means.asking.tier(0),
            attempt=self._claim.attempt,
        )
        history = await self._take_up()
        team, prompts = self._graph(), await self._parts.prompts.of(self._claim)
        given, place, durability = await self._enter(team)
        context = Work(self._claim, history.turns, prompts, self._means, history.summary)
        state = await team.ainvoke(given, place, context=context, durability=durability)
        if state.get(INTERRUPTED):
            return await self._wait()
        return await self._finish(reply_of(state))

    async def see_out(self, work: asyncio.Task[None]) -> None:
        """Stop the work at its deadline, or when the owner says so, and see to its end.

        Whatever happens, the run's readers are told. Never raises but for cancellation.
        """
        structlog.contextvars.bind_contextvars(**self._claim.ids)
        started = perf_counter()
        writing = asyncio.create_task(self._live.write(), name=f"log {self._claim.run_id}")
        try:
            await asyncio.wait(
                {work, self._live.stopped}, timeout=self._deadline.left_s, return_when=asyncio.FIRST_COMPLETED
            )
            self._live.is_settling = True
            await cancel({work}, again_s=5, limit_s=10)
            await self._live.stop(writing)
            await self._settle(work, perf_counter() - started)
        finally:
            self._leaving.keep_usage()
            # Whatever cut that off: nobody may wait here for an end that will not be shown.
            if self._live.result is None and not self._live.lost:
                await self._live.lose()

    async def _take_up(self) -> History:
        """Return what was said before, and know what earlier attempts did. Raises how the run ends without work."""
        claim, parts = self._claim, self._parts
        # A run that is given up shows what it took, unless to read that is what ends its owners.
        if claim.attempt > 1 and claim.lost <= parts.attempts:
            await self._effects.load()
            self._earlier = await earlier_calls(parts.database, claim)
            self._tally.thought_tokens = thought_before(self._earlier)
        if claim.cancel_asked:
            raise RunCancelled("the run was cancelled")
        if claim.lost >= parts.attempts:
            detail = f"given up: {claim.lost} attempts ended with the process that made them"
            raise RunFailed(detail, reason=RunFailure.ATTEMPTS)
        history = History()
        if not claim.new_session:
            history = await parts.sessions.history(claim.tenant_id, claim.session_id, before=claim.run_id)
        self._tally.summarised = history.summarised
        if not history.is_whole:
            self._tally.degraded.add(Degradation.HISTORY)
        return history

    def _graph(self) -> CompiledGraph:
        team = self._parts.teams.get(self._claim.team)
        if team is None:
            raise RunFailed("no team here has the name that the run began with", reason=RunFailure.TEAM_UNKNOWN)
        return team

    async def _enter(
        self, team: CompiledGraph
    ) -> tuple[dict[str, object] | None, RunnableConfig | None, Literal["exit"] | None]:
        """Return what the team's graph is given, where it keeps its state, and when: nothing where it keeps none."""
        # A reply of an earlier turn is none of this run's.
        begins: dict[str, object] = {"question": self._claim.question, "reply": None}
        if team.checkpointer is False:
            return begins, None, None
        has_waited = self._claim.fence > 1 and await self._saver.is_under_way()
        return None if has_waited else begins, self._saver.place, "exit"

    async def _wait(self) -> None:
        asked = tuple(self._means.interrupting.open.values())
        if not asked:
            raise RunFailed("the team stopped, and asked nobody", reason=RunFailure.NO_REPLY)
        await self._live.flush()
        now = datetime.now(UTC)
        self._result = conclude(self._claim, RunState.WAITING, self._tally, self._earlier, now, asked=asked)
        await self._leaving.wait(self._result)

    async def _finish(self, reply: Reply) -> None:
        if reply.text != self._live.text:
            self._live.restart()
            self._live.append(reply.text)
        await self._live.flush()
        self._result = conclude(self._claim, RunState.DONE, self._tally, self._earlier, datetime.now(UTC), reply=reply)
        await self._leaving.end(self._result)

    async def _settle(self, work: asyncio.Task[None], took_s: float) -> None:
        """Store and show how the work ended."""
        ended = work.done() and not work.cancelled()
        error = work.exception() if ended else None
        if ended and error is None:
            return await self._show(took_s)
        ending = self._live.ending
        is_over = not ended and ending is None
        error = cause_of(error, is_over=is_over, deadline=self._deadline, trouble=self._tally.trouble)
        if isinstance(error, LeaseLost) or ending is Ending.LOST:
            log.info("run.lost", fence=self._claim.fence)
            return await self._live.lose()
        is_cut_off = is_outage(error) and ending is not Ending.CANCELLED
        if is_cut_off or (ending is Ending.HANDED_OVER and not isinstance(error, SwitchyardError)):
            # It was accepted, and what it has done is kept: a worker goes on with it, as soon as PostgreSQL lets it.
            await self._leaving.hand_over()
            return await self._live.lose()
        return await self._fail(error, ending, took_s)

    @property
    def _has_begun(self) -> bool:
        """Whether the run was accepted for a worker, or did something that must not be lost."""
        answered = any(usage.outcome is Outcome.DONE and usage.output_tokens for usage in self._tally.usages)
        # What earlier attempts have done may not be read yet, nor what a commit did whose reply was lost.
        has_done = self._effects.kept or self._effects.has_ventured or self._live.text or answered
        return bool(self._claim.is_task or self._claim.attempt > 1 or has_done)

    async def _fail(self, error: BaseException | None, ending: Ending | None, took_s: float) -> None:
        """End the run without an answer."""
        state, fact = judge(error, ending, is_cancelled=self._claim.cancel_asked, has_begun=self._has_begun)
        if error is not None and not isinstance(error, SwitchyardError):
            log.error("run.crashed", exc_info=error)
        self._result = conclude(self._claim, state, self._tally, self._earlier, datetime.now(UTC), error=fact)
        if state is RunState.REFUSED:
            self._live.refusal = fact
        try:
            await self._leaving.end(self._result)
        except LeaseLost:
            return await self._live.lose()
        except StoreUnavailable:
            # What is not stored is not shown: a worker decides how the run ends.
            log.warning("run.end_not_written")
            await self._leaving.hand_over()
            return await self._live.lose()
        return await self._show(took_s)

    async def _show(self, took_s: float) -> None:
        result = self._result
        if result is None:
            return await self._live.lose()
        if result.state is RunState.WAITING:
            log.info("run.waits", requests=len(result.interrupts), took_ms=round(took_s * 1000))
            return await self._live.wait_for_person(result)
        observe(
            self._parts.metrics,
            self._claim,
            result,
            self._live.route,
            took_s=took_s,
            reused=self._effects.reused,
        )
        return await self._live.end(result)
