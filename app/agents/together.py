"""Several things of one step at the same time, each with its own place among the effects."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from app.agents.step_paths import enter_branch

T = TypeVar("T")

MOST_AT_ONCE = 8
"""So many branches of a step go on at a time; the others wait."""


async def together(path: str, branches: tuple[Coroutine[Any, Any, T], ...]) -> tuple[T, ...]:
    """Run all and return what they brought, in their order; the effects of each are stored under `path` and its number.

    The first that fails ends the others, and its error is raised. One that waits for a person lets the others come to
    their end first: their effects are kept, and all that they ask is asked at once.
    """
    room = asyncio.Semaphore(MOST_AT_ONCE)
    asked: list[Interrupt] = []

    async def run(number: int, branch: Coroutine[Any, Any, T]) -> T | None:
        enter_branch(f"{path}[{number}]")
        try:
            async with room:
                return await branch
        except GraphInterrupt as waits:
            asked.extend(waits.args[0])
            return None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(number, branch)) for number, branch in enumerate(branches)]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    finally:
        # One that was never begun would be missed.
        for branch in branches:
            branch.close()
    if asked:
        raise GraphInterrupt(tuple(sorted(asked, key=lambda one: one.id)))
    return tuple(task.result() for task in tasks)  # pyright: ignore[reportReturnType] - none of them waits
