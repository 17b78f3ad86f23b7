"""The editions as one process follows them: which serves, which are written to, and the index of each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from app.errors import StoreUnavailable
from app.postgres import Database
from app.retrieval.editions.edition import Edition, EditionState
from app.retrieval.editions.given import Given
from app.retrieval.editions.rows import EditionRows
from app.retrieval.index import Index
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import Copies
from app.telemetry.metrics import Metrics

LOOK_EVERY_S = 2.0
"""Questions go to an edition for so long after another one serves; it stays whole, so they find the same."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Open:
    """An edition and its index."""

    edition: Edition
    index: Index


class Seed(msgspec.Struct, frozen=True):
    """What the settings say: the model of the first edition, and the length of its vectors."""

    model: str
    dense_size: int


class Editions:
    """The editions behind one alias. Rows say which there are; the settings only make the first one."""

    def __init__(
        self,
        database: Database,
        peers: QdrantPeers,
        seed: Seed,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.alias = peers.alias
        self.rows = EditionRows(database, peers.alias)
        self.given = Given(database, peers.alias)
        self.peers = peers
        """What the alias of the settings names: the edition that serves, for whoever looks by that name."""
        self._seed = seed
        self._metrics = metrics
        self._clock = clock
        self._indexes: dict[str, Index] = {}
        self._serving: Edition | None = None
        self._looked_at = clock()

    @property
    def differs(self) -> str | None:
        """How the settings differ from the edition that serves, in words; None if they do not, or none is known."""
        serving = self._serving
        if serving is None or serving.model == self._seed.model:
            return None
        return f"the settings say {self._seed.model}; edition {serving.number} serves, by {serving.model}"

    async def serving(self) -> Open:
        """Return the edition that questions are asked of, as it was at most two seconds ago.

        While PostgreSQL is away, the last that was known. Raises StoreUnavailable when none is.
        """
        if self._serving is None or self._clock() - self._looked_at >= LOOK_EVERY_S:
            # One looks; the questions beside it go on with what is known.
            self._looked_at = self._clock()
            try:
                await self._look()
            except StoreUnavailable:
                if self._serving is None:
                    raise
        if self._serving is None:
            raise StoreUnavailable("there is no index yet", store="qdrant")
        return self.open(self._serving)

    async def kept(self) -> list[Open]:
        """Return the editions that are written to, the one that serves first, as they are now.

        Raises StoreUnavailable.
        """
        return [self.open(one) for one in await self._look() if _is_kept(one)]

    def open(self, edition: Edition) -> Open:
        """Return an edition whose size is known with its index."""
        if edition.dense_size is None:
            raise ValueError(f"nobody knows the length of the vectors of edition {edition.number} yet")
        index = self._indexes.get(edition.name)
        if index is None:
            index = self._indexes[edition.name] = self.peers.at(edition.name, edition.dense_size)
        return Open(edition, index)

    async def ensure(self) -> None:
        """Make what is missing: the row of the first edition, collections, and the names that they go by.

        A collection from before there were editions becomes the first one's, as it is. Raises StoreUnavailable.
        """
        before = await self.peers.target()
        if not await self.rows.list():
            size = None if before is None else await self.peers.found_size()
            await self.rows.seed(self._seed.model, size or self._seed.dense_size, is_adopted=before is not None)
        kept = await self.kept()
        if before is not None and len(kept) == 1 and await kept[0].index.target() is None:
            await kept[0].index.name(before)
        for one in kept:
            await one.index.ensure_collection()
            if one.edition.state is EditionState.SERVING:
                await self.name(one)

    async def complete_copies(self) -> Copies | None:
        """Begin copies of shards that are missing; make collections that were lost. See `CollectionKeeper.complete`.

        Returns the sum over the editions, None without a cluster. Raises StoreUnavailable.
        """
        found: list[Copies] = []
        for one in await self.kept():
            copies = await one.index.complete_copies()
            if copies is not None:
                found.append(copies)
            if one.edition.state is EditionState.SERVING:
                await self.name(one)
        if not found:
            return None
        return Copies(*(sum(getattr(one, name) for one in found) for name in Copies.__struct_fields__))

    async def name(self, serving: Open) -> None:
        """Let the alias of the settings name the collection of the edition that serves, for whoever looks by it."""
        target = await serving.index.target()
        if target is not None and await self.peers.target() != target:
            await self.peers.name(target)

    async def look(self) -> None:
        """Ask the edition that serves a question in which nobody's points can be found. Raises what `query` raises."""
        await (self.peers if self._serving is None else self.open(self._serving).index).look()

    async def _look(self) -> Sequence[Edition]:
        editions = await self.rows.list()
        serving = next((one for one in editions if one.state is EditionState.SERVING), None)
        before, self._serving, self._looked_at = self._serving, serving, self._clock()
        if serving is not None and (before is None or before.number != serving.number):
            self._metrics.edition_serving.set(serving.number)
            log.info("edition.serves", number=serving.number, model=serving.model)
            self._tell_differing()
        return editions

    def _tell_differing(self) -> None:
        if self.differs is not None:
            log.warning(
                "edition.differs", differs=self.differs, remedy=f"`switchyard retrieval swap {self._seed.model}`"
            )


def _is_kept(edition: Edition) -> bool:
    return edition.state is not EditionState.RETIRED and edition.dense_size is not None
