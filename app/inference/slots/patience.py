"""How long a call waits for a node that can take it, and how it spaces its tries meanwhile."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeAlias

from app.errors import DeadlineExceeded, Unavailable
from app.inference.slots.outlook import Outlook

OnWait: TypeAlias = Callable[[Unavailable, datetime], None]
"""Told once for each reason, when a call begins to wait: what keeps it, and since when."""

OnQueue: TypeAlias = Callable[[Outlook], None]
"""Told where a call stands in the queue for a slot, when it begins to wait there and whenever that has changed."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 3.0
"""About a probe's interval: a node that is back is used soon, and one that keeps failing is asked seldom."""


def ignore_wait(_trouble: Unavailable, _since: datetime) -> None:
    """Take note of nothing."""


def ignore_queue(_outlook: Outlook) -> None:
    """Take note of nothing."""


def pause_s(pauses: int, left_s: float, chance: float) -> float:
    """Return the pause after `pauses` earlier ones: twice the last, less up to half of it by `chance` (0 to 1).

    The last one is cut at the end of the patience, so that one more try is made then.
    """
    longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(pauses, 16))
    return min(left_s, longest_s * (1.0 - chance / 2))


class Patience:
    """The patience of one call: `limit_s` seconds from now, over all of its tries. None at all with 0."""

    def __init__(
        self,
        limit_s: float,
        *,
        clock: Callable[[], float],
        on_wait: OnWait = ignore_wait,
        on_queue: OnQueue = ignore_queue,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._ends_at = clock() + limit_s
        self._on_wait = on_wait
        self.queued = on_queue
        self._chance = chance
        self._pauses = 0
        self._since: datetime | None = None
        self._told = ""

    @property
    def left_s(self) -> float:
        """How long the call may still wait."""
        return max(0.0, self._ends_at - self._clock())

    def next_pause_s(self, trouble: Unavailable) -> float:
        """Return how long to wait before the next try. Raises `trouble` when the patience is over."""
        left_s = self.left_s
        if left_s <= 0:
            raise trouble
        pause = pause_s(self._pauses, left_s, self._chance())
        self._pauses += 1
        return pause

    async def space(self) -> None:
        """Pause before a node is asked again that just broke this call off, whatever patience is left."""
        pause = pause_s(self._pauses, LONGEST_PAUSE_S, self._chance())
        self._pauses += 1
        await asyncio.sleep(pause)

    async def wait(self, trouble: Unavailable) -> None:
        """Tell that the call waits, and pause. Raises `trouble` when the patience is over."""
        pause = self.next_pause_s(trouble)
        self.tell(trouble)
        await asyncio.sleep(pause)

    def tell(self, trouble: Unavailable) -> None:
        """Tell that the call waits because of `trouble`; once for each reason until something moves."""
        self._since = self._since or datetime.now(UTC)
        if trouble.code != self._told:
            self._told = trouble.code
            self._on_wait(trouble, self._since)

    def moved(self) -> None:
        """Note that the call got somewhere: the next wait is a new one, and told of again.

        Its pauses go on from the last: a node that says a word and breaks is not asked ever faster.
        """
        self._since, self._told = None, ""


@asynccontextmanager
async def within(deadline_s: float | None) -> AsyncGenerator[asyncio.Timeout]:
    """Run the block for up to `deadline_s`, unless it lifts the limit; what it waits for is cancelled then.

    Raises DeadlineExceeded.
    """
    limit = asyncio.timeout(deadline_s)
    try:
        async with limit:
            yield limit
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise deadline_exceeded(deadline_s or 0.0) from error


def left_s(limit: asyncio.Timeout) -> float | None:
    """Return how long a limit that `within` gave still has, None if it has no end."""
    ends_at = limit.when()
    return None if ends_at is None else max(0.0, ends_at - asyncio.get_running_loop().time())


def deadline_exceeded(deadline_s: float) -> DeadlineExceeded:
    """Return what a caller is told whose own deadline passed."""
    return DeadlineExceeded(f"no whole answer within the {deadline_s:g} s that were asked for", deadline_s=deadline_s)
