"""Tasks as those see them who asked: one, a page of them, and one that is to be begun again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec

from app.agents import replays
from app.agents.life import FINAL_STATES, RunState
from app.agents.replays import Named
from app.agents.run_views import result_of
from app.agents.task_load import TaskLoad
from app.agents.task_refusals import TaskNotRequeuable
from app.agents.values import RunResult
from app.errors import RowExists, RunUnknown, SessionBusy, is_retryable
from app.ids import RunId, SessionId, TenantId
from app.postgres import Database
from app.stored_ends import kind_of

SELECT_TASK: LiteralString = """
    SELECT id, session_id, team, state, result, attempt, error_code, error_detail, degraded, interrupts, created_at,
           finished_at, callback_url
    FROM runs WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s
"""
LIST_TASKS: LiteralString = """
    SELECT id, session_id, team, state, result, attempt, error_code, error_detail, degraded, interrupts, created_at,
           finished_at, callback_url
    FROM runs
    WHERE tenant_id = %(tenant_id)s AND is_task
      AND (%(states)s::text[] = '{}' OR state = ANY(%(states)s))
      AND (%(team)s::text IS NULL OR team = %(team)s)
      AND (%(after)s::timestamptz IS NULL OR created_at >= %(after)s)
      AND (%(before)s::timestamptz IS NULL OR created_at < %(before)s)
      AND (%(place)s::timestamptz IS NULL OR (created_at, id) < (%(place)s, %(place_id)s::uuid))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""


class Task(msgspec.Struct, frozen=True):
    """A run that was asked for asynchronously, and when."""

    result: RunResult
    created_at: datetime
    finished_at: datetime | None
    callback_url: str | None = None


class Wanted(msgspec.Struct, frozen=True):
    """Which tasks a list has: in one of `states` (any, if there are none), created from `after` to `before`."""

    states: tuple[RunState, ...] = ()
    team: str | None = None
    after: datetime | None = None
    before: datetime | None = None


class Tasks:
    """The tasks of every tenant. Any run is shown as one; only those that were asked for so are listed."""

    def __init__(self, database: Database, load: TaskLoad, *, session_ttl_s: int) -> None:
        self._database = database
        self.load = load
        self._session_ttl_s = session_ttl_s

    async def get(self, tenant_id: TenantId, run_id: RunId) -> Task:
        """Return a task of this tenant. Raises RunUnknown, StoreUnavailable."""
        async with self._database.connection("tasks.get") as conn:
            rows = await conn.execute(SELECT_TASK, {"run_id": run_id, "tenant_id": tenant_id})
            row = await rows.fetchone()
        if row is None:
            raise RunUnknown("no such task")
        return _task_of(row)

    async def list(
        self, tenant_id: TenantId, wanted: Wanted, *, limit: int, place: tuple[datetime, RunId] | None = None
    ) -> Sequence[Task]:
        """Return up to `limit` tasks, newest first, those before `place`. Raises StoreUnavailable."""
        given = msgspec.structs.asdict(wanted) | {
            "tenant_id": tenant_id,
            "states": [state.value for state in wanted.states],
            "limit": limit,
            "place": None if place is None else place[0],
            "place_id": None if place is None else place[1],
        }
        async with self._database.connection("tasks.list") as conn:
            rows = await conn.execute(LIST_TASKS, given)
            return [_task_of(row) async for row in rows]

    async def requeue(self, tenant_id: TenantId, run_id: RunId, *, request_id: str) -> Task:
        """Leave a task that was given up, or may go well another time, for a worker to begin anew; effects kept.

        Raises RunUnknown, TaskNotRequeuable, SessionBusy, SessionUnknown, StoreUnavailable.
        """
        result = (await self.get(tenant_id, run_id)).result
        if not may_go_well(result):
            raise TaskNotRequeuable(
                "only a task that is dead, or failed for a while, is begun again", state=result.state
            )
        named = Named(run_id, SessionId(result.session_id), result.attempt, result.state, is_retryable=True)
        try:
            async with self._database.transaction("tasks.requeue") as conn:
                went = await replays.requeue(
                    conn, tenant_id, named, request_id=request_id, session_ttl_s=self._session_ttl_s
                )
        except RowExists as error:
            raise SessionBusy("another run of the task's session has not ended") from error
        task = await self.get(tenant_id, run_id)
        if not went and task.result.state in FINAL_STATES:
            raise TaskNotRequeuable("the task has ended otherwise meanwhile", state=task.result.state)
        return task


def may_go_well(result: RunResult) -> bool:
    """Whether a run has ended in a way in which it may end otherwise another time."""
    if result.state is RunState.DEAD:
        return True
    return result.state is RunState.FAILED and is_retryable(kind_of(result.error_code, result.error_facts))


def _task_of(row: Mapping[str, Any]) -> Task:
    return Task(result_of(row), row["created_at"], row["finished_at"], row["callback_url"])
