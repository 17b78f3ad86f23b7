"""The scheduler's tables on PostgreSQL: what the tools book, and what the calendar shows of it."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from app.accounts.tenants import Tenant, Tenants
from app.agents.scheduler import rows, seed
from app.agents.scheduler.alternatives import with_option
from app.agents.scheduler.calendar import Calendar, Wish
from app.agents.scheduler.records import BookingState, ConflictKind, EventDraft
from app.agents.scheduler.refusals import EventUnknown
from app.agents.scheduler.tools import ALTERNATIVES, BOOK, CONFLICTS, RESOURCES, Booked, BookingAsked, ResourcesAsked
from app.cli import build_parser, run
from app.console import Console
from app.errors import BadInput
from app.postgres import Database
from tests.integration.account_fixtures import database as database
from tests.integration.account_fixtures import name as name

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
TWO_PM = datetime(2026, 12, 5, 19, tzinfo=UTC)
"""Saturday in New York."""
HOUR = timedelta(hours=1)
COUNT_CONFLICTS = (
    "SELECT kind, resolved_at IS NOT NULL AS is_resolved, resolved_by FROM conflicts WHERE tenant_id = %s ORDER BY kind"
)
FILL = """
    INSERT INTO bookings (tenant_id, title, starts_at, ends_at, time_zone)
    SELECT %(tenant_id)s, 'filler', %(ends_at)s - interval '1 hour', %(ends_at)s, 'UTC'
    FROM generate_series(1, %(count)s)
"""


@pytest.fixture
async def tenant(database: Database, name: str) -> Tenant:
    """A tenant of the test's own, with the club house."""
    made = await Tenants(database).add(name)
    await seed.seed(database, made.id)
    return made


async def draft(database: Database, tenant: Tenant, **more: object) -> EventDraft:
    """Return an hour of soccer on Field 2."""
    found = (await RESOURCES.act(database, tenant.id, ResourcesAsked())).resources
    field = next(one for one in found if one.name == more.get("place", "Field 2"))
    made = EventDraft(
        title="soccer practice",
        starts_at=TWO_PM,
        ends_at=TWO_PM + HOUR,
        time_zone="America/New_York",
        place=field.name,
        resource_id=field.resource_id,
    )
    return msgspec.structs.replace(made, **more)


async def book(database: Database, tenant: Tenant, made: EventDraft, session_id: object = None) -> Booked:
    """Book as a run does: in a transaction of its own."""
    asked = msgspec.convert(
        msgspec.to_builtins({"draft": made, "asked_at": NOW, "session_id": session_id}), BookingAsked
    )
    async with database.transaction("test") as conn:
        return await BOOK.act(conn, tenant.id, asked)


@pytest.mark.requirement("FAM-07.events", "FAM-07.resources", "FAM-07.constraints")
async def test_what_is_booked_is_a_row_that_the_calendar_shows(database: Database, tenant: Tenant) -> None:
    made = await draft(database, tenant, attendees=("Ana", "Bo"), headcount=3)
    booked = await book(database, tenant, made)
    assert booked.booking is not None
    shown = await Calendar(database).get(tenant.id, booked.booking.id)
    assert shown == booked.booking
    assert (shown.title, shown.starts_at, shown.attendees, shown.headcount) == (
        "soccer practice",
        TWO_PM,
        ("Ana", "Bo"),
        3,
    )


@pytest.mark.requirement("FAM-07.conflicts")
async def test_of_two_that_book_a_place_at_once_one_gets_it_and_the_other_alternatives(
    database: Database, tenant: Tenant
) -> None:
    made = await draft(database, tenant)
    results = await asyncio.gather(*(book(database, tenant, made) for _ in range(4)))
    assert sorted(one.booking is not None for one in results) == [False, False, False, True]
    lost = next(one for one in results if one.booking is None)
    assert [one.kind for one in lost.conflicts] == [ConflictKind.OVERLAP]
    async with database.connection("test") as conn:
        found = await (await conn.execute(COUNT_CONFLICTS, [tenant.id])).fetchall()
    assert [(row["kind"], row["is_resolved"]) for row in found] == [("overlap", False)] * 3
    options = (await ALTERNATIVES.act(database, tenant.id, BookingAsked(made, NOW))).options
    assert [(one.place, (one.starts_at - TWO_PM) / HOUR) for one in options] == [
        ("Court 1", 0.0),
        ("Field 2", 1.0),
        ("Field 2", -1.0),
    ]


async def test_what_is_taken_is_seen_however_much_is_booked_about_then(database: Database, tenant: Tenant) -> None:
    made = await draft(database, tenant, attendees=("Ana",))
    around = [
        msgspec.structs.replace(made, starts_at=TWO_PM + n * HOUR, ends_at=TWO_PM + (n + 1) * HOUR) for n in (0, 1)
    ]
    for one in around:
        assert (await book(database, tenant, one)).booking is not None
    async with database.connection("test") as conn:
        await conn.execute(FILL, {"tenant_id": tenant.id, "count": rows.MOST_BOOKINGS + 100, "ends_at": TWO_PM - HOUR})
    assert {one.kind for one in (await book(database, tenant, made)).conflicts} == {
        ConflictKind.OVERLAP,
        ConflictKind.ATTENDEE,
    }
    asked = BookingAsked(made, NOW)
    assert {one.kind for one in (await CONFLICTS.act(database, tenant.id, asked)).conflicts} == {
        ConflictKind.OVERLAP,
        ConflictKind.ATTENDEE,
    }
    for option in (await ALTERNATIVES.act(database, tenant.id, asked)).options:
        assert (await book(database, tenant, with_option(made, option))).booking is not None


async def test_whether_somebody_is_free_is_found_where_no_rule_keeps_attendees_apart(
    database: Database, tenant: Tenant
) -> None:
    made = await draft(database, tenant, attendees=("Ana",))
    await book(database, tenant, made)
    async with database.connection("test") as conn:
        await conn.execute("DELETE FROM constraints WHERE tenant_id = %s", (tenant.id,))
    elsewhere = msgspec.structs.replace(made, place="", resource_id=None)
    found = (await CONFLICTS.act(database, tenant.id, BookingAsked(elsewhere, NOW))).conflicts
    assert [one.kind for one in found] == [ConflictKind.ATTENDEE]
    assert (await book(database, tenant, elsewhere)).booking is not None


async def test_a_conflict_is_resolved_by_what_its_conversation_books(database: Database, tenant: Tenant) -> None:
    made, session, other = await draft(database, tenant), uuid4(), uuid4()
    await book(database, tenant, made)
    for one in (session, other):
        assert (await book(database, tenant, made, one)).booking is None
    later = msgspec.structs.replace(made, starts_at=TWO_PM + HOUR, ends_at=TWO_PM + 2 * HOUR)
    booked = await book(database, tenant, later, session)
    assert booked.resolved == 1
    async with database.connection("test") as conn:
        found = await (await conn.execute(COUNT_CONFLICTS, [tenant.id])).fetchall()
    assert sorted(row["is_resolved"] for row in found) == [False, True]


async def test_a_booking_stands_only_if_its_transaction_does(database: Database, tenant: Tenant) -> None:
    made = await draft(database, tenant)

    async def break_off() -> None:
        async with database.transaction("test") as conn:
            assert (await BOOK.act(conn, tenant.id, BookingAsked(made, NOW))).booking is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert (await book(database, tenant, made)).booking is not None


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE resources SET closes_minute = 840 WHERE tenant_id = %s AND name = 'Field 2'", ConflictKind.CLOSED),
        ("UPDATE resources SET open_days = '{0}' WHERE tenant_id = %s AND name = 'Field 2'", ConflictKind.CLOSED),
        ("UPDATE constraints SET minutes = 30 WHERE tenant_id = %s AND kind = 'length'", ConflictKind.LENGTH),
        ("UPDATE constraints SET minutes = 99999 WHERE tenant_id = %s AND kind = 'notice'", ConflictKind.NOTICE),
        (
            "UPDATE constraints SET starts_at = '2026-12-05', ends_at = '2026-12-06' WHERE tenant_id = %s "
            "AND kind = 'blackout'",
            ConflictKind.BLACKOUT,
        ),
    ],
)
async def test_another_row_makes_another_answer(
    database: Database, tenant: Tenant, statement: str, kind: ConflictKind
) -> None:
    async with database.connection("test") as conn:
        await conn.execute(statement.encode(), [tenant.id])
    booked = await book(database, tenant, await draft(database, tenant))
    assert [one.kind for one in booked.conflicts] == [kind]


async def test_who_is_at_one_event_is_not_booked_for_another(database: Database, tenant: Tenant) -> None:
    assert (await book(database, tenant, await draft(database, tenant, attendees=("Ana",)))).booking is not None
    elsewhere = await draft(database, tenant, place="Gym", attendees=("ana", "Zoe"))
    booked = await book(database, tenant, elsewhere)
    assert [(one.kind, one.text) for one in booked.conflicts] == [
        (ConflictKind.ATTENDEE, "Ana is at soccer practice from 14:00 to 15:00")
    ]


async def test_a_cancelled_event_frees_its_place_and_is_shown_as_cancelled(database: Database, tenant: Tenant) -> None:
    calendar, made = Calendar(database), await draft(database, tenant)
    booked = await book(database, tenant, made)
    assert booked.booking is not None
    cancelled = await calendar.cancel(tenant.id, booked.booking.id)
    assert cancelled.state is BookingState.CANCELLED
    assert await calendar.cancel(tenant.id, booked.booking.id) == cancelled
    assert (await book(database, tenant, made)).booking is not None
    wish = Wish(state=BookingState.CANCELLED)
    assert await calendar.list(tenant.id, limit=10, wish=wish) == (cancelled,)


async def test_events_are_listed_by_time_and_place_page_by_page(database: Database, tenant: Tenant) -> None:
    calendar = Calendar(database)
    every = await calendar.list(tenant.id, limit=10)
    assert [one.title for one in every] == ["Choir", "Soccer match", "Chess club"]
    after = (every[0].starts_at, every[0].id)
    assert await calendar.list(tenant.id, limit=10, after=after) == every[1:]
    assert await calendar.list(tenant.id, limit=10, wish=Wish(place="blue room")) == every[2:]
    ends, begins = every[0].ends_at, every[2].starts_at
    assert await calendar.list(tenant.id, limit=10, wish=Wish(since=ends, until=begins)) == every[1:2]


async def test_a_row_of_another_tenant_is_none(database: Database, tenant: Tenant, name: str) -> None:
    stranger = await Tenants(database).add(f"{name}-2")
    calendar = Calendar(database)
    (event, *_) = await calendar.list(tenant.id, limit=10)
    assert await calendar.list(stranger.id, limit=10) == ()
    for look in (calendar.get, calendar.cancel):
        with pytest.raises(EventUnknown):
            await look(stranger.id, event.id)
    assert (await calendar.get(tenant.id, event.id)).state is BookingState.BOOKED
    assert (await RESOURCES.act(database, stranger.id, ResourcesAsked())).resources == ()
    made = await draft(database, tenant)
    await book(database, tenant, made)
    assert (await book(database, stranger, made)).booking is not None
    async with database.connection("test") as conn:
        held = await rows.read_rules(conn, stranger.id, made, HOUR)
    assert (held.constraints, [one.title for one in held.bookings]) == ((), ["soccer practice"])


async def test_seeding_again_changes_nothing_even_what_was_changed_since(database: Database, tenant: Tenant) -> None:
    async with database.connection("test") as conn:
        await conn.execute("DELETE FROM resources WHERE tenant_id = %s AND name = 'Van'", (tenant.id,))
    assert await seed.seed(database, tenant.id) == seed.Seeded(11, 4, 3, written=False)


async def test_a_tenant_with_rows_of_its_own_is_not_seeded(database: Database, name: str) -> None:
    tenant = await Tenants(database).add(name)
    async with database.connection("test") as conn:
        await conn.execute("INSERT INTO resources (tenant_id, name, kind) VALUES (%s, 'Own', 'room')", (tenant.id,))
    with pytest.raises(BadInput, match="1 resources and 0 bookings that no seed wrote"):
        await seed.seed(database, tenant.id)
    assert [one.name for one in (await RESOURCES.act(database, tenant.id, ResourcesAsked())).resources] == ["Own"]


def test_one_command_fills_the_tables_of_a_tenant(postgres_url: str, name: str) -> None:
    def command(*arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        environ = {"SWITCHYARD_DATABASE_URL": postgres_url}
        return run(build_parser().parse_args(arguments), environ, Console(out), Console(io.StringIO())), out.getvalue()

    command("tenants", "add", name)
    status, said = command("seed", "scheduler", name)
    assert (status, said.strip()) == (
        0,
        f"12 resources, 4 constraints and 3 bookings are written for {name}",
    )
    assert "are there already, unchanged" in command("seed", "scheduler", name)[1]
    assert command("seed", "scheduler", f"{name}-none")[0] == 1
