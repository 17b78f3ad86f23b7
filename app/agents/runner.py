"""Owns every run of this process as a task, from its acceptance to its stored end."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

import msgspec
import structlog

from app.agents.event_log import EventLog, Told
from app.agents.events import EventKind, RunEvent
from app.agents.execution import Execution
from app.agents.follower import Follower, parse_position
from app.agents.life import FINAL_STATES, RunState
from app.agents.live import Ending, LiveRun
from app.agents.readers import RowReader, closing_of, read_elsewhere
from app.agents.resuming import PersonAnswer
from app.agents.runs import Runs
from app.agents.serving import ready
from app.agents.values import Claim, OnDisconnect, RunHandle, RunResult, StartRun
from app.errors import BadInput, ContractUnmet, Draining, NoNodeAvailable, NoSlotInTime, is_retryable
from app.ids import Caller, RunId
from app.inference.calls.dispatcher import Dispatcher
from app.inference.words.route import Route
from app.stored_ends import kind_of
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

UNDER_WAY_S = 1.0
"""How long `start` waits for the first route or a refusal, so that a refusal still gets its status code."""

LINGER_S = 5.0
"""An ended run is kept in memory this long, so that its own request need not read it back from PostgreSQL."""


class Runner:
    """Starts, resumes, cancels and shows runs.

    A run is a task of this owner, never of the request that asked for it. Leases are renewed together by `renew`, to be
    called every third of their length; a run that the database says is not ours any more is dropped without a word.
    """

    def __init__(
        self,
        *,
        runs: Runs,
        event_log: EventLog,
        dispatcher: Dispatcher,
        execute: Callable[[LiveRun], Execution],
        teams: frozenset[str],
        metrics: Metrics,
        lease_s: float,
    ) -> None:
        self._runs = runs
        self._event_log = event_log
        self._dispatcher = dispatcher
        self._execute = execute
        self._teams = teams
        self._metrics = metrics
        self._lease_s = lease_s
        self._live: dict[RunId, LiveRun] = {}
        self._tasks: dict[RunId, asyncio.Task[None]] = {}
        self._draining = False

    async def start(self, caller: Caller, ask: StartRun) -> RunHandle:
        """Accept a run and have it under way.

        Returns when its first route is known, it has ended, or after a second. Raises BadInput (no such team),
        SessionUnknown, SessionBusy, IdempotencyMismatch, NoNodeAvailable, NoSlotInTime, ContractUnmet,
        StoreUnavailable, Draining; then nothing was kept and the same idempotency key may come again.
        """
        if self._draining:
            raise Draining("this replica is stopping")
        self._known(ask)
        handle, claim = await self._accept(caller, ask.by(caller))
        if claim is None:
            return handle
        told = Told()
        if claim.attempt > 1:
            told = await self._event_log.told(claim.run_id)
            logged = len(told.text)
            log.info("run.tried_again", run_id=str(claim.run_id), attempt=claim.attempt, logged_characters=logged)
        live, execution = self._prepare(claim, told)
        self._own(live, execution, asyncio.create_task(execution.work(), name=f"work {claim.run_id}"))
        try:
            async with asyncio.timeout(UNDER_WAY_S):
                await live.is_under_way.wait()
        except TimeoutError:
            log.debug("run.not_yet_under_way", run_id=str(claim.run_id))
        if live.refusal is not None:
            raise live.refusal
        return handle

    async def submit(self, caller: Caller, ask: StartRun) -> RunHandle:
        """Accept a run for a worker to begin; it is stored, and its errand with it, when this returns.

        No model is asked: it waits for a node until its own deadline, whoever leaves. Raises BadInput (no such team),
        SessionUnknown, SessionBusy, IdempotencyMismatch, ContractUnmet, StoreUnavailable; then nothing was kept.
        """
        self._known(ask)
        ask = msgspec.structs.replace(ask.by(caller), on_disconnect=OnDisconnect.CONTINUE)
        return await self._runs.submit(caller, ask)

    async def resume(self, run_id: RunId) -> RunResult | None:
        """Take over a run whose owner died, and wait for its end; None when somebody else has it."""
        if run_id in self._tasks:
            # PostgreSQL was away for longer than the lease: the next renewal revives it.
            return None
        claim = await self._runs.claim_expired(run_id)
        if claim is None:
            return None
        self._metrics.runs_taken_over.inc()
        with structlog.contextvars.bound_contextvars(**claim.ids):
            told = await self._event_log.told(run_id)
            log.info("run.taken_over", attempt=claim.attempt, logged_characters=len(told.text))
            return await self._go_on(claim, told).wait()

    async def answer(self, caller: Caller, run_id: RunId, answer: PersonAnswer, *, request_id: str) -> RunHandle:
        """Store what a person answers to a run that waits; it goes on here once nothing is left open.

        A process that drains, or does not know the team, leaves it to a worker. The same answer once more is a replay.
        Raises RunUnknown, RunNotWaiting, InterruptUnknown, BadInput, SessionUnknown, StoreUnavailable.
        """
        handle, claim = await self._runs.answer(
            caller, run_id, answer, request_id=request_id, is_ours=not self._draining
        )
        if claim is not None and (self._draining or claim.team not in self._teams):
            await self._runs.hand_over(claim)
        elif claim is not None:
            told = await self._event_log.told(run_id)
            log.info("run.resumed", run_id=str(run_id), attempt=claim.attempt, logged_characters=len(told.text))
            self._go_on(claim, told)
        return handle

    @property
    def is_draining(self) -> bool:
        """Whether new runs are refused."""
        return self._draining

    def routed(self, run_id: RunId) -> Route | None:
        """Return where a run of this process is answered, if that is known."""
        live = self._live.get(run_id)
        return None if live is None else live.route

    async def events(self, caller: Caller, run_id: RunId, after: str | None = None) -> AsyncGenerator[RunEvent]:
        """Yield a run's events after the event id `after`, wherever it runs, ending with `done` or `error`.

        Raises RunUnknown, StoreUnavailable before the first event.
        """
        position = parse_position(after, run_id)
        live, row = self._followed(caller, run_id), RowReader(self._runs, caller.tenant_id, run_id)
        if live is None:
            follower = Follower(run_id, (await row.read()).session_id, position)
        else:
            follower = Follower(run_id, live.claim.session_id, position)
        if after is None:
            yield follower.opening()
        if live is not None:
            async with aclosing(live.follow(follower)) as events:
                async for event in events:
                    yield event
            if live.result is not None:
                for event in closing_of(follower, live.result):
                    yield event
                return
        async with aclosing(read_elsewhere(self._event_log, row, run_id, follower)) as events:
            async for event in events:
                yield event

    async def result(self, caller: Caller, run_id: RunId, timeout_s: float) -> RunResult:
        """Wait for the end of a run, wherever it runs. Raises RunUnknown, StoreUnavailable, TimeoutError."""
        async with asyncio.timeout(timeout_s), aclosing(self.events(caller, run_id)) as events:
            async for event in events:
                if event.kind in {EventKind.DONE, EventKind.ERROR} and isinstance(event.body, RunResult):
                    return event.body
        return await RowReader(self._runs, caller.tenant_id, run_id).read()

    def left(self, run_id: RunId) -> None:
        """Note that the reader who started the run went away: `on_disconnect` says what follows."""
        live = self._live.get(run_id)
        if live is not None and live.claim.on_disconnect is OnDisconnect.CANCEL:
            self._stop(run_id, Ending.CANCELLED)

    async def cancel(self, caller: Caller, run_id: RunId) -> None:
        """Stop a run, wherever it runs; one of this process has ended when this returns.

        Raises RunUnknown, StoreUnavailable.
        """
        current = await self._runs.get(caller.tenant_id, run_id)
        if current.state in FINAL_STATES:
            return
        await self._runs.ask_cancel(caller.tenant_id, run_id)
        if await self._runs.withdraw(caller.tenant_id, run_id):
            return
        self._stop(run_id, Ending.CANCELLED)
        live = self._live.get(run_id)
        if live is not None:
            async with asyncio.timeout(self._lease_s):
                await live.wait()

    async def close(self, *, drain_s: float) -> None:
        """Take nothing new, let runs end for up to `drain_s`, then give the rest up for a worker to take at once."""
        self._draining = True
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=drain_s)
        for run_id in list(self._tasks):
            self._stop(run_id, Ending.HANDED_OVER)
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=5)

    async def renew(self) -> None:
        """Renew the lease of every run of this process; stop those that are lost or are to be cancelled.

        Raises StoreUnavailable. Runs go on all the same: the fence decides when their end is written.
        """
        asked = list(self._tasks)
        if not asked:
            return
        renewed = {row.run_id: row for row in await self._runs.renew(asked)}
        for run_id in asked:
            row = renewed.get(run_id)
            if row is None:
                self._stop(run_id, Ending.LOST)
            elif row.cancel_asked:
                self._stop(run_id, Ending.CANCELLED)

    async def _accept(self, caller: Caller, ask: StartRun) -> tuple[RunHandle, Claim | None]:
        """Return the run, and its claim if it is to be begun here."""
        try:
            await ready(self._dispatcher, caller, ask)
        except (NoNodeAvailable, NoSlotInTime, ContractUnmet):
            # An answer that is stored needs no node.
            replay = await self._runs.find_replay(caller, ask)
            if replay is None:
                raise
            return replay, None
        handle, claim = await self._runs.accept(caller, ask)
        if claim is not None and self._draining:
            # The drain began while the row was written: a worker takes the run at once.
            await self._runs.hand_over(claim)
            return handle, None
        return handle, claim

    def _known(self, ask: StartRun) -> None:
        if ask.team not in self._teams:
            raise BadInput("no such team", field="team", known=", ".join(sorted(self._teams)))

    def _followed(self, caller: Caller, run_id: RunId) -> LiveRun | None:
        """Return the caller's run if all of its entries are here: those of earlier attempts are in the log alone.

        So are those of later ones: an end that may be tried again, or a wait, is only what the run's row says it is.
        """
        live = self._live.get(run_id)
        if live is None or live.claim.tenant_id != caller.tenant_id or live.claim.attempt > 1:
            return None
        result = live.result
        if result is not None and (
            result.state is RunState.WAITING or is_retryable(kind_of(result.error_code, result.error_facts))
        ):
            return None
        return live

    def _go_on(self, claim: Claim, told: Told) -> LiveRun:
        """Have the next attempt at a run under way, which another one left."""
        live, execution = self._prepare(claim, told)
        self._own(live, execution, asyncio.create_task(execution.work(), name=f"work {claim.run_id}"))
        return live

    def _prepare(self, claim: Claim, told: Told) -> tuple[LiveRun, Execution]:
        live = LiveRun(claim, self._event_log, told=told)
        return live, self._execute(live)

    def _own(self, live: LiveRun, execution: Execution, work: asyncio.Task[None]) -> None:
        """Show the run, and see to its end, whatever becomes of the work."""
        run_id = live.claim.run_id
        self._live[run_id] = live
        task = asyncio.create_task(execution.see_out(work), name=f"run {run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(partial(self._forget, live))
        self._metrics.active_queries.inc()

    def _forget(self, live: LiveRun, task: asyncio.Task[None]) -> None:
        # A run that waited may be under way again before its earlier task has ended.
        if self._tasks.get(live.claim.run_id) is task:
            del self._tasks[live.claim.run_id]
        self._metrics.active_queries.dec()
        asyncio.get_running_loop().call_later(LINGER_S, self._drop, live)

    def _drop(self, live: LiveRun) -> None:
        # This process may own the run again by now, under another claim.
        if self._live.get(live.claim.run_id) is live:
            del self._live[live.claim.run_id]

    def _stop(self, run_id: RunId, ending: Ending) -> None:
        live = self._live.get(run_id)
        if live is not None and run_id in self._tasks:
            live.stop_work(ending)
