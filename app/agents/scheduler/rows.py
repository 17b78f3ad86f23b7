"""Statements on the scheduler's tables, each for one tenant."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import LiteralString, TypeVar
from uuid import UUID

import msgspec

from app.agents.scheduler.checks import Rules
from app.agents.scheduler.records import Booking, Conflict, Constraint, EventDraft, Resource
from app.errors import StatementWrong
from app.ids import TenantId
from app.postgres import Connection

T = TypeVar("T")

MOST_RESOURCES = 500
MOST_BOOKINGS = 2_000
"""As many are looked through for alternatives; those at the time of a draft are all looked at."""

LIST_RESOURCES: LiteralString = """
    SELECT resource_id, name, kind, capacity, time_zone, opens_minute, closes_minute, open_days, is_shared
    FROM resources WHERE tenant_id = %(tenant_id)s ORDER BY name LIMIT %(limit)s
"""
LIST_CONSTRAINTS: LiteralString = """
    SELECT kind, resource_id, minutes, starts_at, ends_at, note
    FROM constraints WHERE tenant_id = %(tenant_id)s ORDER BY kind, constraint_id LIMIT %(limit)s
"""
LIST_BOOKED: LiteralString = """
    SELECT id, title, starts_at, ends_at, time_zone, state, created_at, changed_at, place, resource_id, attendees,
           headcount
    FROM bookings
    WHERE tenant_id = %(tenant_id)s AND state = 'booked' AND starts_at < %(until)s AND ends_at > %(since)s
    ORDER BY starts_at, id LIMIT %(limit)s
"""
# All that can be in the way of a draft: its resource's bookings, and those with attendees if it has any.
LIST_IN_THE_WAY: LiteralString = """
    SELECT id, title, starts_at, ends_at, time_zone, state, created_at, changed_at, place, resource_id, attendees,
           headcount
    FROM bookings
    WHERE tenant_id = %(tenant_id)s AND state = 'booked' AND starts_at < %(until)s AND ends_at > %(since)s
      AND (resource_id = %(resource_id)s::uuid OR (%(has_attendees)s AND attendees <> '{}'))
    ORDER BY starts_at, id
"""
# Of two that book for one tenant at once, the second looks when the first is done.
LOCK: LiteralString = """
    SELECT pg_advisory_xact_lock(hashtextextended('bookings/' || %(tenant_id)s::text, 0))
"""
BOOK: LiteralString = """
    INSERT INTO bookings (tenant_id, session_id, resource_id, title, place, attendees, headcount, starts_at, ends_at,
                          time_zone)
    VALUES (%(tenant_id)s, %(session_id)s, %(resource_id)s, %(title)s, %(place)s, %(attendees)s, %(headcount)s,
            %(starts_at)s, %(ends_at)s, %(time_zone)s)
    RETURNING id, title, starts_at, ends_at, time_zone, state, created_at, changed_at, place, resource_id, attendees,
              headcount
"""
NOTE_CONFLICT: LiteralString = """
    INSERT INTO conflicts (tenant_id, session_id, kind, title, starts_at, ends_at, resource_id, with_booking_id)
    VALUES (%(tenant_id)s, %(session_id)s, %(kind)s, %(title)s, %(starts_at)s, %(ends_at)s, %(resource_id)s,
            %(with_booking_id)s)
"""
RESOLVE: LiteralString = """
    UPDATE conflicts SET resolved_at = now(), resolved_by = %(booking_id)s
    WHERE tenant_id = %(tenant_id)s AND session_id = %(session_id)s AND resolved_at IS NULL
"""


async def list_resources(conn: Connection, tenant_id: TenantId) -> tuple[Resource, ...]:
    """Return what can be booked, by name."""
    return await _rows(conn, LIST_RESOURCES, {"tenant_id": tenant_id, "limit": MOST_RESOURCES}, Resource)


async def read_rules(conn: Connection, tenant_id: TenantId, draft: EventDraft, around: timedelta) -> Rules:
    """Return what a draft is held against: all bookings in its way, or MOST_BOOKINGS so long before and after."""
    given = {"tenant_id": tenant_id, "since": draft.starts_at - around, "until": draft.ends_at + around}
    return Rules(
        await list_resources(conn, tenant_id),
        await _rows(conn, LIST_CONSTRAINTS, {"tenant_id": tenant_id, "limit": MOST_RESOURCES}, Constraint),
        await (_in_the_way(conn, draft, given) if not around else _booked(conn, given)),
    )


async def _booked(conn: Connection, given: Mapping[str, object]) -> tuple[Booking, ...]:
    return await _rows(conn, LIST_BOOKED, {**given, "limit": MOST_BOOKINGS}, Booking)


async def _in_the_way(conn: Connection, draft: EventDraft, given: Mapping[str, object]) -> tuple[Booking, ...]:
    wanted = {"resource_id": draft.resource_id, "has_attendees": bool(draft.attendees)}
    return await _rows(conn, LIST_IN_THE_WAY, {**given, **wanted}, Booking)


async def lock(conn: Connection, tenant_id: TenantId) -> None:
    """Hold the tenant's lock for bookings until the transaction ends."""
    await conn.execute(LOCK, {"tenant_id": tenant_id})


async def book(conn: Connection, tenant_id: TenantId, session_id: UUID | None, draft: EventDraft) -> Booking:
    """Write a booking, in the caller's transaction; whoever calls has the lock, and has looked."""
    given = {**msgspec.structs.asdict(draft), "tenant_id": tenant_id, "session_id": session_id}
    made = await _rows(conn, BOOK, {**given, "attendees": list(draft.attendees)}, Booking)
    if not made:
        raise StatementWrong("a booking was written and not returned")
    return made[0]


async def note_conflicts(
    conn: Connection, tenant_id: TenantId, session_id: UUID | None, draft: EventDraft, conflicts: Iterable[Conflict]
) -> None:
    """Write down why a draft could not be booked."""
    for one in conflicts:
        given = {
            "tenant_id": tenant_id,
            "session_id": session_id,
            "kind": one.kind.value,
            "title": draft.title,
            "starts_at": draft.starts_at,
            "ends_at": draft.ends_at,
            "resource_id": draft.resource_id,
            "with_booking_id": one.with_booking_id,
        }
        await conn.execute(NOTE_CONFLICT, given)


async def resolve_conflicts(conn: Connection, tenant_id: TenantId, session_id: UUID | None, booking_id: UUID) -> int:
    """Say that the conflicts that a conversation met are resolved by a booking; return how many."""
    given = {"tenant_id": tenant_id, "session_id": session_id, "booking_id": booking_id}
    return (await conn.execute(RESOLVE, given)).rowcount


async def _rows(
    conn: Connection, statement: LiteralString, given: Mapping[str, object], kind: type[T]
) -> tuple[T, ...]:
    rows: Sequence[Mapping[str, object]] = await (await conn.execute(statement, given)).fetchall()
    return tuple(msgspec.convert(row, kind) for row in rows)
