"""Where a reader of a run's events says it stands: taken when the run may have told it so, refused else."""

from collections.abc import Sequence

from app.agents.event_log import (
    EPOCHS_PER_FENCE,
    Asked,
    Called,
    End,
    Entry,
    EventLog,
    Load,
    Opening,
    Place,
    Text,
    Thought,
    Wait,
)
from app.agents.follower import Position, parse_position
from app.agents.life import FINAL_STATES
from app.agents.runs import Runs
from app.degradation import Degradation
from app.errors import BadInput, StoreUnavailable
from app.ids import RunId, TenantId

LONGEST_CHARACTERS = 200_000
"""More than an answer of 32,768 tokens has: how far a reader can be ahead of a log that was away or is gone."""


class Places:
    """Looks at event ids that readers bring."""

    def __init__(self, runs: Runs, event_log: EventLog) -> None:
        self._runs = runs
        self._event_log = event_log

    async def check(self, tenant_id: TenantId, run_id: RunId, event_id: str | None) -> None:
        """Return if the run may have given out `event_id` (None: the beginning).

        Raises BadInput, RunUnknown, StoreUnavailable (PostgreSQL). An id that was given out is always taken: what only
        a whole log could disprove is believed where the log is not whole.
        """
        result = await self._runs.get(tenant_id, run_id)
        position = parse_position(event_id, run_id)
        if position == Position():
            return
        try:
            entries, _ = await self._event_log.read(run_id)
        except StoreUnavailable:
            entries = []
        # While the log was away, readers saw what it does not hold.
        is_told = result.state in FINAL_STATES and Degradation.EVENTS not in result.degraded
        if not may_stand(position, entries, answer=result.message, is_told=is_told):
            raise BadInput("this run has told no event with this id")


def may_stand(position: Position, entries: Sequence[Entry], *, answer: str, is_told: bool) -> bool:
    """Return whether a reader of a run with this log, and this answer so far, can stand at `position`.

    `is_told`: the run has ended and readers saw nothing but what was logged.
    """
    furthest = max((_end_of(entry) for entry in entries), default=0)
    if not (is_told and is_whole(entries)):
        return position.offset <= max(len(answer), furthest) + LONGEST_CHARACTERS
    epochs = {0} | {entry.epoch for entry in entries}
    if position.told > len(entries):
        return False
    return position.epoch in epochs and position.offset <= max(len(answer), furthest)


def is_whole(entries: Sequence[Entry]) -> bool:
    """Return whether a log begins at the beginning, ends with an end, and lacks nothing in between.

    One that begins with a takeover was lost before it, with whatever the first attempt told.
    """
    if not entries or not isinstance(entries[-1], End) or not isinstance(entries[0], Opening) or entries[0].offset:
        return False
    if entries[0].epoch >= 2 * EPOCHS_PER_FENCE:
        return False
    length = 0
    for entry in entries:
        match entry:
            case Opening() | Text() if entry.offset > length:
                return False
            case Opening():
                length = entry.offset
            case Text():
                length = entry.offset + len(entry.text)
            case Load() | Thought() | Wait() | Called() | Asked() | Place() | End():
                pass
    return True


def _end_of(entry: Entry) -> int:
    match entry:
        case Text():
            return entry.offset + len(entry.text)
        case Opening():
            return entry.offset
        case Load() | Thought() | Wait() | Called() | Asked() | Place() | End():
            return 0
