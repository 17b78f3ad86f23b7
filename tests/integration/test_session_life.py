"""How long a session lives, and how many there are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.agents import endings
from app.agents.runs import Runs
from app.agents.sessions import Sessions
from app.agents.values import Claim, RunResult, RunState, StartRun
from app.errors import SessionUnknown
from app.ids import Caller, KeyId, SessionId, TenantId
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
SET_EXPIRY = "UPDATE sessions SET expires_at = now() + %s WHERE id = %s"
SELECT_EXPIRY = "SELECT expires_at FROM sessions WHERE id = %s"


async def talk(database: Database, caller: Caller, session_id: SessionId | None = None) -> Claim:
    """Ask one question of a new session or of `session_id`, and end its run."""
    runs = Runs(database, owner="replica-1", lease_s=30, session_ttl_s=3600)
    _, claim = await runs.accept(caller, StartRun(question="How long?", request_id="r1", session_id=session_id))
    assert claim is not None
    result = RunResult(run_id=claim.run_id, session_id=claim.session_id, state=RunState.DONE, message="Two years.")
    async with database.transaction("test.end") as conn:
        await endings.end(conn, claim, result)
    return claim


async def left(database: Database, session_id: SessionId) -> timedelta:
    """Return how long a session has to live."""
    async with database.connection("test") as conn:
        row = await (await conn.execute(SELECT_EXPIRY, [session_id])).fetchone()
    assert row is not None
    return row["expires_at"] - datetime.now(UTC)


@pytest.mark.requirement("INS-36", "INS-67", "INS-80")
async def test_each_use_gives_a_session_another_hour_and_one_that_is_not_used_ends(
    new_database: Callable[[], str],
) -> None:
    metrics = Metrics(CollectorRegistry())
    async with make_pool(new_database(), size=2, wait_s=5) as pool:
        database = Database(pool, metrics)
        sessions, caller = Sessions(database, metrics), Caller(TenantId(uuid4()), KeyId(uuid4()), "one")
        async with database.connection("test") as conn:
            await conn.execute("INSERT INTO tenants (id, name) VALUES (%s, 'one')", [caller.tenant_id])
        session_id = (await talk(database, caller)).session_id
        async with database.connection("test") as conn:
            await conn.execute(SET_EXPIRY, [timedelta(minutes=1), session_id])
        await talk(database, caller, session_id)
        assert HOUR - timedelta(minutes=5) < await left(database, session_id) <= HOUR + timedelta(minutes=1)
        await sessions.count()
        assert metrics.registry.get_sample_value("active_sessions") == 1
        async with database.connection("test") as conn:
            await conn.execute(SET_EXPIRY, [timedelta(seconds=-1), session_id])
        with pytest.raises(SessionUnknown):
            await sessions.get(caller.tenant_id, session_id)
        await sessions.count()
        assert metrics.registry.get_sample_value("active_sessions") == 0
