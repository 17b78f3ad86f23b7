"""The text of a run in this process, on its way to the log and to readers."""

import asyncio
from collections.abc import Sequence

from app.agents.event_log import EPOCHS_PER_FENCE, Entry, Opening, Place, Text, Told
from app.agents.events import Delta, WaitingForSlot
from app.agents.follower import Follower, Position
from app.agents.life import RunState
from app.agents.live import LiveRun
from app.agents.values import RunResult
from app.ids import RunId
from tests.fakes.runs import CLAIM, KeptLog

DONE = RunResult(run_id=CLAIM.run_id, session_id=CLAIM.session_id, state=RunState.DONE, message="Hello")


class SlowLog(KeptLog):
    """A log that takes its time over each write."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def append(self, run_id: RunId, entries: Sequence[Entry]) -> None:
        """Keep them once it is let."""
        self.reached.set()
        await self.opened.wait()
        await super().append(run_id, entries)


async def deltas(live: LiveRun) -> list[object]:
    """Return what a reader from the beginning is shown."""
    follower = Follower(CLAIM.run_id, CLAIM.session_id, Position())
    return [event.body async for event in live.follow(follower) if isinstance(event.body, Delta)]


async def test_a_flush_under_way_is_finished_when_the_writer_is_stopped() -> None:
    log = SlowLog()
    live = LiveRun(CLAIM, log, told=Told())
    live.append("Hello")
    writing = asyncio.create_task(live.write())
    await log.reached.wait()
    stopping = asyncio.create_task(live.stop(writing))
    await asyncio.sleep(0)
    log.opened.set()
    await stopping
    assert writing.cancelled()
    assert log.entries == [Opening(EPOCHS_PER_FENCE, 0), Text(EPOCHS_PER_FENCE, 0, "Hello")]
    await live.end(DONE)
    assert await deltas(live) == [Delta("Hello")]


async def test_what_the_log_does_not_take_is_shown_all_the_same_and_said() -> None:
    log = KeptLog()
    log.is_away = True
    live = LiveRun(CLAIM, log, told=Told())
    live.append("Hello")
    await live.end(DONE)
    assert await deltas(live) == [Delta("Hello")]
    assert live.unlogged


async def test_no_reader_is_ahead_of_the_log() -> None:
    log = SlowLog()
    live = LiveRun(CLAIM, log, told=Told())
    live.append("Hello")
    reading = asyncio.create_task(deltas(live))
    flushing = asyncio.create_task(live.flush())
    await log.reached.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    assert live._shown == []  # pyright: ignore[reportPrivateUsage]
    log.opened.set()
    await flushing
    await live.lose()
    assert await reading == [Delta("Hello")]


async def test_the_place_in_the_queue_is_shown_as_it_is_last_and_is_in_no_log() -> None:
    log = KeptLog()
    live = LiveRun(CLAIM, log, told=Told())
    live.stands(3, 9.0)
    live.stands(2, 4.5)
    await live.flush()
    live.append("Hello")
    await live.end(DONE)
    follower = Follower(CLAIM.run_id, CLAIM.session_id, Position())
    shown = [event.body async for event in live.follow(follower)]
    assert [body for body in shown if isinstance(body, WaitingForSlot | Delta)] == [
        WaitingForSlot(2, 4.5),
        Delta("Hello"),
    ]
    # A replica of another version reads the log too.
    assert not any(isinstance(entry, Place) for entry in log.entries)
