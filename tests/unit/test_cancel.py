"""Ending tasks."""

import asyncio
from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from app.cancel import cancel, remembered
from app.redis import RedisStore
from app.standing import Standing
from app.telemetry.metrics import Metrics


async def _loops(stopped: asyncio.Event, forgotten: int) -> None:
    """Run for ever, and lose the first cancellations, as a request to Redis may."""
    while True:
        try:
            await stopped.wait()
        except asyncio.CancelledError:
            forgotten -= 1
            if forgotten < 0:
                raise


async def test_a_task_that_loses_its_cancellation_is_ended_all_the_same() -> None:
    task = asyncio.create_task(_loops(asyncio.Event(), forgotten=2))
    await asyncio.sleep(0)
    await cancel({task}, again_s=0.01)
    assert task.cancelled()


async def test_a_task_that_cleans_up_in_time_is_cancelled_once() -> None:
    cancelled = 0
    cleaned = asyncio.Event()

    async def cleans() -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            await asyncio.sleep(0.02)
            cleaned.set()
            raise

    task = asyncio.create_task(cleans())
    await asyncio.sleep(0)
    await cancel({task}, again_s=5.0)
    assert cleaned.is_set()
    assert cancelled == 1


async def test_a_task_that_never_ends_is_left_after_the_limit() -> None:
    stopped = asyncio.Event()
    task = asyncio.create_task(_loops(stopped, forgotten=1_000))
    await asyncio.sleep(0)
    await cancel({task}, again_s=0.01, limit_s=0.03)
    assert not task.done()
    await cancel({task}, again_s=0.0, limit_s=None)
    assert task.cancelled()


async def test_what_a_task_raised_is_not_raised_by_its_end() -> None:
    async def fails() -> None:
        raise ValueError("its own")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await cancel({task})
    with pytest.raises(ValueError, match="its own"):
        task.result()


async def _forgets(begun: asyncio.Event) -> None:
    """Wait, and when cancelled go on as if nothing had happened."""
    with suppress(asyncio.CancelledError):
        begun.set()
        await asyncio.Event().wait()


async def test_a_cancellation_that_a_library_forgot_ends_the_block_around_it() -> None:
    begun, after = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        with remembered():
            await _forgets(begun)
        after.set()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not after.is_set()


async def test_a_time_limit_that_a_library_forgot_is_still_a_time_limit() -> None:
    async def work() -> None:
        async with asyncio.timeout(0):
            with remembered():
                await _forgets(asyncio.Event())

    with pytest.raises(TimeoutError):
        await work()


async def test_what_is_done_while_a_task_cleans_up_is_done() -> None:
    cleaned = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with remembered():
                await asyncio.sleep(0)
            cleaned.set()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned.is_set()


async def test_a_request_to_redis_forgets_no_cancellation() -> None:
    standing = Standing("coordination", "redis://127.0.0.1")
    metrics = Metrics(CollectorRegistry())
    store = RedisStore(Redis(), "coordination", metrics, standing=standing, timeout_s=1.0)
    begun, after = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with store.use("ping"):
            # As `asyncio.wait_for` of Python 3.11 does when what it waits for has just come (cpython issue 86296).
            await _forgets(begun)
        after.set()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not after.is_set()
