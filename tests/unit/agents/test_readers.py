"""What a reader of a run that another process executes is shown, whatever has become of its log."""

import msgspec
import pytest

from app.agents import readers
from app.agents.event_log import EPOCHS_PER_FENCE, Entry, Opening, Text
from app.agents.events import Delta, EventKind, Restart
from app.agents.follower import Follower, Position
from app.agents.life import RunState
from app.agents.readers import RowReader, read_elsewhere
from app.agents.values import RunResult
from app.errors import StoreUnavailable
from tests.fakes.runs import CLAIM, KeptLog, KeptRuns

DONE = RunResult(run_id=CLAIM.run_id, session_id=CLAIM.session_id, state=RunState.DONE, message="Two years.")
HAS = Position(EPOCHS_PER_FENCE, 3)
"""A reader of the first attempt with three characters."""


async def shown(log: KeptLog, position: Position, result: RunResult = DONE) -> list[object]:
    """Return the deltas and restarts that a reader at `position` gets, and how it ends."""
    follower = Follower(CLAIM.run_id, CLAIM.session_id, position)
    row = RowReader(KeptRuns(result), CLAIM.tenant_id, CLAIM.run_id)
    events = [event async for event in read_elsewhere(log, row, CLAIM.run_id, follower)]
    return [event.body if isinstance(event.body, Delta | Restart) else event.kind for event in events]


async def test_a_reader_whose_log_is_there_gets_the_rest() -> None:
    entries: list[Entry] = [Opening(EPOCHS_PER_FENCE, 0), Text(EPOCHS_PER_FENCE, 0, "Two years.")]
    assert await shown(KeptLog(entries), HAS) == [Delta(" years."), EventKind.DONE]


async def test_a_reader_whose_log_has_expired_gets_the_stored_answer_anew() -> None:
    assert await shown(KeptLog(), HAS) == [Restart(0), Delta("Two years."), EventKind.DONE]


async def test_a_reader_whose_log_is_away_gets_the_stored_answer_anew() -> None:
    log = KeptLog()
    log.is_away = True
    assert await shown(log, HAS) == [Restart(0), Delta("Two years."), EventKind.DONE]


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED, RunState.DEAD])
async def test_a_run_without_an_answer_ends_with_an_error(state: RunState) -> None:
    failed = msgspec.structs.replace(DONE, state=state, message="")
    assert await shown(KeptLog(), Position(), failed) == [EventKind.ERROR]


async def test_a_reader_bears_with_an_outage_of_postgresql_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LOOK_EVERY_S", 0)
    runs = KeptRuns(DONE)
    row = RowReader(runs, CLAIM.tenant_id, CLAIM.run_id)
    away = StoreUnavailable("gone", store="postgres", reason="unreachable")
    runs.outages = [away, away]
    assert await row.read() == DONE
    monkeypatch.setattr(readers, "AWAY_S", 0)
    runs.outages = [away]
    with pytest.raises(StoreUnavailable):
        await row.read()


async def test_a_statement_that_takes_too_long_is_no_outage_to_bear_with() -> None:
    runs = KeptRuns(DONE)
    runs.outages = [StoreUnavailable("slow", store="postgres", reason="too_slow")]
    with pytest.raises(StoreUnavailable):
        await RowReader(runs, CLAIM.tenant_id, CLAIM.run_id).look()
