"""Ending tasks."""

import asyncio

import pytest

from app.cancel import cancel


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
