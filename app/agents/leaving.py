"""How an attempt leaves its run in PostgreSQL: with an end, waiting for a person, or handed over."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from time import monotonic
from typing import NamedTuple

import structlog

from app.agents import run_rows
from app.agents.checkpoints import RunSaver
from app.agents.effects import Effects
from app.agents.life import RunState
from app.agents.live import LiveRun
from app.agents.runs import Runs
from app.agents.sessions import REMEMBER
from app.agents.tally import Tally
from app.agents.values import RunResult
from app.errors import LeaseLost, StoreUnavailable
from app.inference.calls import usage_rows
from app.inference.calls.usage_book import UsageBook
from app.inference.words.records import Usage
from app.postgres import Database
from app.statement import Part

log = structlog.get_logger(__name__)

END_LIMIT_S = 30.0
"""Writes of a run's end, or that it is given up, are repeated for so long; then its lease runs out."""
END_PAUSES_S = (0.25, 0.5, 1.0, 2.0)


class Times(NamedTuple):
    """How long a session lives after its newest run, and how long a run may wait for a person, in seconds."""

    session_ttl_s: int
    waiting_limit_s: int


class Leaving:
    """The last writes of one attempt; only its fence lets them through."""

    def __init__(
        self,
        live: LiveRun,
        tally: Tally,
        effects: Effects,
        saver: RunSaver,
        *,
        database: Database,
        runs: Runs,
        book: UsageBook,
        times: Times,
    ) -> None:
        self._live = live
        self._claim = live.claim
        self._tally = tally
        self._effects = effects
        self._saver = saver
        self._database = database
        self._runs = runs
        self._book = book
        self._times = times

    async def end(self, result: RunResult) -> None:
        """Commit the end in one statement: last effect, calls, checkpoint, answer, run row, session.

        Raises LeaseLost; StoreUnavailable when PostgreSQL stays away.
        """
        await self._insist(partial(self._commit_end, result))

    async def wait(self, result: RunResult) -> None:
        """Commit that the run waits for a person in one transaction: last effect, calls, checkpoint, run row, session.

        Raises LeaseLost, also when the run is to be stopped; StoreUnavailable when PostgreSQL stays away.
        """
        await self._insist(partial(self._commit_wait, result))

    async def hand_over(self) -> None:
        """Give the run up, so that a worker takes it at once; else, after a while, its lease runs out.

        Until PostgreSQL is back nobody could take it, and its lease is renewed: it is this process's to give up, and
        no owner is counted as lost.
        """
        self.keep_usage()
        try:
            await self._insist(self._commit_hand_over)
        except StoreUnavailable:
            log.warning("run.lease_not_released")

    async def _commit_hand_over(self) -> None:
        # Whoever takes the run over tells what it has cost so far.
        await self._book.flush()
        await self._runs.hand_over(self._claim)

    async def _insist(self, commit: Callable[[], Awaitable[None]]) -> None:
        give_up_at = monotonic() + END_LIMIT_S
        for tries in count():
            try:
                return await commit()
            except StoreUnavailable:
                if monotonic() > give_up_at:
                    raise
            await asyncio.sleep(END_PAUSES_S[min(tries, len(END_PAUSES_S) - 1)])
        return None

    def keep_usage(self) -> None:
        """Have the book store what this attempt did not: another process ends the run, the GPU time was spent here."""
        for usage in self._unstored():
            self._book.take(usage)
            self._effects.stored_calls.add(usage.id)

    async def _commit_end(self, result: RunResult) -> None:
        unstored = self._unstored()
        beside = [Part(REMEMBER, self._memory(result.state)), *usage_rows.adding(unstored)]
        if result.state is RunState.DONE:
            beside += [*self._effects.last(is_over=True), *self._saver.kept(), *self._saver.superseded()]
        async with self._database.connection("runs.end") as conn:
            if not await run_rows.end(conn, self._claim, result, beside):
                raise LeaseLost("another process owns the run")
        self._effects.stored_calls.update(usage.id for usage in unstored)

    async def _commit_wait(self, result: RunResult) -> None:
        unstored = self._unstored()
        # Who is asked can look at the session for as long as the run waits.
        longest_s = max(self._times.session_ttl_s, self._times.waiting_limit_s)
        memory = self._memory(result.state) | {"ttl_s": longest_s}
        beside = [Part(REMEMBER, memory), *usage_rows.adding(unstored), *self._effects.last(), *self._saver.kept()]
        async with self._database.connection("runs.wait") as conn:
            if not await run_rows.wait(conn, self._claim, result, beside, limit_s=self._times.waiting_limit_s):
                raise LeaseLost("another process owns the run, or it is to be stopped")
        self._effects.stored_calls.update(usage.id for usage in unstored)

    def _memory(self, state: RunState) -> dict[str, object]:
        """What the session remembers of its newest answer: its node, and the tier that it needed, whichever it got."""
        route = self._live.route if state is RunState.DONE else None
        return {
            "ttl_s": self._times.session_ttl_s,
            "tier": None if route is None else route.asking.floor or route.tier,
            "node": None if route is None else route.node,
            "model": None if route is None else route.model,
        }

    def _unstored(self) -> list[Usage]:
        """Return the usage of calls that no effect and no end was stored with."""
        return [usage for usage in self._tally.usages if usage.id not in self._effects.stored_calls]
