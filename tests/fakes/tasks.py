"""Tasks without a database: the runs of a fake runner, as tasks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app.agents.life import FINAL_STATES, RunState
from app.agents.task_refusals import TaskNotRequeuable
from app.agents.tasks import Task, Wanted, may_go_well
from app.ids import RunId, TenantId
from tests.fakes.runner import NOW, FakeRunner


class FakeTasks:
    """Shows what the runner has."""

    def __init__(self, runner: FakeRunner) -> None:
        self._runner = runner

    async def get(self, tenant_id: TenantId, run_id: RunId, /) -> Task:
        """Return a task."""
        run = self._runner.find(tenant_id, run_id)
        created_at = NOW + timedelta(seconds=list(self._runner.runs).index(run_id))
        has_ended = run.result.state in FINAL_STATES and run.release.is_set()
        result = run.result if has_ended else msgspec.structs.replace(run.result, state=RunState.ACCEPTED, attempt=0)
        return Task(result, created_at, created_at if has_ended else None, run.ask.callback_url)

    async def list(
        self, tenant_id: TenantId, wanted: Wanted, /, *, limit: int, place: tuple[datetime, RunId] | None = None
    ) -> Sequence[Task]:
        """Return tasks, newest first."""
        tasks = [await self.get(tenant_id, key) for key, run in self._runner.runs.items() if run.tenant_id == tenant_id]
        chosen = [
            task
            for task in reversed(tasks)
            if (not wanted.states or task.result.state in wanted.states)
            and wanted.team in {None, task.result.team}
            and (wanted.after is None or task.created_at >= wanted.after)
            and (wanted.before is None or task.created_at < wanted.before)
            and (place is None or (task.created_at, task.result.run_id) < place)
        ]
        return chosen[:limit]

    async def requeue(self, tenant_id: TenantId, run_id: RunId, /, *, request_id: str) -> Task:
        """Have a task begin again, if it may."""
        run = self._runner.find(tenant_id, run_id)
        if not may_go_well(run.result):
            raise TaskNotRequeuable("no", state=run.result.state, request_id=request_id)
        run.release.clear()
        return await self.get(tenant_id, run_id)
