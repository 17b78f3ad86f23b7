"""What the HTTP surface needs of the platform to show tasks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.agents.tasks import Task, Wanted
from app.ids import RunId, TenantId


class Tasks(Protocol):
    """Shows tasks, and has them begun again."""

    async def get(self, tenant_id: TenantId, run_id: RunId, /) -> Task:
        """Return a task. Raises RunUnknown."""
        ...

    async def list(
        self, tenant_id: TenantId, wanted: Wanted, /, *, limit: int, place: tuple[datetime, RunId] | None = None
    ) -> Sequence[Task]:
        """Return tasks, newest first."""
        ...

    async def requeue(self, tenant_id: TenantId, run_id: RunId, /, *, request_id: str) -> Task:
        """Leave a task for a worker to begin anew. Raises RunUnknown, TaskNotRequeuable, SessionBusy."""
        ...
