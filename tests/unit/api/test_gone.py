"""A client that leaves ends what is done for it, and nothing else does."""

import asyncio
from typing import Any

import pytest

from app.api.gone import unless_left
from app.api.problems import ClientLeft


class Connection:
    """A client that says something now and then, and leaves when it is told to."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.listeners = 0

    async def receive(self) -> Any:  # noqa: ANN401 - an ASGI message
        """Wait until it leaves."""
        self.listeners += 1
        try:
            await self.gone.wait()
        finally:
            self.listeners -= 1
        return {"type": "http.disconnect"}


async def test_what_is_done_for_a_client_that_leaves_is_cancelled() -> None:
    connection, ended = Connection(), list[str]()

    async def work() -> None:
        async with unless_left(connection.receive):
            connection.gone.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

    with pytest.raises(ClientLeft):
        await work()
    task = asyncio.current_task()
    assert (ended, task and task.cancelling()) == (["cancelled"], 0)


async def test_nobody_listens_to_a_client_any_more_once_its_answer_is_there() -> None:
    connection = Connection()
    async with unless_left(connection.receive):
        await asyncio.sleep(0)
        assert connection.listeners == 1
    assert connection.listeners == 0


async def test_a_time_limit_of_the_work_is_not_taken_for_a_client_that_left() -> None:
    with pytest.raises(TimeoutError):
        async with unless_left(Connection().receive), asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_who_is_cancelled_from_outside_is_cancelled() -> None:
    connection = Connection()

    async def serve() -> None:
        async with unless_left(connection.receive):
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    while not connection.listeners:  # noqa: ASYNC110 - it listens within a few turns of the loop
        await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert connection.listeners == 0
