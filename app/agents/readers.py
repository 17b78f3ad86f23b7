"""Reading a run that another process executes: from its log, then from its row."""

import asyncio
from collections.abc import AsyncGenerator

from app.agents.event_log import EventLog
from app.agents.events import EventKind, RunEvent
from app.agents.follower import Follower
from app.agents.life import FINAL_STATES, RunState
from app.agents.runs import Runs
from app.agents.values import RunResult
from app.errors import StoreUnavailable
from app.ids import RunId, TenantId

LOOK_EVERY_S = 0.05
ROW_EVERY = 10
"""The run's row is looked at every this many looks at the log: it alone says that a run has ended, or waits."""


async def read_elsewhere(
    event_log: EventLog, runs: Runs, tenant_id: TenantId, run_id: RunId, follower: Follower
) -> AsyncGenerator[RunEvent]:
    """Yield the events after the follower's position until the run's row says that it has ended, or waits for a person.

    Raises RunUnknown, StoreUnavailable (PostgreSQL). A log that is away or was lost costs the deltas, not the answer.
    """
    last, look = b"-", 0
    follower.replay()
    while True:
        result = await runs.get(tenant_id, run_id) if look % ROW_EVERY == 0 else None
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
