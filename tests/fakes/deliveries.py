"""Webhooks without a database or a network."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from app.agents.task_load import Load
from app.callback_urls import Allowed, read_callback
from app.ids import RunId, TenantId
from app.webhooks.deliveries import Wanted
from app.webhooks.rows import Delivery, DeliveryState, DeliveryUnknown
from tests.fakes.runner import NOW


class FakeDeliveries:
    """Keeps deliveries; every tenant has a secret."""

    def __init__(self) -> None:
        self.rows: list[Delivery] = []

    def add(self, tenant_id: TenantId, state: DeliveryState) -> Delivery:
        """Make a delivery."""
        delivery = Delivery(
            id=uuid4(),
            tenant_id=tenant_id,
            run_id=RunId(uuid4()),
            url="https://a.example/hook",
            state=state,
            attempts=10,
            next_at=NOW,
            last_status=500,
            last_error="status",
            created_at=NOW,
            finished_at=None if state is DeliveryState.PENDING else NOW,
        )
        self.rows.append(delivery)
        return delivery

    async def check(self, tenant_id: TenantId, url: str, /) -> None:
        """Return if the URL may be public."""
        del tenant_id
        read_callback(url, Allowed())

    async def list(
        self, tenant_id: TenantId, wanted: Wanted, /, *, limit: int, place: tuple[datetime, UUID] | None = None
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first."""
        del place
        mine = [row for row in reversed(self.rows) if row.tenant_id == tenant_id]
        chosen = [row for row in mine if not wanted.states or row.state in wanted.states]
        return [row for row in chosen if wanted.run_id in {None, row.run_id}][:limit]

    async def redeliver(self, tenant_id: TenantId, delivery_id: UUID, /) -> Delivery:
        """Begin anew."""
        for index, row in enumerate(self.rows):
            if (row.tenant_id, row.id) == (tenant_id, delivery_id):
                again = msgspec.structs.replace(row, state=DeliveryState.PENDING, attempts=0, finished_at=None)
                self.rows[index] = again
                return again
        raise DeliveryUnknown("no such delivery")


class FakeLoad:
    """Says what it was told."""

    def __init__(self) -> None:
        self.now = Load({"scheduler": 7}, {"scheduler": 5}, 12.5, 3)

    async def get(self) -> Load:
        """Return it."""
        return self.now
