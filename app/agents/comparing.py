"""How near texts of documents are to a run's question by meaning: one call that embeds them all, an effect."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from operator import mul

import structlog

from app.agents.calling import Calling
from app.agents.effects import Done
from app.errors import Refused, Unavailable
from app.inference.words.account import Purpose
from app.inference.words.records import Usage
from app.retrieval.fusion import shipped

log = structlog.get_logger(__name__)

WAIT_S = 8.0
"""For the call with all of its waits: about what a small model takes to answer on a busy processor."""


class Comparing:
    """Compares by meaning; where no node does so in time, nothing is known, and words alone must tell."""

    def __init__(self, calling: Calling) -> None:
        self._claim, self._effects = calling.claim, calling.effects
        self._dispatcher, self._deadline, self._tally = calling.dispatcher, calling.deadline, calling.tally

    async def near(self, path: str, question: str, texts: Sequence[str]) -> Mapping[str, float]:
        """Return the cosine of each text and a question; of none where they could not be embedded.

        Raises what the effects raise.
        """
        if not texts:
            return {}

        async def act() -> Done[tuple[float, ...]]:
            usages: list[Usage] = []
            try:
                cosines = await self._cosines(question, texts, usages)
            except (Unavailable, Refused, TimeoutError) as error:
                log.info("answer.compared_by_words_alone", error=type(error).__name__)
                cosines = ()
            return Done(cosines, tuple(usages))

        cosines = await self._effects.once(f"{path}/compare", (question, texts), act, tuple[float, ...])
        return dict(zip(texts, cosines, strict=False))

    async def _cosines(self, question: str, texts: Sequence[str], usages: list[Usage]) -> tuple[float, ...]:
        # Not for a search: vectors of those are kept, and must be forgotten with their documents.
        account, options = self._claim.account(Purpose.CHAT), self._claim.options
        async with asyncio.timeout(min(WAIT_S, max(0.0, self._deadline.left_s))):
            made = await self._dispatcher.embed(
                [question, *texts],
                agent="retrieval",
                account=account,
                on_usage=self._tally.usages.append,
                priority=options.priority,
            )
        usages.extend(() if made.usage is None else (made.usage,))
        if made.digest != shipped().digest:
            # What is near was found out with one embedder; cosines of another lie elsewhere.
            log.info("answer.compared_by_words_alone", error="another embedder")
            return ()
        asked, *others = made.vectors
        return tuple(round(cosine(asked, other), 4) for other in others)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of two vectors of one length; 0 where one is all zeros."""
    length = math.hypot(*one) * math.hypot(*other)
    return sum(map(mul, one, other)) / length if length else 0.0
