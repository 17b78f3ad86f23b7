"""Waiting for a slot: in order, bounded in number and time."""

import asyncio
from collections.abc import Callable

import pytest

from app.errors import NoNodeAvailable, NoSlotInTime
from app.inference.slots.waiting import WaitingRoom


class Slots:
    """Free slots, and who took them in which order."""

    def __init__(self, free: int = 0) -> None:
        self.free = free
        self.served: list[str] = []

    def attempt(self, name: str) -> Callable[[], "asyncio.Future[str | None]"]:
        """Return an attempt of `name`."""

        async def take() -> str | None:
            await asyncio.sleep(0)
            if self.free == 0:
                return None
            self.free -= 1
            self.served.append(name)
            return name

        return lambda: asyncio.ensure_future(take())


def _room(places: int = 10) -> tuple[WaitingRoom, list[int]]:
    lengths: list[int] = []
    return WaitingRoom(places=places, on_length=lengths.append), lengths


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_free_slot_is_taken_without_waiting() -> None:
    room, lengths = _room()
    assert await room.wait_for("simple", Slots(1).attempt("a"), 1.0) == "a"
    assert lengths == []


async def test_who_came_first_is_served_first() -> None:
    room, _ = _room()
    slots = Slots()
    waiting: list[asyncio.Task[str]] = []
    for name in "abcd":
        waiting.append(asyncio.create_task(room.wait_for("simple", slots.attempt(name), 5.0)))
        await _settle()
    for _ in "abcd":
        slots.free += 1
        room.wake()
        await _settle()
    assert await asyncio.gather(*waiting) == slots.served == list("abcd")


async def test_several_slots_freed_at_once_are_all_taken() -> None:
    room, _ = _room()
    slots = Slots()
    waiting = [asyncio.create_task(room.wait_for("simple", slots.attempt(name), 5.0)) for name in "abc"]
    await _settle()
    slots.free = 3
    room.wake()
    assert sorted(await asyncio.gather(*waiting)) == list("abc")


async def test_a_lane_does_not_wait_for_another() -> None:
    room, _ = _room()
    full, free = Slots(), Slots(1)
    blocked = asyncio.create_task(room.wait_for("complex", full.attempt("a"), 5.0))
    await _settle()
    assert await room.wait_for("simple", free.attempt("b"), 5.0) == "b"
    blocked.cancel()
    await asyncio.gather(blocked, return_exceptions=True)


async def test_a_full_room_refuses_at_once() -> None:
    room, lengths = _room(places=1)
    slots = Slots()
    first = asyncio.create_task(room.wait_for("simple", slots.attempt("a"), 5.0))
    await _settle()
    with pytest.raises(NoSlotInTime, match="too many"):
        await room.wait_for("simple", slots.attempt("b"), 5.0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert lengths == [1, 0]


async def test_waiting_ends_in_time_and_leaves_the_next_first() -> None:
    room, lengths = _room()
    slots = Slots()
    late = asyncio.create_task(room.wait_for("simple", slots.attempt("late"), 0.01))
    patient = asyncio.create_task(room.wait_for("simple", slots.attempt("patient"), 5.0))
    with pytest.raises(NoSlotInTime):
        await late
    slots.free = 1
    room.wake()
    assert await patient == "patient"
    assert lengths[-1] == 0


async def test_a_slot_that_nobody_announced_is_found_all_the_same() -> None:
    room, _ = _room()
    slots = Slots()
    waiting = asyncio.create_task(room.wait_for("simple", slots.attempt("a"), 5.0))
    await _settle()
    slots.free = 1
    assert await waiting == "a"


async def test_what_an_attempt_raises_ends_the_wait() -> None:
    room, lengths = _room()

    async def nowhere() -> str | None:
        raise NoNodeAvailable

    with pytest.raises(NoNodeAvailable):
        await room.wait_for("simple", nowhere, 5.0)
    assert lengths == []
