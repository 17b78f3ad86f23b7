"""Looks at what a process depends on."""

import asyncio
from collections.abc import Coroutine

import msgspec
import structlog

from app.agents.runner import Runner
from app.agents.sessions import Sessions
from app.inference.nodes import Fleet, routable
from app.postgres import Database
from app.redis import RedisStore
from app.retrieval.qdrant import QdrantPeers

log = structlog.get_logger(__name__)

LOOK_LIMIT_S = 2.0


class Services(msgspec.Struct, frozen=True):
    """Whether each store answers now, and at least one node that serves a tier."""

    database: bool
    redis: bool
    vector_store: bool
    llm: bool


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
    ) -> None:
        self._database = database
        self._redis = redis
        self._qdrant = qdrant
        self._fleet = fleet
        self._runner = runner
        self._sessions = sessions
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

    async def ready(self) -> bool:
        """Whether PostgreSQL answers and this process takes new runs."""
        return not self._runner.is_draining and await self._answers(self._ask_database())

    def watch(self) -> None:
        """Set the pool gauges, just before a scrape."""
        self._database.watch()

    async def count_sessions(self) -> None:
        """Set `active_sessions`. Raises StoreUnavailable."""
        await self._sessions.count()

    async def _answers(self, look: Coroutine[object, object, bool]) -> bool:
        """Whether `look` says yes in time. One that is late is cancelled and not waited for: its client may hang."""
        task = asyncio.create_task(look)
        self._late.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=LOOK_LIMIT_S)
        if not done:
            task.cancel()
            return False
        return task.exception() is None and task.result()

    def _forget(self, task: asyncio.Task[bool]) -> None:
        self._late.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.debug("health.no_answer", error=str(task.exception()))

    async def _ask_database(self) -> bool:
        async with self._database.connection("health") as conn:
            await conn.execute("SELECT 1")
        return True

    async def _ask_qdrant(self) -> bool:
        return await self._qdrant.alive()


async def _ping(store: RedisStore) -> bool:
    async with store.use("ping") as client:
        await client.execute_command("PING")  # pyright: ignore[reportUnknownMemberType]
    return True
