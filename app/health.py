"""Looks at what a process depends on."""

import asyncio
from collections.abc import Coroutine
from typing import LiteralString

import msgspec
import structlog

from app.agents.runner import Runner
from app.agents.sessions import Sessions
from app.errors import StoreUnavailable
from app.inference.nodes import Fleet, routable
from app.loops import Failing, Loop, Loops, cause_of
from app.postgres import Database
from app.redis import RedisStore
from app.retrieval.qdrant import QdrantPeers
from app.sqlstates import Fault, fact_of

log = structlog.get_logger(__name__)

LOOK_LIMIT_S = 2.0
LATE = "late"
SELECT_VERSION: LiteralString = "SELECT version_num FROM alembic_version"
NECESSARY = frozenset({Loop.RUN_RENEWAL})
"""Without these loops a replica does harm with what it takes. Without others it serves on an older view of things."""


class Services(msgspec.Struct, frozen=True):
    """Whether each store answers now, and at least one node that serves a tier."""

    database: bool
    redis: bool
    vector_store: bool
    llm: bool


class Readiness(msgspec.Struct, frozen=True):
    """Whether this process takes requests, and what does not work; `database` is the cause, None if it answers."""

    is_draining: bool
    database: str | None
    failing: tuple[Failing, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether requests should come: PostgreSQL answers, no drain has begun, and the runs taken can be kept."""
        return not (self.is_draining or self.database or any(one.loop in NECESSARY for one in self.failing))


class Health:
    """Looks at every part at once; each look is bounded, and none raises."""

    def __init__(
        self,
        *,
        database: Database,
        redis: tuple[RedisStore, ...],
        qdrant: QdrantPeers,
        fleet: Fleet,
        runner: Runner,
        sessions: Sessions,
        loops: Loops,
        older_versions: frozenset[str],
    ) -> None:
        self._database = database
        self._redis = redis
        self._qdrant = qdrant
        self._fleet = fleet
        self._runner = runner
        self._sessions = sessions
        self._loops = loops
        self._older_versions = older_versions
        self._late: set[asyncio.Task[bool]] = set()

    async def services(self) -> Services:
        """Return what answers now."""
        database, vector_store, *redis = await asyncio.gather(
            self._answers(self._ask_database()),
            self._answers(self._ask_qdrant()),
            *(self._answers(_ping(one)) for one in self._redis),
        )
        llm = bool(routable(self._fleet.views()))
        return Services(database=database, redis=all(redis), vector_store=vector_store, llm=llm)

    async def readiness(self) -> Readiness:
        """Return whether PostgreSQL answers and this process takes new runs, and which loops do not work."""
        database = await self._fault(self._ask_database())
        if database == LATE and self._database.pool.door.fault is not None:
            database = self._database.pool.door.fault.value
        return Readiness(self._runner.is_draining, database, tuple(self._loops.failing()))

    def watch(self) -> None:
        """Set the pool gauges, just before a scrape."""
        self._database.watch()
        self._loops.watch()

    async def count_sessions(self) -> None:
        """Set `active_sessions`. Raises StoreUnavailable."""
        await self._sessions.count()

    async def _answers(self, look: Coroutine[object, object, bool]) -> bool:
        """Whether `look` says yes in time."""
        return await self._fault(look) is None

    async def _fault(self, look: Coroutine[object, object, bool]) -> str | None:
        """Return why `look` does not say yes in time. A late one is cancelled, not waited for: its client may hang."""
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
        if error is not None:
            return cause_of(error)
        return None if task.result() else LATE

    def _forget(self, task: asyncio.Task[bool]) -> None:
        self._late.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("health.no_answer", error=str(task.exception()))

    async def _ask_database(self) -> bool:
        async with self._database.connection("health") as conn:
            rows = await (await conn.execute(SELECT_VERSION)).fetchall()
        if not rows or any(row["version_num"] in self._older_versions for row in rows):
            raise fact_of(Fault.SCHEMA)
        return True

    async def _ask_qdrant(self) -> bool:
        return await self._qdrant.alive()


async def _ping(store: RedisStore) -> bool:
    async with store.use("ping") as client:
        await client.execute_command("PING")  # pyright: ignore[reportUnknownMemberType]
    return True
