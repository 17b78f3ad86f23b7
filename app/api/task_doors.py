"""What the HTTP surface needs of the platform to show tasks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.agents.task_load import Load
from app.agents.tasks import Task, Wanted
from app.ids import RunId, TenantId
from app.webhooks.deliveries import Wanted as WantedDeliveries
from app.webhooks.rows import Delivery


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


class Loads(Protocol):
    """Looks at what the workers have to do."""

    async def get(self) -> Load:
        """Return it."""
        ...


class Deliveries(Protocol):
    """Shows webhooks, and has them tried again."""

    async def check(self, tenant_id: TenantId, url: str, /) -> None:
        """Return if a webhook may go there, as far as can be told now. Raises CallbackRefused."""
        ...

    async def list(
        self,
        tenant_id: TenantId,
        wanted: WantedDeliveries,
        /,
        *,
        limit: int,
        place: tuple[datetime, UUID] | None = None,
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first."""
        ...

    async def redeliver(self, tenant_id: TenantId, delivery_id: UUID, /) -> Delivery:
        """Have one tried from the beginning. Raises DeliveryUnknown."""
        ...
