"""What the routes of events need of the platform."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.agents.scheduler.calendar import ALL, Wish
from app.agents.scheduler.records import Booking
from app.ids import TenantId


class Calendar(Protocol):
    """Reads and cancels bookings."""

    async def list(
        self, tenant_id: TenantId, /, *, limit: int, wish: Wish = ALL, after: tuple[datetime, UUID] | None = None
    ) -> Sequence[Booking]:
        """Return bookings, the earliest first."""
        ...

    async def get(self, tenant_id: TenantId, event_id: UUID, /) -> Booking:
        """Return a booking. Raises EventUnknown."""
        ...

    async def cancel(self, tenant_id: TenantId, event_id: UUID, /) -> Booking:
        """Give up a booking. Raises EventUnknown."""
        ...
