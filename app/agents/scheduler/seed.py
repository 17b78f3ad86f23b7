"""A club house that does not exist: the same resources, constraints and bookings for every tenant."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString

import msgspec

from app.agents.scheduler import rows
from app.agents.scheduler.records import Constraint, ConstraintKind, EventDraft, Resource, ResourceKind
from app.errors import BadInput, StatementWrong
from app.ids import TenantId
from app.postgres import Connection, Database

EDITION = 1
"""Counts up when other rows are written."""
ZONE = "America/New_York"

# The row comes first: whoever seeds the same tenant meanwhile waits for it, and then finds it.
BEGIN_SEED: LiteralString = """
    INSERT INTO scheduler_seeds (tenant_id, edition) VALUES (%(tenant_id)s, %(edition)s)
    ON CONFLICT (tenant_id) DO NOTHING
"""
COUNT: LiteralString = """
    SELECT (SELECT count(*) FROM resources WHERE tenant_id = %(tenant_id)s) AS resources,
           (SELECT count(*) FROM constraints WHERE tenant_id = %(tenant_id)s) AS constraints,
           (SELECT count(*) FROM bookings WHERE tenant_id = %(tenant_id)s) AS bookings
"""
ADD_RESOURCE: LiteralString = """
    INSERT INTO resources (tenant_id, name, kind, capacity, time_zone, opens_minute, closes_minute, open_days,
                           is_shared)
    VALUES (%(tenant_id)s, %(name)s, %(kind)s, %(capacity)s, %(time_zone)s, %(opens_minute)s, %(closes_minute)s,
            %(open_days)s, %(is_shared)s)
"""
ADD_CONSTRAINT: LiteralString = """
    INSERT INTO constraints (tenant_id, kind, minutes, starts_at, ends_at, note)
    VALUES (%(tenant_id)s, %(kind)s, %(minutes)s, %(starts_at)s, %(ends_at)s, %(note)s)
"""


class Seeded(msgspec.Struct, frozen=True):
    """How many rows the tenant has; `written` is false when they were there."""

    resources: int
    constraints: int
    bookings: int
    written: bool


class Place(msgspec.Struct, frozen=True):
    """A resource without its id; it opens and closes on the hour."""

    name: str
    kind: ResourceKind
    capacity: int | None
    opens: int = 8
    closes: int = 22
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    is_shared: bool = False


WORKDAYS = (0, 1, 2, 3, 4)
PLACES = (
    Place("Field 1", ResourceKind.FIELD, 60),
    Place("Field 2", ResourceKind.FIELD, 40),
    Place("Court 1", ResourceKind.FIELD, 12, opens=7),
    Place("Gym", ResourceKind.ROOM, 80, opens=7),
    Place("Main Hall", ResourceKind.ROOM, 200),
    Place("Library", ResourceKind.ROOM, 30, closes=20, is_shared=True),
    Place("Blue Room", ResourceKind.ROOM, 10, closes=20),
    Place("Room A", ResourceKind.ROOM, 6, closes=20, days=WORKDAYS),
    Place("Room B", ResourceKind.ROOM, 12, closes=20, days=WORKDAYS),
    Place("Room C", ResourceKind.ROOM, 20, closes=20, days=WORKDAYS),
    Place("Projector", ResourceKind.GEAR, None, opens=0, closes=24),
    Place("Van", ResourceKind.GEAR, 9, opens=0, closes=24),
)
CONSTRAINTS = (
    Constraint(kind=ConstraintKind.NOTICE, minutes=15),
    Constraint(kind=ConstraintKind.LENGTH, minutes=8 * 60),
    Constraint(kind=ConstraintKind.ATTENDEE),
    Constraint(
        kind=ConstraintKind.BLACKOUT,
        starts_at=datetime(2026, 12, 25, 5, tzinfo=UTC),
        ends_at=datetime(2026, 12, 26, 5, tzinfo=UTC),
        note="closed on December 25",
    ),
)
BOOKED = (
    ("Choir", "Main Hall", datetime(2026, 12, 2, 23, tzinfo=UTC), 120, ("Ada", "Omar")),
    ("Soccer match", "Field 1", datetime(2026, 12, 5, 18, tzinfo=UTC), 120, ()),
    ("Chess club", "Blue Room", datetime(2026, 12, 5, 19, tzinfo=UTC), 90, ("Mei", "Hugo")),
)


async def seed(database: Database, tenant_id: TenantId) -> Seeded:
    """Write the rows for a tenant, all or none; what was seeded before stays as it is.

    Raises BadInput when the tenant has rows that no seed wrote: nothing is added to those; StoreUnavailable.
    """
    async with database.transaction("scheduler.seed") as conn:
        begun = await conn.execute(BEGIN_SEED, {"tenant_id": tenant_id, "edition": EDITION})
        there = await _count(conn, tenant_id, written=bool(begun.rowcount))
        if not begun.rowcount:
            return there
        if there.resources or there.constraints or there.bookings:
            raise BadInput(
                f"the tenant has {there.resources} resources and {there.bookings} bookings that no seed wrote; "
                "nothing is written beside them: seed another tenant"
            )
        await _write(conn, tenant_id)
        return await _count(conn, tenant_id, written=True)


async def _write(conn: Connection, tenant_id: TenantId) -> None:
    for place in PLACES:
        given = {
            "tenant_id": tenant_id,
            "name": place.name,
            "kind": place.kind.value,
            "capacity": place.capacity,
            "time_zone": ZONE,
            "opens_minute": place.opens * 60,
            "closes_minute": place.closes * 60,
            "open_days": list(place.days),
            "is_shared": place.is_shared,
        }
        await conn.execute(ADD_RESOURCE, given)
    for one in CONSTRAINTS:
        await conn.execute(ADD_CONSTRAINT, {**msgspec.structs.asdict(one), "tenant_id": tenant_id})
    by_name = {one.name: one for one in await rows.list_resources(conn, tenant_id)}
    for title, place, starts_at, minutes, attendees in BOOKED:
        await rows.book(conn, tenant_id, None, _draft(by_name[place], title, starts_at, minutes, attendees))


def _draft(resource: Resource, title: str, starts_at: datetime, minutes: int, attendees: tuple[str, ...]) -> EventDraft:
    return EventDraft(
        title=title,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        time_zone=ZONE,
        place=resource.name,
        resource_id=resource.resource_id,
        attendees=attendees,
    )


async def _count(conn: Connection, tenant_id: TenantId, *, written: bool) -> Seeded:
    row = await (await conn.execute(COUNT, {"tenant_id": tenant_id})).fetchone()
    if row is None:
        raise StatementWrong("rows were counted and no count came")
    return Seeded(row["resources"], row["constraints"], row["bookings"], written)
