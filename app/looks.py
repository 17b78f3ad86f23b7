"""Asks each store for what it is used for, and tells how each stands."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import LiteralString

import msgspec
import structlog

from app.blobs import Blobs
from app.causes import Cause, Finding
from app.errors import StoreUnavailable
from app.loops import cause_of
from app.postgres import Database
from app.redis import RedisStore
from app.retrieval.editions.editions import Editions
from app.retrieval.qdrant import QdrantPeers
from app.sqlstates import STORE as POSTGRES
from app.sqlstates import Fault, fact_of, finding_of
from app.standing import Standing, standing_of
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

LOOK_LIMIT_S = 2.0
LATE = "late"
SELECT_VERSION: LiteralString = "SELECT version_num FROM alembic_version"


class StoreHealth(msgspec.Struct, frozen=True):
    """One store, or one peer of the vector store: where it is, and what is wrong and what to do, if anything."""

    store: str
    address: str
    works: bool
    cause: str | None = None
    detail: str | None = None
    remedy: str | None = None


class Looked(msgspec.Struct, frozen=True):
    """Whether each store did what it was asked, and how each stands."""

    database: bool
    redis: bool
    vector_store: bool
    blobs: bool
    stores: tuple[StoreHealth, ...]
    differs: str | None = None
    """How the settings differ from the edition of the index that serves."""


class Looks:
    """Looks at every store at once; each look is bounded, and none raises."""

    def __init__(
        self,
        *,
        database: Database,
        redis: tuple[RedisStore, ...],
        qdrant: QdrantPeers,
        editions: Editions,
        blobs: Blobs,
        metrics: Metrics,
        older_versions: frozenset[str],
    ) -> None:
        self._database = database
        self._redis = redis
        self._qdrant = qdrant
        self._editions = editions
        self._blobs = blobs
        self._older_versions = older_versions
        # Why no connection can be made, the pool tells.
        self._postgres = standing_of(POSTGRES, database.pool.door.address, metrics, tells=frozenset({Cause.NO_ANSWER}))
        self._late: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[Looked] | None = None

    async def look(self) -> Looked:
        """Ask PostgreSQL for its schema, Redis for a script that writes, Qdrant a question, the blob store to write.

        Whoever asks while a look is under way shares it: anybody may ask, and each look writes to three stores.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Looked:
        database, vector_store, blobs, *redis = await asyncio.gather(
            self._answers(self._look_at_database()),
            self._answers(self._editions.look()),
            self._answers(self._blobs.look()),
            *(self._answers(one.look()) for one in self._redis),
        )
        works = {self._postgres.store: database, self._blobs.standing.store: blobs}
        works |= {one.standing.store: answered for one, answered in zip(self._redis, redis, strict=True)}
        stores = tuple(_shown(standing, works) for standing in self._standings())
        return Looked(
            database=database,
            redis=all(redis),
            vector_store=vector_store,
            blobs=blobs,
            stores=stores,
            differs=self._editions.differs,
        )

    async def database_fault(self) -> str | None:
        """Return why PostgreSQL cannot be used, None if it can."""
        fault = await self._fault(self._look_at_database())
        if fault == LATE and self._database.pool.door.fault is not None:
            return self._database.pool.door.fault.value
        return fault

    def _standings(self) -> tuple[Standing, ...]:
        redis = (one.standing for one in self._redis)
        return (self._postgres, *redis, *self._qdrant.standings, self._blobs.standing)

    async def _answers(self, look: Coroutine[object, object, None]) -> bool:
        return await self._fault(look) is None

    async def _fault(self, look: Coroutine[object, object, None]) -> str | None:
        """Return why `look` does not end well in time. A late one is cancelled, not waited for: it may hang."""
        task = asyncio.create_task(look)
        self._late.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=LOOK_LIMIT_S)
        if not done:
            task.cancel()
            return LATE
        if task.cancelled():
            return LATE
        error = task.exception()
        if isinstance(error, StoreUnavailable):
            return str(error.facts.get("reason") or error.code)
        return None if error is None else cause_of(error)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("health.no_answer", error=str(task.exception()))

    async def _look_at_database(self) -> None:
        try:
            await self._ask_database()
        except StoreUnavailable as error:
            fault = next((fault for fault in Fault if fault.value == error.facts.get("reason")), Fault.LATE)
            self._postgres.failed(self._finding(fault))
            raise
        except asyncio.CancelledError:
            self._postgres.failed(self._finding(self._database.pool.door.fault or Fault.LATE))
            raise
        self._postgres.answered()

    def _finding(self, fault: Fault) -> Finding:
        door = self._database.pool.door
        return door.finding if door.finding is not None and fault is door.fault else finding_of(fault)

    async def _ask_database(self) -> None:
        async with self._database.connection("health") as conn:
            rows = await (await conn.execute(SELECT_VERSION)).fetchall()
        if not rows or any(row["version_num"] in self._older_versions for row in rows):
            raise fact_of(Fault.SCHEMA)


def _shown(standing: Standing, works: Mapping[str, bool]) -> StoreHealth:
    """Return the view of a store. A look that was late counts, where no request met a cause."""
    finding = standing.finding
    if finding is None and not works.get(standing.store, True):
        finding = Finding(Cause.NO_ANSWER, f"no answer in {LOOK_LIMIT_S:g} s")
    if finding is None:
        return StoreHealth(standing.store, standing.address, works=True)
    return StoreHealth(
        standing.store,
        standing.address,
        works=False,
        cause=finding.cause.value,
        detail=finding.text,
        remedy=finding.advice,
    )
