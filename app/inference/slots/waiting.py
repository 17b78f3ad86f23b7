"""Where calls wait, in order, for a slot."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.errors import NoSlotInTime

T = TypeVar("T")

# A slot freed elsewhere is announced through Redis; this bounds the wait should the announcement get lost.
_LOOK_AGAIN_S = 0.25


class WaitingRoom:
    """First come, first served within a lane (calls that want the same); bounded in number and in time."""

    def __init__(self, *, places: int, on_length: Callable[[int], None]) -> None:
        self._places = places
        self._on_length = on_length
        self._lanes: dict[str, deque[asyncio.Event]] = {}
        self._length = 0

    def wake(self) -> None:
        """Have the first of every lane try again."""
        for lane in self._lanes.values():
            lane[0].set()

    def check(self) -> None:
        """Raise NoSlotInTime when the room is full."""
        if self._length >= self._places:
            raise NoSlotInTime("too many calls are waiting already", waiting=self._length)

    async def wait_for(self, lane: str, attempt: Callable[[], Awaitable[T | None]], limit_s: float) -> T:
        """Return what `attempt` returns as soon as it is not None; it is asked when a slot may be free.

        Raises NoSlotInTime after `limit_s`, or at once when the room is full; and whatever `attempt` raises.
        """
        if lane not in self._lanes:
            found = await attempt()
            if found is not None:
                return found
        self.check()
        try:
            async with asyncio.timeout(limit_s):
                return await self._wait(lane, attempt)
        except TimeoutError as error:
            raise no_slot(limit_s) from error

    async def _wait(self, lane: str, attempt: Callable[[], Awaitable[T | None]]) -> T:
        mine = asyncio.Event()
        queue = self._lanes.setdefault(lane, deque())
        queue.append(mine)
        self._count(1)
        try:
            while True:
                if queue[0] is mine:
                    found = await attempt()
                    if found is not None:
                        return found
                await self._doze(mine, first=queue[0] is mine)
        finally:
            queue.remove(mine)
            self._count(-1)
            if queue:
                queue[0].set()
            else:
                del self._lanes[lane]

    async def _doze(self, mine: asyncio.Event, *, first: bool) -> None:
        """Sleep until woken; the first of a lane no longer than _LOOK_AGAIN_S."""
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S if first else None):
                await mine.wait()
        except TimeoutError:
            return
        mine.clear()

    def _count(self, change: int) -> None:
        self._length += change
        self._on_length(self._length)


def no_slot(waited_s: float) -> NoSlotInTime:
    """Return the error of a call that has waited so long."""
    return NoSlotInTime(f"no slot became free within {waited_s:.0f} s", waited_s=round(waited_s, 1))
