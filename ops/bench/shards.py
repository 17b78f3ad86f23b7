"""What three shards change for retrieval: what is found, how long it takes, and what one peer less does."""

import asyncio
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.errors import StoreUnavailable
from app.retrieval.index import Index
from app.retrieval.points import Proposal, SparseVector
from app.retrieval.search import CANDIDATES
from ops.bench.clustered import Made, make, recall
from ops.bench.figures import percentile
from ops.bench.plan import Plan, Sizes
from ops.bench.points import Unmeasured
from ops.bench.shard_stores import DOUBLE, SERVER, Store

K = 10
WARM = 20
"""Questions that are asked of each store before any is timed."""
WRITTEN_AT_ONCE = 1_024
NO_WORDS = SparseVector((), ())


class Way(StrEnum):
    """Who is asked."""

    ONE = "one peer, one shard"
    THREE = "three peers, three shards"
    AWAY = "the same, one peer away"


@dataclass(frozen=True, slots=True)
class Extent:
    """How many points there are and how many questions are asked in a round."""

    points: int
    questions: int


EXTENTS = {Sizes.FULL: Extent(100_000, 200), Sizes.QUICK: Extent(10_000, 100), Sizes.SMOKE: Extent(600, 20)}


@dataclass(frozen=True, slots=True)
class Asked:
    """One round of one way: `recall` and `answered` are shares of 0 to 1, percentiles are in seconds.

    `nearest` is a search for the nearest points alone, `whole` the application's question: candidates by meaning and
    by words.
    """

    way: Way
    answered: float
    recall: float
    nearest_p50_s: float
    nearest_p95_s: float
    whole_p50_s: float
    whole_p95_s: float


@dataclass(frozen=True, slots=True)
class Sharded:
    """All that was measured, and of what; `written_s` and `indexed_s` are of both stores together."""

    store: str
    extent: Extent
    written_s: float
    indexed_s: float
    asked: tuple[Asked, ...]


async def compare_shards(plan: Plan, one: Store, three: Store, say: Callable[[str], None]) -> Sharded:
    """Fill both stores with the same points and ask both the same, in turns. Raises Unmeasured."""
    extent = EXTENTS[plan.sizes]
    made = make(extent.points, extent.questions, plan.seed)
    stores, clients = (one, three), (one.open(), three.open())
    try:
        with _measurable():
            began = time.perf_counter()
            await asyncio.gather(*(_fill(client, made) for client in clients))
            written = time.perf_counter()
            say("bench: indexes of the shards\n")
            await asyncio.gather(*(store.build_indexes() for store in stores))
            indexed = time.perf_counter()
            asked = await _rounds(Questions(made), clients, three, plan.rounds)
            await asyncio.gather(*(client.remove() for client in clients))
    finally:
        await asyncio.gather(*(client.close() for client in clients))
    name = DOUBLE if one.is_double else SERVER
    return Sharded(name, extent, written - began, indexed - written, tuple(asked))


@contextmanager
def _measurable() -> Generator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise Unmeasured(f"the vector store: {error}") from error


async def _fill(index: Index, made: Made) -> None:
    """Write all points into a collection of which nothing is left from before."""
    await index.remove()
    await index.ensure_collection()
    for start in range(0, len(made.points), WRITTEN_AT_ONCE):
        await index.upsert(made.batch(start, start + WRITTEN_AT_ONCE))


async def _rounds(questions: "Questions", clients: Sequence[Index], three: Store, rounds: int) -> list[Asked]:
    """Ask one and three in turns, first one and first the other, and then with a peer away where one can be lost."""
    ways = list(zip((Way.ONE, Way.THREE), clients, strict=True))
    for _, client in ways:
        await questions.ask(Way.ONE, client, WARM)
    asked: list[Asked] = []
    for number in range(rounds):
        for way, client in ways if number % 2 else reversed(ways):
            asked.append(await questions.ask(way, client))
        if three.is_double:
            await three.change_last(lost=True)
            try:
                asked.append(await questions.ask(Way.AWAY, clients[1]))
            finally:
                await three.change_last(lost=False)
    return asked


class Questions:
    """The questions of a measurement, with what is right."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self._nearest = made.nearest(K)
        self._owned = made.owned()
        self._vectors: list[list[float]] = made.questions.tolist()

    async def ask(self, way: Way, index: Index, most: int | None = None) -> Asked:
        """Ask all questions, or the first `most`, one after another.

        Raises Unmeasured: an answer has another number of points than it should or another tenant's, or a question is
        not answered although every peer is there.
        """
        vectors, words = self._vectors[:most], self._made.words[:most]
        nearest = [await self._timed(way, index, one, NO_WORDS, K) for one in vectors]
        whole = [
            await self._timed(way, index, one, terms, CANDIDATES) for one, terms in zip(vectors, words, strict=True)
        ]
        for found, _ in nearest:
            check(found, self._owned, K, K)
        for found, _ in whole:
            check(found, self._owned, CANDIDATES, 2 * CANDIDATES)
        answered = sum(found is not None for found, _ in (*nearest, *whole)) / (2 * len(vectors))
        near_s, whole_s = ([took_s for _, took_s in some] for some in (nearest, whole))
        return Asked(
            way, answered, recall([found or () for found, _ in nearest], self._nearest[:most]),
            percentile(near_s, 0.5), percentile(near_s, 0.95), percentile(whole_s, 0.5), percentile(whole_s, 0.95),
        )  # fmt: skip

    async def _timed(
        self, way: Way, index: Index, dense: Sequence[float], words: SparseVector, limit: int
    ) -> tuple[list[UUID] | None, float]:
        """Return the points that were found and how many seconds it took; None: no peer could answer."""
        began, found = time.perf_counter(), list[Proposal]()
        try:
            found = await index.query(self._made.asker, dense, words, limit=limit)
        except StoreUnavailable:
            if way is not Way.AWAY:
                raise
            return None, time.perf_counter() - began
        took_s = time.perf_counter() - began
        return [one.id for one in found], took_s


def check(found: Sequence[UUID] | None, owned: Collection[UUID], least: int, most: int) -> None:
    """Check an answer: so many points, each once, all of the tenant that asked. Raises Unmeasured."""
    if found is None:
        return
    if not least <= len(set(found)) == len(found) <= most:
        raise Unmeasured(
            f"a search gave {len(set(found))} points, {len(found)} with repetitions, not {least} to {most}"
        )
    if strange := [one for one in found if one not in owned]:
        raise Unmeasured(f"a search gave {len(strange)} points of another tenant")
