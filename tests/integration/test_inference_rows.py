"""What inference keeps in PostgreSQL: nodes, routes and usage."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.errors import RouteUnknown
from app.ids import KeyId, RouteId, RunId, SessionId, TenantId
from app.inference.calls import usage_rows
from app.inference.fleet.catalogue import Node
from app.inference.fleet.node_rows import NodeRows
from app.inference.fleet.nodes import NodeState
from app.inference.routing import route_rows
from app.inference.routing.route_rows import RouteRows
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Outcome, Usage
from app.inference.words.route import Candidate, Exclusion, Reason, Route
from app.inference.words.tiers import Tier, TierReason
from app.postgres import Database, make_pool
from app.statement import ALWAYS, execute
from app.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration

NODES = tuple(Node(name=name, url=f"http://{name}", slots=2, models=("m",)) for name in ("a", "b"))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
async def database(new_database: Callable[[], str]) -> AsyncGenerator[Database]:
    """An empty database of the test's own."""
    async with make_pool(new_database(), size=2, wait_s=5.0) as pool:
        yield Database(pool, Metrics(CollectorRegistry()))


async def _rows(database: Database, table: str) -> list[dict[str, object]]:
    async with database.connection("test") as conn:
        return await (await conn.execute(f"SELECT * FROM {table} ORDER BY 1")).fetchall()  # noqa: S608 # pyright: ignore


def _used(**what: object) -> Usage:
    used = Usage(
        id=uuid4(), account=of_a_tenant(), kind=CallKind.CHAT,
        agent="x", route=None, tier=Tier.SIMPLE, node="a", model="m",
        digest="d", input_tokens=3, output_tokens=5, wait_us=1, load_us=2, prefill_us=3, decode_us=4, first_token_us=5,
        gpu_us=6, cost_usd_micro=7, outcome=Outcome.DONE, started_at=NOW, ended_at=NOW + timedelta(seconds=1),
    )  # fmt: skip
    return msgspec.structs.replace(used, **what)


def of_a_tenant() -> Account:
    """Return the account of a tenant that nobody else is."""
    return Account(purpose=Purpose.INGEST, tenant_id=TenantId(uuid4()))


async def test_a_state_is_written_only_when_it_changes(database: Database) -> None:
    rows = NodeRows(database)
    await rows.seed(NODES)
    await rows.note_state("a", NodeState.DOWN)
    before = await _rows(database, "nodes")
    await rows.note_state("a", NodeState.DOWN)
    assert await _rows(database, "nodes") == before
    assert [row["state"] for row in before] == ["down", "warming"]


async def test_a_route_is_read_back_whole_by_its_tenant_only(database: Database) -> None:
    tenant_id = TenantId(uuid4())
    route = Route(
        id=RouteId(uuid4()), tier=Tier.SIMPLE, tier_reason=TierReason.RATED, need=0.25, reason=Reason.AFFINITY,
        model="m", digest="d", node="a",
        candidates=(
            Candidate(node="a", model="m", tier=Tier.SIMPLE, score=1.5, affinity=True, slots=2, taken=1),
            Candidate(node="b", model="m", tier=Tier.SIMPLE, excluded=Exclusion.NODE_DOWN),
        ),
    )  # fmt: skip
    async with database.transaction("test") as conn:
        await execute(conn, [ALWAYS, *route_rows.adding([(tenant_id, None, route), (tenant_id, None, route)])])
    assert await RouteRows(database).get(tenant_id, route.id) == route
    with pytest.raises(RouteUnknown):
        await RouteRows(database).get(TenantId(uuid4()), route.id)


async def test_a_call_has_one_row_however_often_it_is_added(database: Database) -> None:
    account = Account(
        purpose=Purpose.CHAT,
        tenant_id=TenantId(uuid4()),
        key_id=KeyId(uuid4()),
        session_id=SessionId(uuid4()),
        run_id=RunId(uuid4()),
    )
    used = _used(account=account)
    for _ in range(2):
        async with database.transaction("test") as conn:
            await usage_rows.write(conn, [used, _used(id=used.id, account=account, gpu_us=99)])
    stored = await _rows(database, "usage")
    assert [(row["id"], row["gpu_us"], row["outcome"]) for row in stored] == [(used.id, 6, "done")]
    assert {name: stored[0][name] for name in msgspec.structs.asdict(account)} == msgspec.structs.asdict(account)


async def test_a_call_without_a_first_token_has_none_in_its_row(database: Database) -> None:
    silent, spoke = _used(first_token_us=0), _used(first_token_us=5)
    async with database.transaction("test") as conn:
        await usage_rows.write(conn, [silent, spoke])
    stored = {row["id"]: row["first_token_us"] for row in await _rows(database, "usage")}
    assert stored == {silent.id: None, spoke.id: 5}


async def test_a_real_record_replaces_lost_and_never_the_other_way(database: Database) -> None:
    lost = _used(outcome=Outcome.LOST, first_token_us=0)
    done = msgspec.structs.replace(lost, outcome=Outcome.DONE, gpu_us=42)
    seen: list[object] = []
    for one in (lost, done, lost):
        async with database.transaction("test") as conn:
            await usage_rows.write(conn, [one])
        seen += [(row["outcome"], row["gpu_us"]) for row in await _rows(database, "usage")]
    assert seen == [("lost", 6), ("done", 42), ("done", 42)]


async def test_another_tenants_record_of_the_same_id_changes_nothing(database: Database) -> None:
    lost = _used(outcome=Outcome.LOST)
    done = msgspec.structs.replace(lost, account=of_a_tenant(), outcome=Outcome.DONE)
    for one in (lost, done):
        async with database.transaction("test") as conn:
            await usage_rows.write(conn, [one])
    assert [row["outcome"] for row in await _rows(database, "usage")] == ["lost"]
