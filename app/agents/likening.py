"""Which of several groups of exemplars a question is likest to, by the meaning of its words."""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import mul
from typing import TypeAlias

import msgspec
import structlog

from app.agents.effects import Done, Effects
from app.errors import NodeRefused, Unavailable
from app.inference.words.records import Embedding, Usage

log = structlog.get_logger(__name__)

Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Embedding]]
Numbers: TypeAlias = tuple[float, ...]
Weigh: TypeAlias = Callable[[str, Sequence[float]], Numbers]
"""What a vector says by learned weights; nothing, where they are not of the embedder whose digest comes with it."""

SETS_KEPT = 32
"""Sets of exemplars whose vectors a process remembers: each team has a few, of some dozens of sentences."""


class Likeness(msgspec.Struct, frozen=True):
    """The group that is likest: `score` is its best exemplar's cosine, `ahead` by how much it is before the next group.

    `best` is None, and nothing is said, where no vector was to be had.
    """

    best: str | None = None
    score: float = 0.0
    ahead: float = 0.0


class ExemplarVectors:
    """The vectors of exemplars, made once in the life of a process: they ship with the product, and are no tenant's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], tuple[Numbers, ...]] = OrderedDict()

    def find(self, digest: str, texts: tuple[str, ...]) -> tuple[Numbers, ...] | None:
        """Return what the weights of `digest` made of the texts, if that is known."""
        return self._kept.get((digest, texts))

    def keep(self, digest: str, texts: tuple[str, ...], vectors: tuple[Numbers, ...]) -> None:
        """Remember it; what was remembered first is forgotten first."""
        self._kept[digest, texts] = vectors
        if len(self._kept) > SETS_KEPT:
            self._kept.popitem(last=False)


class Likening:
    """Compares questions with exemplars: each comparison an effect, none a reason to fail."""

    def __init__(self, effects: Effects, embed: Embed, kept: ExemplarVectors) -> None:
        self._effects = effects
        self._embed = embed
        self._kept = kept

    async def likest(self, path: str, question: str, exemplars: Mapping[str, Sequence[str]]) -> Likeness:
        """Return the likest group. Raises what the effects raise, and StoreUnavailable for PostgreSQL."""
        # By the groups' names, not by what is in them: a run goes on as it began when an upgrade changes exemplars.
        given = (question, sorted(exemplars))

        async def act() -> Done[Likeness]:
            usages: list[Usage] = []
            try:
                likeness = await self._compare(question, exemplars, usages)
            except (Unavailable, NodeRefused) as error:
                _unknown(error)
                likeness = Likeness()
            return Done(likeness, tuple(usages))

        return await self._effects.once(path, given, act, Likeness)

    async def weigh(
        self, path: str, name: str, question: str, texts: Sequence[str], weigh: Weigh
    ) -> dict[str, Numbers]:
        """Return what the weights called `name` say of each of a question's texts; of none where nobody embeds.

        Raises what the effects raise, and StoreUnavailable for PostgreSQL.
        """

        async def act() -> Done[dict[str, Numbers]]:
            usages: list[Usage] = []
            try:
                made = await self._vectors(texts, usages)
                said = {text: weigh(made.digest, vector) for text, vector in zip(texts, made.vectors, strict=True)}
            except (Unavailable, NodeRefused) as error:
                _unknown(error)
                said = {}
            return Done(said, tuple(usages))

        return await self._effects.once(path, (name, question), act, dict[str, Numbers])

    async def _compare(self, question: str, exemplars: Mapping[str, Sequence[str]], usages: list[Usage]) -> Likeness:
        asked = await self._vectors([question], usages)
        texts = tuple(text for group in exemplars.values() for text in group)
        known = self._kept.find(asked.digest, texts)
        if known is None:
            made = await self._vectors(texts, usages)
            if made.digest != asked.digest:
                # The weights were replaced in between: vectors of two cannot be compared.
                return Likeness()
            known = tuple(_unit(vector) for vector in made.vectors)
            self._kept.keep(made.digest, texts, known)
        return rank(_unit(asked.vectors[0]), exemplars, known)

    async def _vectors(self, texts: Sequence[str], usages: list[Usage]) -> Embedding:
        embedding = await self._embed(texts)
        usages.extend(() if embedding.usage is None else (embedding.usage,))
        return embedding


def _unknown(error: Unavailable | NodeRefused) -> None:
    """Tell of what could not be embedded. Raises what is wrong with PostgreSQL."""
    if error.facts.get("store") == "postgres":
        raise error
    log.warning("likeness.unknown", code=error.code, detail=error.detail)


def rank(asked: Numbers, exemplars: Mapping[str, Sequence[str]], vectors: Sequence[Numbers]) -> Likeness:
    """Return the likest group; `vectors` are those of all exemplars in their order, each of length 1, as `asked`."""
    left = iter(vectors)
    scores = {name: max(sum(map(mul, asked, next(left))) for _ in group) for name, group in exemplars.items() if group}
    if not scores:
        return Likeness()
    best, *others = sorted(scores, key=lambda name: scores[name], reverse=True)
    second = scores[others[0]] if others else -1.0
    return Likeness(best, round(scores[best], 4), round(scores[best] - second, 4))


def _unit(vector: Sequence[float]) -> Numbers:
    length = math.sqrt(sum(one * one for one in vector)) or 1.0
    return tuple(one / length for one in vector)
