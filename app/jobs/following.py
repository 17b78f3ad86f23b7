"""Tells those who follow jobs how they go on: one look at the rows for all of them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import structlog

from app.errors import Unavailable
from app.ids import JobId, TenantId
from app.jobs.job import Job
from app.jobs.refusals import FollowersFull
from app.jobs.states import ENDED

LOOK_EVERY_S = 1.0
AT_ONCE = 500
"""Jobs looked for by one statement."""
FOLLOWERS = 2000
"""Of one process: so at most four statements a second, whatever clients do."""
FOLLOWERS_OF_TENANT = 200

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Key: TypeAlias = tuple[TenantId, JobId]
ReadMany: TypeAlias = Callable[[Sequence[Key]], Awaitable[Sequence[Job]]]
"""Returns the rows of those jobs that there are. May raise StoreUnavailable."""


class _Followed:
    """One job that is followed: its row as last seen, None once it has gone."""

    def __init__(self, job: Job) -> None:
        self.job: Job | None = job
        self.followers = 0
        self.changed = asyncio.Event()

    def tell(self, job: Job | None) -> None:
        if job is None or self.job is None or job.updated_at != self.job.updated_at:
            self.job = job
            self.changed.set()
            self.changed = asyncio.Event()


class Following:
    """Looks at every followed job once in a while, as long as somebody follows one.

    Neither Redis nor a listener is needed, so it works behind a pooler too. While PostgreSQL does not answer, followers
    wait; they are told what is new when it does.
    """

    def __init__(
        self, read: ReadMany, *, every_s: float = LOOK_EVERY_S, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._read = read
        self._every_s = every_s
        self._wait = wait
        self._followed: dict[Key, _Followed] = {}
        self._looking: asyncio.Task[None] | None = None

    def follow(self, job: Job, *, seen: bool) -> AsyncGenerator[Job]:
        """Yield `job` unless it was `seen`, and then its row whenever it changed, until it ended or is no more.

        What changed several times between two looks is told as it stands then. Raises FollowersFull at once.
        """
        self._check_room(job.tenant_id)
        return self._follow(job, seen=seen)

    async def _follow(self, job: Job, *, seen: bool) -> AsyncGenerator[Job]:
        with self._joined(job) as followed:
            told = job.updated_at if seen else None
            while (now := followed.job) is not None:
                changed = followed.changed
                if now.updated_at != told:
                    told = now.updated_at
                    yield now
                if now.state in ENDED:
                    return
                if followed.job is now:
                    await self._until(changed)

    @contextmanager
    def _joined(self, job: Job) -> Generator[_Followed]:
        key = (job.tenant_id, job.id)
        followed = self._followed.setdefault(key, _Followed(job))
        if followed.job is not None and job.updated_at > followed.job.updated_at:
            followed.tell(job)
        followed.followers += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="look at followed jobs")
        try:
            yield followed
        finally:
            followed.followers -= 1
            self._leave(key)

    def _leave(self, key: Key) -> None:
        if not self._followed[key].followers:
            del self._followed[key]
        if not self._followed and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _check_room(self, tenant_id: TenantId) -> None:
        of_tenant = sum(one.followers for (owner, _), one in self._followed.items() if owner == tenant_id)
        if of_tenant >= FOLLOWERS_OF_TENANT or sum(one.followers for one in self._followed.values()) >= FOLLOWERS:
            raise FollowersFull("as many as may follow jobs here do", followers=of_tenant)

    async def _until(self, changed: asyncio.Event) -> None:
        """Wait for a change. Raises what ended the looks, if something did."""
        looking = self._looking
        if looking is None:
            return
        waiting = asyncio.create_task(changed.wait(), name="wait for a job to change")
        try:
            await asyncio.wait((waiting, looking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if looking.done() and not looking.cancelled():
            looking.result()

    async def _look(self) -> None:
        is_away = False
        while self._followed:
            await self._wait(self._every_s)
            keys = list(self._followed)
            try:
                found = {(job.tenant_id, job.id): job for part in _parts(keys) for job in await self._read(part)}
            except Unavailable as error:
                if not is_away:
                    log.warning("jobs.not_seen", code=error.code, detail=error.detail, followed=len(keys))
                is_away = True
                continue
            is_away = False
            for key in keys:
                if key in self._followed:
                    self._followed[key].tell(found.get(key))


def _parts(keys: Sequence[Key]) -> Generator[Sequence[Key]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
