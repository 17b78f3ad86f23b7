"""How much the workers have to do, and how many of them that asks for."""

import math
from collections.abc import Sequence
from typing import LiteralString
from uuid import uuid4

import msgspec

from app.postgres import Database
from app.telemetry.metrics import Metrics

LEAST_WORKERS, MOST_WORKERS = 1, 10
TASKS_A_WORKER = 1.25
"""Five tasks at a time ask for four workers, ten for eight: what the promise of the scheduler's scaling says."""
COUNT: LiteralString = """
    SELECT team, state, count(*) AS tasks,
           coalesce(extract(epoch FROM now() - min(due_from) FILTER (WHERE state = 'accepted')), 0)::float8 AS oldest_s
    FROM runs WHERE is_task AND state IN ('accepted', 'running') GROUP BY team, state
"""
SEEN: LiteralString = """
    INSERT INTO workers (id) VALUES (%(id)s) ON CONFLICT (id) DO UPDATE SET seen_at = now()
"""
COUNT_WORKERS: LiteralString = """
    SELECT count(*) AS alive FROM workers WHERE seen_at > now() - make_interval(secs => %(silent_s)s)
"""
GONE: LiteralString = "DELETE FROM workers WHERE id = %(id)s OR seen_at < now() - interval '1 hour'"


class Load(msgspec.Struct, frozen=True):
    """The tasks of all tenants that wait for workers or have one, by team, and the workers that gave a sign of life."""

    waiting: dict[str, int]
    running: dict[str, int]
    oldest_s: float
    workers: int

    @property
    def tasks(self) -> int:
        """How many wait or run."""
        return sum(self.waiting.values()) + sum(self.running.values())


def workers_wanted(tasks: int) -> int:
    """Return how many workers so many tasks at a time ask for."""
    return min(MOST_WORKERS, max(LEAST_WORKERS, math.ceil(tasks / TASKS_A_WORKER)))


class TaskLoad:
    """Looks at the load, and sets the gauges that tell of it."""

    def __init__(self, database: Database, metrics: Metrics, *, teams: Sequence[str], silent_s: float) -> None:
        """A worker that gives no sign of life for `silent_s` is dead."""
        self._database = database
        self._metrics = metrics
        self._teams = teams
        self._silent_s = silent_s
        self._id = uuid4()

    async def get(self) -> Load:
        """Return the load now. Raises StoreUnavailable."""
        async with self._database.connection("tasks.load") as conn:
            rows = [row async for row in await conn.execute(COUNT)]
            alive = await (await conn.execute(COUNT_WORKERS, {"silent_s": self._silent_s})).fetchone()
        by_state: dict[str, dict[str, int]] = {"accepted": {}, "running": {}}
        for row in rows:
            by_state[row["state"]][row["team"]] = row["tasks"]
        oldest_s = max((row["oldest_s"] for row in rows), default=0.0)
        workers = 0 if alive is None else alive["alive"]
        return Load(by_state["accepted"], by_state["running"], oldest_s, workers)

    async def watch(self) -> None:
        """Say that this worker is alive, and set the gauges. Raises StoreUnavailable."""
        async with self._database.connection("tasks.seen") as conn:
            await conn.execute(SEEN, {"id": self._id})
        load = await self.get()
        for team in self._teams:
            self._metrics.tasks_waiting.labels(team).set(load.waiting.get(team, 0))
            self._metrics.tasks_running.labels(team).set(load.running.get(team, 0))
        self._metrics.task_oldest.set(load.oldest_s)
        self._metrics.workers_alive.set(load.workers)
        self._metrics.workers_wanted.set(workers_wanted(load.tasks))

    async def leave(self) -> None:
        """Say that this worker takes no more tasks; with it go those that were silent for an hour."""
        async with self._database.connection("tasks.gone") as conn:
            await conn.execute(GONE, {"id": self._id})
