"""Events without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from app.agents.scheduler.calendar import ALL, Wish
from app.agents.scheduler.records import Booking, BookingState
from app.agents.scheduler.refusals import EventUnknown
from app.ids import TenantId

FIRST = datetime(2026, 11, 7, 19, tzinfo=UTC)


class FakeCalendar:
    """Keeps what tests add."""

    def __init__(self) -> None:
        self.rows: list[tuple[TenantId, Booking]] = []
        self.wishes: list[Wish] = []

    def add(self, tenant_id: TenantId, title: str, **more: object) -> Booking:
        """Add a booking, each a day after the one before."""
        starts_at = FIRST + timedelta(days=len(self.rows))
        made = Booking(
            id=uuid4(),
            title=title,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=1),
            time_zone="America/New_York",
            state=BookingState.BOOKED,
            created_at=FIRST - timedelta(days=3),
            changed_at=FIRST - timedelta(days=3),
        )
        made = msgspec.structs.replace(made, **more)
        self.rows.append((tenant_id, made))
        return made

    async def list(
        self, tenant_id: TenantId, /, *, limit: int, wish: Wish = ALL, after: tuple[datetime, UUID] | None = None
    ) -> Sequence[Booking]:
        """Return bookings."""
        self.wishes.append(wish)
        mine = sorted(
            (one for owner, one in self.rows if owner == tenant_id and one.state is wish.state),
            key=lambda one: (one.starts_at, one.id),
        )
        return [one for one in mine if after is None or (one.starts_at, one.id) > after][:limit]

    async def get(self, tenant_id: TenantId, event_id: UUID, /) -> Booking:
        """Return a booking."""
        for owner, one in self.rows:
            if (owner, one.id) == (tenant_id, event_id):
                return one
        raise EventUnknown("no such event")

    async def cancel(self, tenant_id: TenantId, event_id: UUID, /) -> Booking:
        """Cancel a booking."""
        found = await self.get(tenant_id, event_id)
        changed = msgspec.structs.replace(found, state=BookingState.CANCELLED)
        self.rows = [(owner, changed if one is found else one) for owner, one in self.rows]
        return changed
