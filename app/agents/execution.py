"""One run from claim to end: the graph, the write of its end, and what a failure means."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from time import monotonic, perf_counter

import structlog

from app.agents import endings
from app.agents.calls import CallLimits, Reply, RunCalls
from app.agents.checkpoints import RunSaver, StrictSerializer, thread_of
from app.agents.deadline import deadline_of
from app.agents.effects import Effects
from app.agents.live import Ending, LiveRun
from app.agents.observing import observe
from app.agents.prompts import Prompt
from app.agents.results import conclude, earlier_calls, thought_before
from app.agents.run_failure import RunFailure
from app.agents.runs import Runs
from app.agents.sessions import REMEMBER, Sessions
from app.agents.team import CompiledGraph, Outbox, Work
from app.agents.values import History, RouteSummary, RunResult, RunState
from app.agents.verdict import cause_of, judge
from app.cancel import cancel
from app.degradation import Degradation
from app.errors import LeaseLost, RunCancelled, RunFailed, StoreUnavailable, SwitchyardError
from app.inference.calls import usage_rows
from app.inference.calls.dispatcher import Dispatcher
from app.inference.calls.usage_book import UsageBook
from app.inference.words.records import Outcome, Usage
from app.postgres import Database
from app.retrieval.search import Search
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

END_LIMIT_S = 30.0
"""Writes of a run's end are repeated for so long; then its lease runs out and a worker writes the same end."""
END_PAUSES_S = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every run of a process shares."""

    database: Database
    runs: Runs
    sessions: Sessions
    dispatcher: Dispatcher
    search: Search
    teams: Mapping[str, CompiledGraph]
    prompts: Mapping[str, Prompt]
    limits: CallLimits
    metrics: Metrics
    session_ttl_s: int
    run_limit_s: float
    attempts: int
    serializer: StrictSerializer
    book: UsageBook


class Execution:
    """One attempt at one run, under one fence."""

    def __init__(self, parts: Parts, live: LiveRun) -> None:
        self._parts = parts
        self._live = live
        self._claim = live.claim
        self._effects = Effects(parts.database, live.claim)
        self._saver = RunSaver(parts.database, live.claim, serializer=parts.serializer)
        self._deadline = deadline_of(live.claim, parts.run_limit_s)
        self._earlier: list[RouteSummary] = []
        self._result: RunResult | None = None
        self._calls = RunCalls(
            claim=live.claim,
            live=live,
            effects=self._effects,
            dispatcher=parts.dispatcher,
            search=parts.search,
            limits=parts.limits,
            deadline=self._deadline,
            metrics=parts.metrics,
        )

    def degrade(self, what: Degradation) -> None:
        """Note that the answer had to do without something."""
        self._calls.degraded.add(what)

    async def run(self) -> None:
        """Execute and store the run; whatever happens, its readers are told. Never raises but for cancellation."""
        structlog.contextvars.bind_contextvars(**self._claim.ids)
        started = perf_counter()
        log.info(
            "agent_execution_started",
            agent=self._claim.team,
            query_type=self._calls.tier(()),
            attempt=self._claim.attempt,
        )
        work = asyncio.create_task(self._work(), name=f"work {self._claim.run_id}")
        writing = asyncio.create_task(self._live.write(), name=f"log {self._claim.run_id}")
        # The owner may stop this run (`live.ending` says why); its end is written below, outside the cancellation.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({work}, timeout=self._deadline.left_s)
        self._live.is_settling = True
        try:
            await cancel({work}, again_s=5, limit_s=10)
            await self._live.stop(writing)
            await self._settle(work, perf_counter() - started)
        finally:
            self._hand_over()
            # Whatever cut that off: nobody may wait here for an end that will not be shown.
            if self._live.result is None and not self._live.lost:
                await self._live.lose()

    async def _work(self) -> Reply:
        claim, parts = self._claim, self._parts
        # A run that is given up shows what it took, unless to read that is what ends its owners.
        if claim.attempt > 1 and claim.lost <= parts.attempts:
            await self._effects.load()
            self._earlier = await earlier_calls(parts.database, claim)
            self._calls.thought_tokens = thought_before(self._earlier)
        if claim.cancel_asked:
            raise RunCancelled("the run was cancelled")
        if claim.lost >= parts.attempts:
            detail = f"given up: {claim.lost} attempts ended with the process that made them"
            raise RunFailed(detail, reason=RunFailure.ATTEMPTS)
        history = History()
        if not claim.new_session:
            history = await parts.sessions.history(claim.tenant_id, claim.session_id, before=claim.run_id)
        if not history.is_whole:
            self.degrade(Degradation.HISTORY)
        outbox = Outbox()
        graph = parts.teams[claim.team].copy(update={"checkpointer": self._saver})
        await graph.ainvoke(
            {"question": claim.question},
            {"configurable": {"thread_id": thread_of(claim.tenant_id, claim.session_id)}},
            context=Work(claim, history.turns, self._calls, parts.prompts, outbox),
            durability="exit",
        )
        reply = outbox.take()
        if reply.text != self._live.text:
            self._live.restart()
            self._live.append(reply.text)
        await self._live.flush()
        await self._write_end(
            conclude(claim, RunState.DONE, self._calls, self._earlier, datetime.now(UTC), reply=reply)
        )
        return reply

    async def _settle(self, work: asyncio.Task[Reply], took_s: float) -> None:
        """Store and show how the work ended."""
        ended = work.done() and not work.cancelled()
        error = work.exception() if ended else None
        if ended and error is None:
            return await self._show(took_s)
        ending = self._live.ending
        is_over = not ended and ending is None
        error = cause_of(error, is_over=is_over, deadline=self._deadline, trouble=self._calls.trouble)
        if isinstance(error, LeaseLost) or ending is Ending.LOST:
            log.info("run.lost", fence=self._claim.fence)
            return await self._live.lose()
        if isinstance(error, StoreUnavailable) and error.facts.get("store") == "postgres" and self._live.text:
            # The end could not be written. A worker will take the run over and write the same text.
            log.warning("run.end_not_written")
            return await self._live.lose()
        if ending is Ending.LET_GO and not isinstance(error, SwitchyardError):
            return await self._let_go()
        return await self._stop(error, ending, took_s)

    async def _stop(self, error: BaseException | None, ending: Ending | None, took_s: float) -> None:
        answered = any(usage.outcome is Outcome.DONE and usage.output_tokens for usage in self._calls.usages)
        # What earlier attempts have done may not be read yet.
        has_begun = bool(self._claim.attempt > 1 or self._effects.kept or self._live.text or answered)
        state, fact = judge(error, ending, is_cancelled=self._claim.cancel_asked, has_begun=has_begun)
        if error is not None and not isinstance(error, SwitchyardError):
            log.error("run.crashed", exc_info=error)
        result = conclude(self._claim, state, self._calls, self._earlier, datetime.now(UTC), error=fact)
        if state is RunState.REFUSED:
            self._live.refusal = fact
        self._result = result
        try:
            await self._write_end(result)
        except LeaseLost:
            return await self._live.lose()
        except StoreUnavailable:
            # What is not stored is not shown: a worker decides how the run ends.
            log.warning("run.end_not_written")
            return await self._live.lose()
        return await self._show(took_s)

    async def _write_end(self, result: RunResult) -> None:
        """Commit the end in one transaction: last effect, calls, checkpoint, answer, run row, session.

        Raises LeaseLost; StoreUnavailable when PostgreSQL stays away.
        """
        self._result = result
        give_up_at = monotonic() + END_LIMIT_S
        for tries in count():
            try:
                return await self._commit_end(result)
            except StoreUnavailable:
                if monotonic() > give_up_at:
                    raise
            await asyncio.sleep(END_PAUSES_S[min(tries, len(END_PAUSES_S) - 1)])
        return None

    async def _commit_end(self, result: RunResult) -> None:
        claim, unstored = self._claim, self._unstored()
        async with self._parts.database.transaction("runs.end") as conn:
            async with conn.pipeline():
                # First the session, then the run: in the order of `Runs.accept`, or the two could lock each other out.
                await conn.execute(REMEMBER, self._memory(result.state))
                ended = await endings.end(conn, claim, result)
                if result.state is RunState.DONE:
                    await self._effects.write_last(conn)
                    await self._saver.write(conn)
                await usage_rows.write(conn, unstored)
                if await ended.fetchone() is None:
                    raise LeaseLost("another process owns the run")
        self._effects.stored_calls.update(usage.id for usage in unstored)

    def _memory(self, state: RunState) -> dict[str, object]:
        """What the session remembers of its newest answer: its node, and the tier that it needed, whichever it got."""
        route = self._live.route if state is RunState.DONE else None
        return {
            "session_id": self._claim.session_id,
            "tenant_id": self._claim.tenant_id,
            "ttl_s": self._parts.session_ttl_s,
            "tier": None if route is None else route.asking.floor or route.tier,
            "node": None if route is None else route.node,
            "model": None if route is None else route.model,
        }

    def _unstored(self) -> list[Usage]:
        """Return the usage of calls that no effect and no end was stored with."""
        return [usage for usage in self._calls.usages if usage.id not in self._effects.stored_calls]

    def _hand_over(self) -> None:
        """Have the book store what this attempt did not: another process ends the run, the GPU time was spent here."""
        for usage in self._unstored():
            self._parts.book.take(usage)
            self._effects.stored_calls.add(usage.id)

    async def _let_go(self) -> None:
        self._hand_over()
        try:
            # Whoever takes the run over tells what it has cost so far.
            await self._parts.book.flush()
            await self._parts.runs.let_go(self._claim)
        except StoreUnavailable:
            log.warning("run.lease_not_released")
        await self._live.lose()

    async def _show(self, took_s: float) -> None:
        result = self._result
        if result is None:
            return await self._live.lose()
        observe(
            self._parts.metrics,
            self._claim,
            result,
            self._live.route,
            took_s=took_s,
            reused=self._effects.reused,
        )
        return await self._live.end(result)
