"""Asks a team its questions, some at once, whichever stack answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from app.evaluation.marks import Told
from app.evaluation.questions import Question

Ask = Callable[[Question], Awaitable[Told]]


async def evaluate(
    questions: Sequence[Question],
    ask: Ask,
    *,
    at_once: int = 1,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Told]:
    """Ask each question, at most `at_once` at the same time; `told` hears how many are answered.

    The answers come in the order of the questions. Raises what `ask` raises.
    """
    free, done = asyncio.Semaphore(at_once), 0

    async def one(asked: Question) -> Told:
        nonlocal done
        async with free:
            answer = await ask(asked)
        done += 1
        told(done, len(questions))
        return answer

    return list(await asyncio.gather(*map(one, questions)))
