"""The tools of the scheduler team, each over one tenant's tables."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from app.agents.scheduler import rows
from app.agents.scheduler.alternatives import DAYS, alternatives, with_option
from app.agents.scheduler.checks import Rules, conflicts_of
from app.agents.scheduler.records import (
    Booking,
    Conflict,
    Constraint,
    ConstraintKind,
    EventDraft,
    Option,
    Resource,
    ResourceKind,
)
from app.agents.scheduler.zones import load_zones
from app.agents.tools import Reading, Writing
from app.ids import TenantId
from app.postgres import Connection, Database

AROUND = timedelta(days=DAYS + 1)


class BookingOutcome(StrEnum):
    """What a call of `book_event` came to, as it is counted."""

    BOOKED = "booked"
    """An event was booked."""
    CONFLICT_FOUND = "conflict_found"
    """Something spoke against a booking."""
    CONFLICT_RESOLVED = "conflict_resolved"
    """What had spoken against one was settled by another, in the same conversation."""


class ResourcesAsked(msgspec.Struct, frozen=True):
    """Which resources: of one kind, or all."""

    kind: ResourceKind | None = None


class Resources(msgspec.Struct, frozen=True):
    """What can be booked, by name."""

    resources: tuple[Resource, ...]


class BookingAsked(msgspec.Struct, frozen=True):
    """What is to be booked, and when that was asked for; `session_id` is of the conversation."""

    draft: EventDraft
    asked_at: datetime
    session_id: UUID | None = None


class Booked(msgspec.Struct, frozen=True):
    """What was booked, or why it was not; `resolved` conflicts of the conversation are settled by it."""

    booking: Booking | None
    conflicts: tuple[Conflict, ...] = ()
    resolved: int = 0


class Conflicts(msgspec.Struct, frozen=True):
    """What speaks against a booking; nothing was booked."""

    conflicts: tuple[Conflict, ...]


class Options(msgspec.Struct, frozen=True):
    """What could be booked instead."""

    options: tuple[Option, ...]


async def _resources(database: Database, tenant_id: TenantId, asked: ResourcesAsked) -> Resources:
    async with database.connection("scheduler.read") as conn:
        found = await rows.list_resources(conn, tenant_id)
    return Resources(tuple(one for one in found if asked.kind in (None, one.kind)))


async def _rules(conn: Connection, tenant_id: TenantId, draft: EventDraft, around: timedelta = timedelta()) -> Rules:
    rules = await rows.read_rules(conn, tenant_id, draft, around)
    await load_zones({draft.time_zone, *(one.time_zone for one in rules.resources)})
    return rules


async def _book(conn: Connection, tenant_id: TenantId, asked: BookingAsked) -> Booked:
    await rows.lock(conn, tenant_id)
    draft, session_id = asked.draft, asked.session_id
    conflicts = conflicts_of(draft, await _rules(conn, tenant_id, draft), asked.asked_at)
    if conflicts:
        await rows.note_conflicts(conn, tenant_id, session_id, draft, conflicts)
        return Booked(None, conflicts)
    booking = await rows.book(conn, tenant_id, session_id, draft)
    return Booked(booking, resolved=await rows.resolve_conflicts(conn, tenant_id, session_id, booking.id))


async def _conflicts(database: Database, tenant_id: TenantId, asked: BookingAsked) -> Conflicts:
    async with database.connection("scheduler.read") as conn:
        rules = await _rules(conn, tenant_id, asked.draft)
    # Whoever asks whether somebody is free wants to know it, also where they may be at two events at once.
    known = msgspec.structs.replace(rules, constraints=(*rules.constraints, Constraint(kind=ConstraintKind.ATTENDEE)))
    return Conflicts(conflicts_of(asked.draft, known, asked.asked_at))


async def _alternatives(database: Database, tenant_id: TenantId, asked: BookingAsked) -> Options:
    async with database.connection("scheduler.read") as conn:
        rules = await _rules(conn, tenant_id, asked.draft, AROUND)
        found = alternatives(asked.draft, rules, asked.asked_at)
        if len(rules.bookings) < rows.MOST_BOOKINGS:
            return Options(found)
        # More is booked about then than was read: what is proposed is looked up by itself.
        free = [one for one in found if not await _is_taken(conn, tenant_id, asked, one)]
    return Options(tuple(free))


async def _is_taken(conn: Connection, tenant_id: TenantId, asked: BookingAsked, option: Option) -> bool:
    draft = with_option(asked.draft, option)
    return bool(conflicts_of(draft, await _rules(conn, tenant_id, draft), asked.asked_at))


def _outcomes_of(booked: Booked) -> Mapping[str, int]:
    """Return what is counted of it."""
    return {
        BookingOutcome.BOOKED: int(booked.booking is not None),
        BookingOutcome.CONFLICT_FOUND: len(booked.conflicts),
        BookingOutcome.CONFLICT_RESOLVED: booked.resolved,
    }


RESOURCES = Reading(
    name="list_resources",
    description="Which rooms, fields and gear can be booked.",
    arguments=ResourcesAsked,
    result=Resources,
    act=_resources,
)
BOOK = Writing(
    name="book_event",
    description="Books an event, once, unless something speaks against it; says what.",
    arguments=BookingAsked,
    result=Booked,
    act=_book,
    outcomes=tuple(BookingOutcome),
    outcomes_of=_outcomes_of,
)
ALTERNATIVES = Reading(
    name="find_alternatives",
    description="Up to three times and places at which an event could be booked instead.",
    arguments=BookingAsked,
    result=Options,
    act=_alternatives,
)
CONFLICTS = Reading(
    name="find_conflicts",
    description="What speaks against an event, which is not booked.",
    arguments=BookingAsked,
    result=Conflicts,
    act=_conflicts,
)
TOOLS = (RESOURCES, BOOK, ALTERNATIVES, CONFLICTS)
