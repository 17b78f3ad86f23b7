"""Old usage is kept by day, old routes go; nothing is counted twice or lost."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.errors import RouteUnknown
from app.ids import RouteId, TenantId
from app.inference.calls import usage_rows
from app.inference.calls.usage_day_rows import Upkeep
from app.inference.routing.route_rows import RouteRows
from app.inference.words.account import Account, Purpose
from app.inference.words.contract import Contract
from app.inference.words.records import CallKind, Outcome, Usage
from app.inference.words.route import Asking, Candidate, Reason, Route, Withheld
from app.inference.words.tiers import Tier, TierReason
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration

TENANT = TenantId(uuid4())
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
async def database(new_database: Callable[[], str]) -> AsyncGenerator[Database]:
    """An empty database of the test's own."""
    async with make_pool(new_database(), size=2, wait_s=5.0) as pool:
        yield Database(pool, Metrics(CollectorRegistry()))


def route() -> Route:
    """Return a route with all that a call may have asked."""
    return Route(
        id=RouteId(uuid4()), tier=Tier.MEDIUM, tier_reason=TierReason.RATED, need=0.5, reason=Reason.ESCALATED_TIER,
        model="m", digest="d", node="a",
        candidates=(
            Candidate(node="a", model="m", tier=Tier.MEDIUM, score=1.5, premium=200.0, wait_s=0.5, cached_tokens=9),
            Candidate(node="b", model="s", tier=Tier.SIMPLE, withheld=Withheld.BETTER_SOON, load_s=4.0),
        ),
        asking=Asking(floor=Tier.SIMPLE, contract=Contract(no_degrade=True), prompt_tokens=120, output_tokens=40),
    )  # fmt: skip


def used(days_ago: int, *, tenant_id: TenantId | None = TENANT, model: str = "m", of: Route | None = None) -> Usage:
    """Return a call that ended so long ago."""
    at = NOON - timedelta(days=days_ago)
    return Usage(
        id=uuid4(), account=Account(purpose=Purpose.CHAT, tenant_id=tenant_id), kind=CallKind.CHAT, agent="x",
        route=of, tier=None, node="a", model=model, digest="d", input_tokens=3, output_tokens=5, wait_us=1, load_us=2,
        prefill_us=3, decode_us=4, first_token_us=5, gpu_us=6, cost_usd_micro=7, outcome=Outcome.DONE,
        started_at=at - timedelta(seconds=1), ended_at=at,
    )  # fmt: skip


async def add(database: Database, *usages: Usage) -> None:
    """Store usage and routes."""
    async with database.transaction("test") as conn:
        await usage_rows.write(conn, usages)


async def days(database: Database) -> list[tuple[object, ...]]:
    """Return what is kept by day, and how many rows of calls there are yet."""
    async with database.connection("test") as conn:
        kept = await conn.execute(
            "SELECT day, tenant_id, model, calls, input_tokens, output_tokens, gpu_us, cost_usd_micro FROM usage_days "
            "ORDER BY day, tenant_id, model"
        )
        return [tuple(row.values()) for row in await kept.fetchall()]


async def left(database: Database) -> int:
    """Return how many rows of calls there are."""
    async with database.connection("test") as conn:
        row = await (await conn.execute("SELECT count(*) AS calls FROM usage")).fetchone()
    return 0 if row is None else int(row["calls"])


async def test_old_usage_is_added_up_by_day_and_new_stays(database: Database) -> None:
    upkeep = Upkeep(database, usage_days=30, routes_days=30)
    await add(database, used(40), used(40), used(40, model="n"), used(41), used(40, tenant_id=None), used(29))
    await upkeep.prune()
    day, before = (NOON - timedelta(days=40)).date(), (NOON - timedelta(days=41)).date()
    expected = [
        (before, TENANT, "m", 1, 3, 5, 6, 7),
        (day, TENANT, "m", 2, 6, 10, 12, 14),
        (day, TENANT, "n", 1, 3, 5, 6, 7),
        (day, None, "m", 1, 3, 5, 6, 7),
    ]
    assert await days(database) == expected
    assert await left(database) == 1
    # What comes late goes into the same day, also of calls without a tenant; what was added up is not added again.
    await add(database, used(40), used(40, tenant_id=None))
    await upkeep.prune()
    await upkeep.prune()
    expected[1], expected[3] = (day, TENANT, "m", 3, 9, 15, 18, 21), (day, None, "m", 2, 6, 10, 12, 14)
    assert await days(database) == expected
    assert await left(database) == 1


async def test_a_route_can_be_read_whole_until_it_is_old(database: Database) -> None:
    old, new = route(), route()
    await add(database, used(0, of=old), used(0, of=new))
    async with database.transaction("test") as conn:
        await conn.execute("UPDATE routes SET created_at = now() - interval '31 days' WHERE id = %s", (old.id,))
    rows = RouteRows(database)
    assert await rows.get(TENANT, old.id) == old
    await Upkeep(database, usage_days=30, routes_days=30).prune()
    assert await rows.get(TENANT, new.id) == new
    with pytest.raises(RouteUnknown):
        await rows.get(TENANT, old.id)
    assert await left(database) == 2


async def test_a_route_of_an_older_version_asked_nothing_that_is_known(database: Database) -> None:
    stored = route()
    await add(database, used(0, of=stored))
    async with database.transaction("test") as conn:
        await conn.execute("UPDATE routes SET asking = DEFAULT WHERE id = %s", (stored.id,))
    found = await RouteRows(database).get(TENANT, stored.id)
    assert found == msgspec.structs.replace(stored, asking=Asking())
