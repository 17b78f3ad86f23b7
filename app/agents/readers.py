"""Reading a run that another process executes: from its log, then from its row."""

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic

from app.agents.event_log import EventLog
from app.agents.events import EventKind, RunEvent
from app.agents.follower import Follower
from app.agents.life import FINAL_STATES, RunState
from app.agents.runs import Runs
from app.agents.values import RunResult
from app.agents.verdict import is_outage
from app.errors import StoreUnavailable
from app.ids import RunId, TenantId

LOOK_EVERY_S = 0.05
ROW_EVERY = 10
"""The run's row is looked at every this many looks at the log: it alone says that a run has ended, or waits."""
AWAY_S = 30.0
"""So long PostgreSQL may be away before a reader is told: the run goes on all the same."""


class RowReader:
    """Looks at a run's row, and bears with an outage of PostgreSQL for a while."""

    def __init__(self, runs: Runs, tenant_id: TenantId, run_id: RunId) -> None:
        self._runs = runs
        self._tenant_id = tenant_id
        self._run_id = run_id
        self._away_since: float | None = None

    async def look(self) -> RunResult | None:
        """Return the run; None while PostgreSQL is away. Raises RunUnknown, StoreUnavailable after AWAY_S."""
        try:
            result = await self._runs.get(self._tenant_id, self._run_id)
        except StoreUnavailable as error:
            self._away_since = self._away_since or monotonic()
            if not is_outage(error) or monotonic() - self._away_since >= AWAY_S:
                raise
            return None
        self._away_since = None
        return result

    async def read(self) -> RunResult:
        """Return the run as soon as PostgreSQL is there. Raises as `look` does."""
        while (result := await self.look()) is None:  # noqa: ASYNC110 - another server's return
            await asyncio.sleep(ROW_EVERY * LOOK_EVERY_S)
        return result


async def read_elsewhere(
    event_log: EventLog, row: RowReader, run_id: RunId, follower: Follower
) -> AsyncGenerator[RunEvent]:
    """Yield the events after the follower's position until the run's row says that it has ended, or waits for a person.

    Raises what `look` of the row raises. A log that is away or was lost costs the deltas, not the answer.
    """
    last, look = b"-", 0
    follower.replay()
    while True:
        result = await row.look() if look % ROW_EVERY == 0 else None
        try:
            entries, last = await event_log.read(run_id, last)
        except StoreUnavailable:
            entries = []
            follower.distrust()
        for entry in entries:
            event = follower.feed(entry)
            if event is not None:
                yield event
        if result is not None and (result.state in FINAL_STATES or result.state is RunState.WAITING):
            if last == b"-":
                follower.distrust()
            for event in closing_of(follower, result):
                yield event
            return
        look += 1
        await asyncio.sleep(LOOK_EVERY_S)


def closing_of(follower: Follower, result: RunResult) -> list[RunEvent]:
    """Return what ends a stream: what the reader lacks of the answer and `done`, or `error`, or what the run asks."""
    if result.state is RunState.DONE:
        return [*follower.complete(result.message), follower.closing(EventKind.DONE, result)]
    if result.state is RunState.WAITING:
        return follower.asking(result.interrupts)
    return [follower.closing(EventKind.ERROR, result)]
