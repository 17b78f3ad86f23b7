"""A tenant's bookings for whoever looks at them: listed, looked up, cancelled."""

from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from app.agents.scheduler.records import Booking, BookingState
from app.agents.scheduler.refusals import EventUnknown
from app.ids import TenantId
from app.postgres import Database

LIST: LiteralString = """
    SELECT id, title, starts_at, ends_at, time_zone, state, created_at, changed_at, place, resource_id, attendees,
           headcount
    FROM bookings
    WHERE tenant_id = %(tenant_id)s AND state = %(state)s
      AND (%(since)s::timestamptz IS NULL OR ends_at > %(since)s)
      AND (%(until)s::timestamptz IS NULL OR starts_at < %(until)s)
      AND (%(place)s::text IS NULL OR lower(place) = lower(%(place)s))
      AND (%(after_at)s::timestamptz IS NULL OR (starts_at, id) > (%(after_at)s, %(after_id)s::uuid))
    ORDER BY starts_at, id LIMIT %(limit)s
"""
GET: LiteralString = """
    SELECT id, title, starts_at, ends_at, time_zone, state, created_at, changed_at, place, resource_id, attendees,
           headcount
    FROM bookings WHERE tenant_id = %(tenant_id)s AND id = %(id)s
"""
CANCEL: LiteralString = """
    UPDATE bookings SET state = 'cancelled', changed_at = now()
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'booked'
"""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Which bookings are listed: those that touch the time between two instants, in one place."""

    since: datetime | None = None
    until: datetime | None = None
    place: str | None = None
    state: BookingState = BookingState.BOOKED


ALL = Wish()


class Calendar:
    """Reads and cancels bookings. Those of another tenant are none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, tenant_id: TenantId, /, *, limit: int, wish: Wish = ALL, after: tuple[datetime, UUID] | None = None
    ) -> tuple[Booking, ...]:
        """Return bookings, the earliest first, from after a place in that order. Raises StoreUnavailable."""
        given = {
            **msgspec.structs.asdict(wish),
            "state": wish.state.value,
            "limit": limit,
            "after_at": None if after is None else after[0],
            "after_id": None if after is None else after[1],
        }
        return await self._rows(LIST, tenant_id, given)

    async def get(self, tenant_id: TenantId, event_id: UUID, /) -> Booking:
        """Return a booking. Raises EventUnknown, StoreUnavailable."""
        found = await self._rows(GET, tenant_id, {"id": event_id})
        if not found:
            raise EventUnknown("no such event")
        return found[0]

    async def cancel(self, tenant_id: TenantId, event_id: UUID, /) -> Booking:
        """Give up a booking, and return it; one that is cancelled stays as it is. Raises EventUnknown."""
        async with self._database.connection("scheduler.cancel") as conn:
            await conn.execute(CANCEL, {"tenant_id": tenant_id, "id": event_id})
        return await self.get(tenant_id, event_id)

    async def _rows(
        self, statement: LiteralString, tenant_id: TenantId, given: Mapping[str, object]
    ) -> tuple[Booking, ...]:
        async with self._database.connection("scheduler.read") as conn:
            rows = await (await conn.execute(statement, {**given, "tenant_id": tenant_id})).fetchall()
        return tuple(msgspec.convert(row, Booking) for row in rows)
