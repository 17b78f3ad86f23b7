"""How names of receivers are looked up."""

import asyncio
import socket
import threading
from collections.abc import Sequence

import pytest

from app.webhook_names import OWNER_THREADS, Names


class Resolver:
    """Finds an address for every name; those that begin with `slow` once they are let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let = threading.Event()

    def __call__(self, host: str, _port: int) -> Sequence[tuple[int, str]]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.let.wait()
        if host == "nobody.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, "93.184.215.14")]


async def test_a_name_that_is_not_found_in_time_is_unknown_and_takes_one_thread() -> None:
    resolver = Resolver()
    names = Names(resolver, threads=1, limit_s=0.01)
    try:
        for _ in range(5):
            with pytest.raises(socket.gaierror):
                await names.find("", "slow.example", 443)
        # However often it was asked for, it is in one thread; and the loop's own threads are none of these.
        assert resolver.asked == ["slow.example"]
        assert await asyncio.to_thread(resolver, "a.example", 443)
    finally:
        resolver.let.set()
        names.close()


async def test_of_one_name_there_is_one_look_up_however_many_wait_for_it() -> None:
    resolver = Resolver()
    names = Names(resolver, threads=2)
    waiting = [asyncio.create_task(names.find("", "slow.example", 443)) for _ in range(9)]
    assert await names.find("", "a.example", 443)
    resolver.let.set()
    assert await asyncio.gather(*waiting) == [[(socket.AF_INET, "93.184.215.14")]] * 9
    assert resolver.asked.count("slow.example") == 1
    assert await names.find("", "slow.example", 443)
    assert resolver.asked.count("slow.example") == 2
    names.close()


async def test_a_name_that_nobody_has_is_unknown_to_all_who_wait() -> None:
    names = Names(Resolver())
    found = await asyncio.gather(*(names.find("", "nobody.example", 443) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [socket.gaierror] * 3
    names.close()


async def test_an_owner_of_many_slow_names_takes_few_threads_and_others_are_found() -> None:
    resolver = Resolver()
    names = Names(resolver, threads=OWNER_THREADS + 1, limit_s=0.01)
    try:
        for number in range(9):
            with pytest.raises(socket.gaierror):
                await names.find("one", f"slow-{number}.example", 443)
        assert len(resolver.asked) == OWNER_THREADS
        with pytest.raises(socket.gaierror):
            await names.of("one")("a.example", 443)
        # What others ask for has a thread left.
        with pytest.raises(socket.gaierror):
            await names.of("other")("slow.example", 443)
        assert resolver.asked[-1] == "slow.example"
    finally:
        resolver.let.set()
        names.close()
