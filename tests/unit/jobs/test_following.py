"""Who follows jobs shares one look at their rows."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from app.errors import StoreUnavailable
from app.ids import JobId, TenantId
from app.jobs import following
from app.jobs.following import Following, Key
from app.jobs.job import Job
from app.jobs.refusals import FollowersFull
from app.jobs.states import JobState

AT = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT_S = 5.0


class Rows:
    """Rows of jobs that are looked at when a test says so."""

    def __init__(self) -> None:
        self.jobs: dict[JobId, Job] = {}
        self.reads: list[Sequence[Key]] = []
        self.error: Exception | None = None
        self._turn = asyncio.Semaphore(0)
        self._waits = asyncio.Event()
        self.following = Following(self._read, wait=self._wait)

    def add(self, tenant_id: TenantId | None = None) -> Job:
        """A job that a worker has."""
        job = Job(
            *(JobId(uuid4()), tenant_id or TenantId(uuid4()), "letter", uuid4(), JobState.RUNNING, "written"),
            *(0.0, 1, None, None, AT, AT, None),
        )
        self.jobs[job.id] = job
        return job

    def change(self, job: Job, **changes: object) -> Job:
        """Have a job go on."""
        now = self.jobs[job.id]
        self.jobs[job.id] = msgspec.structs.replace(
            now, **{"updated_at": now.updated_at + timedelta(seconds=1), **changes}
        )
        return self.jobs[job.id]

    async def look(self) -> None:
        """Have the rows looked at once, and wait until that is over."""
        await self.begin_look()
        async with asyncio.timeout(LIMIT_S):
            await self._waits.wait()

    async def begin_look(self) -> None:
        """Have the rows looked at once."""
        async with asyncio.timeout(LIMIT_S):
            await self._waits.wait()
        self._waits.clear()
        self._turn.release()

    async def _wait(self, seconds: float) -> None:
        assert seconds == following.LOOK_EVERY_S
        self._waits.set()
        await self._turn.acquire()

    async def _read(self, keys: Sequence[Key]) -> Sequence[Job]:
        self.reads.append(keys)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return [self.jobs[job_id] for _, job_id in keys if job_id in self.jobs]


def looking() -> int:
    """How many tasks look at rows."""
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "look at followed jobs"]
    return sum(not task.cancelling() for task in tasks)


@pytest.fixture
async def rows() -> Rows:
    """Rows of jobs."""
    return Rows()


async def test_many_followers_cost_one_look(rows: Rows) -> None:
    jobs = [rows.add(), rows.add()]
    followers = [rows.following.follow(job, seen=False) for job in jobs for _ in range(5)]
    assert [await anext(one) for one in followers] == [job for job in jobs for _ in range(5)]
    assert looking() == 1
    await rows.look()
    rows.change(jobs[0])
    await rows.look()
    assert [set(keys) for keys in rows.reads] == [{(job.tenant_id, job.id) for job in jobs}] * 2
    assert [await anext(one) for one in followers[:5]] == [rows.jobs[jobs[0].id]] * 5
    for one in followers:
        await one.aclose()


async def test_nobody_looks_when_nobody_follows(rows: Rows) -> None:
    job = rows.add()
    for _ in range(2):
        async with aclosing(rows.following.follow(job, seen=False)) as told:
            assert await anext(told) == job
            await rows.look()
        before = len(rows.reads)
        await asyncio.sleep(0)
        assert looking() == 0
        assert len(rows.reads) == before


async def test_a_follower_hears_of_changes_only_and_of_the_end_at_last(rows: Rows) -> None:
    job = rows.add()
    told = rows.following.follow(job, seen=True)
    hearing = asyncio.create_task(anext(told))
    await rows.look()
    assert not hearing.done()
    half = rows.change(job, progress=0.5)
    await rows.look()
    assert await hearing == half
    over = rows.change(job, state=JobState.CANCELLED)
    hearing = asyncio.create_task(anext(told))
    await rows.look()
    assert await hearing == over
    with pytest.raises(StopAsyncIteration):
        await anext(told)


async def test_a_job_that_is_no_more_ends_its_stream(rows: Rows) -> None:
    job = rows.add()
    following_it = rows.following.follow(job, seen=False)
    assert await anext(following_it) == job
    rows.jobs.clear()
    await rows.begin_look()
    async with asyncio.timeout(LIMIT_S):
        assert [told async for told in following_it] == []


async def test_followers_wait_while_the_rows_cannot_be_read(rows: Rows) -> None:
    job = rows.add()
    hearing = asyncio.create_task(anext(rows.following.follow(job, seen=True)))
    rows.error = StoreUnavailable("away", store="postgres")
    half = rows.change(job, progress=0.5)
    await rows.look()
    await rows.look()
    assert not hearing.done()
    rows.error = None
    await rows.look()
    assert await hearing == half


async def test_what_nobody_foresaw_ends_the_streams_and_later_ones_begin_anew(rows: Rows) -> None:
    job = rows.add()
    hearing = asyncio.create_task(anext(rows.following.follow(job, seen=True)))
    rows.error = ZeroDivisionError()
    await rows.begin_look()
    with pytest.raises(ZeroDivisionError):
        await hearing
    rows.error = None
    hearing = asyncio.create_task(anext(rows.following.follow(job, seen=True)))
    half = rows.change(job, progress=0.5)
    await rows.look()
    assert await hearing == half


async def test_followers_are_bounded_by_tenant_and_by_process(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FOLLOWERS_OF_TENANT", 2)
    monkeypatch.setattr(following, "FOLLOWERS", 3)
    mine = rows.add()
    followers = [rows.following.follow(mine, seen=False) for _ in range(2)]
    for one in followers:
        await anext(one)
    with pytest.raises(FollowersFull):
        rows.following.follow(rows.add(mine.tenant_id), seen=False)
    followers.append(rows.following.follow(rows.add(), seen=False))
    await anext(followers[-1])
    with pytest.raises(FollowersFull):
        rows.following.follow(rows.add(), seen=False)
    await followers.pop().aclose()
    rows.following.follow(rows.add(), seen=False)
    for one in followers:
        await one.aclose()


async def test_jobs_are_looked_for_in_bounded_parts(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AT_ONCE", 2)
    followers = [rows.following.follow(rows.add(), seen=False) for _ in range(5)]
    for one in followers:
        await anext(one)
    await rows.look()
    assert [len(keys) for keys in rows.reads] == [2, 2, 1]
    for one in followers:
        await one.aclose()
