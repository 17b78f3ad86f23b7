"""A run in this process: its growing text, logged in batches before anyone sees it."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum

import structlog

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
    Told,
    Wait,
)
from app.agents.events import RunEvent
from app.agents.follower import Follower
from app.agents.values import Claim, RunResult, WaitReason
from app.errors import StoreUnavailable, SwitchyardError
from app.inference.words.route import Route

log = structlog.get_logger(__name__)


class Ending(StrEnum):
    """Why the owner stops a run before its end."""

    CANCELLED = "cancelled"
    LOST = "lost"
    """Another process owns it."""
    HANDED_OVER = "handed_over"
    """This process stops; a worker goes on."""


FLUSH_EVERY_S = 0.05
"""A stream's pieces are gathered for at most this long; the first one is not held back."""


class LiveRun:
    """The run's text and entries. Bounded by the answer's own limit; readers follow at their own pace.

    Entries reach readers only after the log took them, so no reader is ever ahead of the log
    (unless Redis is away: then `unlogged` becomes true and they are shown all the same).
    """

    def __init__(self, claim: Claim, event_log: EventLog, *, told: Told) -> None:
        """`told` is what earlier attempts have shown."""
        self.claim = claim
        self.text = told.text
        self.thought = told.thinking if told.text else ""
        """What an earlier attempt thought before the text that this one goes on with."""
        self.result: RunResult | None = None
        self.lost = False
        self.unlogged = False
        """Something was shown that the log did not take."""
        self.route: Route | None = None
        self.refusal: SwitchyardError | None = None
        self.ending: Ending | None = None
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when its owner wants its work to stop; `ending` says why."""
        self.is_settling = False
        """Its work is over and its end is being stored and shown: too late to stop it."""
        self.is_under_way = asyncio.Event()
        self._log = event_log
        self._epoch = claim.fence * EPOCHS_PER_FENCE
        self._pending: list[Entry] = [Opening(self._epoch, len(self.text))]
        self._shown: list[Entry] = []
        self._dirty = asyncio.Event()
        self._dirty.set()
        self._changed = asyncio.Condition()
        self._flushing = asyncio.Lock()

    def append(self, text: str) -> None:
        """Add a piece of the answer."""
        if not text:
            return
        last = self._pending[-1] if self._pending else None
        if isinstance(last, Text):
            self._pending[-1] = Text(last.epoch, last.offset, last.text + text)
        else:
            self._pending.append(Text(self._epoch, len(self.text), text))
        self.text += text
        self._dirty.set()

    def think(self, offset: int, text: str) -> None:
        """Add a piece of what the model thinks, after `offset` characters of that."""
        last = self._pending[-1] if self._pending else None
        if isinstance(last, Thought) and last.start + len(last.text) == offset:
            self._pending[-1] = Thought(last.epoch, last.offset, last.start, last.text + text)
        else:
            self._pending.append(Thought(self._epoch, len(self.text), offset, text))
        self._dirty.set()

    def restart(self, offset: int = 0) -> None:
        """Drop the text after `offset`; what comes next replaces it."""
        if offset >= len(self.text):
            return
        self.text = self.text[:offset]
        self.thought = self.thought if offset else ""
        self._epoch += 1
        self._pending.append(Opening(self._epoch, offset))
        self._dirty.set()

    def begin(self) -> None:
        """Note that a call of the run is being made, so that nobody waits any longer to hear of it."""
        self.is_under_way.set()

    def routed(self, route: Route) -> None:
        """Note where the answer comes from; readers are told when a model must load first."""
        self.route = route
        self.begin()
        if not any(one.resident for one in route.candidates if (one.node, one.model) == (route.node, route.model)):
            self._pending.append(Load(self._epoch, route.node, route.model, len(self.text)))
            self._dirty.set()

    def waits(self, reason: WaitReason, since: datetime) -> None:
        """Tell readers that nothing can take the run's call since then."""
        self.is_under_way.set()
        self._pending.append(Wait(self._epoch, reason, since, len(self.text)))
        self._dirty.set()

    def calls(self, tool: str, agent: str) -> None:
        """Tell readers that an agent calls a tool."""
        self.is_under_way.set()
        self._pending.append(Called(self._epoch, len(self.text), tool, agent))
        self._dirty.set()

    def stands(self, position: int, eta_s: float) -> None:
        """Tell readers where the run's call stands in the queue; what was not told yet is told no more."""
        place = Place(self._epoch, position, eta_s)
        if self._pending and isinstance(self._pending[-1], Place):
            self._pending[-1] = place
        else:
            self._pending.append(place)
        self.is_under_way.set()
        self._dirty.set()

    def stop_work(self, ending: Ending) -> None:
        """Have the work stop, unless it is over or stops already."""
        if not (self.is_settling or self.stopped.done()):
            self.ending = ending
            self.stopped.set_result(None)

    async def write(self) -> None:
        """Log and show what was appended, until the owner calls `stop`."""
        while True:
            await self._dirty.wait()
            await self.flush()
            await asyncio.sleep(FLUSH_EVERY_S)

    async def stop(self, writing: asyncio.Task[None]) -> None:
        """Stop the task that runs `write`, never in the middle of a flush."""
        async with self._flushing:
            writing.cancel()
        await asyncio.wait({writing})

    async def flush(self) -> None:
        """Log and show what is pending now. One at a time, so that the log keeps the order."""
        async with self._flushing:
            self._dirty.clear()
            entries, self._pending = self._pending, []
            if not entries:
                return
            logged = [entry for entry in entries if not isinstance(entry, Place)]
            try:
                if logged:
                    await self._log.append(self.claim.run_id, logged)
            except StoreUnavailable:
                self.unlogged = True
            self._shown.extend(entries)
        async with self._changed:
            self._changed.notify_all()

    async def end(self, result: RunResult) -> None:
        """Show the final result; it is committed already."""
        await self._close(End(self._epoch), result)

    async def wait_for_person(self, result: RunResult) -> None:
        """Show what the run asks; that it waits is committed already."""
        await self._close(Asked(self._epoch, len(self.text), result.interrupts), result)

    async def _close(self, last: Entry, result: RunResult) -> None:
        self._pending.append(last)
        await self.flush()
        self.result = result
        self.is_under_way.set()
        async with self._changed:
            self._changed.notify_all()

    async def lose(self) -> None:
        """Say that another process owns the run; readers go on from the log."""
        self.lost = True
        self.is_under_way.set()
        async with self._changed:
            self._changed.notify_all()

    async def follow(self, follower: Follower) -> AsyncGenerator[RunEvent]:
        """Yield the events after the follower's position until the run has ended here or was lost."""
        index = 0
        while True:
            await self._wait_past(index)
            while index < len(self._shown):
                entry = self._shown[index]
                index += 1
                event = follower.feed(entry)
                if event is not None:
                    yield event
            if self.result is not None or self.lost:
                return

    async def _wait_past(self, index: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: index < len(self._shown) or self.result is not None or self.lost)

    async def wait(self) -> RunResult | None:
        """Return the result when the run has ended here, None when it was lost to another process."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.result is not None or self.lost)
        return self.result
