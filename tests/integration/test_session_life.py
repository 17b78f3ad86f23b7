"""How long a session lives, how many there are, and when it may be removed."""

import asyncio
import runpy
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.agents import run_rows
from app.agents.life import RunState
from app.agents.runs import Runs
from app.agents.sessions import REMEMBER, Sessions
from app.agents.values import Claim, RunResult, StartRun
from app.errors import SessionBusy, SessionUnknown
from app.ids import Caller, KeyId, SessionId, TenantId
from app.postgres import Database, make_pool
from app.schema import SCRIPTS
from app.statement import Part
from app.telemetry.metrics import Metrics
from tests.integration.platforms import caller_in, held_inserts, until_locked

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
SET_EXPIRY = "UPDATE sessions SET expires_at = now() + %s WHERE id = %s"
SET_ACTIVE = """
    UPDATE sessions SET last_activity_at = now() - interval '10 minutes', expires_at = now() + interval '1 minute'
    WHERE id = %s
"""
SELECT_EXPIRY = "SELECT expires_at FROM sessions WHERE id = %s"
OF_A_SESSION: dict[str, LiteralString] = {
    "sessions": "SELECT count(*) AS n FROM sessions",
    "messages": "SELECT count(*) AS n FROM messages",
    "runs": "SELECT count(*) AS n FROM runs",
    "effects": "SELECT count(*) AS n FROM effects",
    "checkpoints": "SELECT count(*) AS n FROM checkpoints",
    "checkpoint_writes": "SELECT count(*) AS n FROM checkpoint_writes",
    "checkpoint_blobs": "SELECT count(*) AS n FROM checkpoint_blobs",
}
ADD_EFFECT = """
    INSERT INTO effects (run_id, tenant_id, step_key, input_sha256, result, fence) VALUES (%s, %s, 'a:0', '', '', 1)
"""
ADD_TO_THREAD = (
    "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES (%s, 'c', '{}')",
    "INSERT INTO checkpoint_blobs (thread_id, channel, version, type) VALUES (%s, 'c', '1', 'empty')",
    "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob) "
    "VALUES (%s, 'c', 't', 0, 'c', '')",
)

USAGE_OF_BEFORE = """
    INSERT INTO usage (id, tenant_id, run_id, kind, agent, node, model, digest, input_tokens, output_tokens, wait_us,
        load_us, prefill_us, decode_us, gpu_us, cost_usd_micro, outcome, started_at, ended_at)
    VALUES (%s, %s, %s, %s, 'a', 'n', 'm', '', 1, 1, 0, 0, 0, 0, 1, 1, 'done', now(), now())
"""
OWNERS = SCRIPTS / "versions" / "0008_pre_usage_owners.py"


@dataclass(frozen=True)
class Bench:
    """A database of the test's own, its sessions, and a caller."""

    database: Database
    sessions: Sessions
    caller: Caller


@pytest.fixture
async def bench(new_database: Callable[[], str]) -> AsyncGenerator[Bench]:
    """An empty database."""
    metrics = Metrics(CollectorRegistry())
    async with make_pool(new_database(), size=4, wait_s=5) as pool:
        database = Database(pool, metrics)
        yield Bench(database, Sessions(database, metrics), await caller_in(database))


async def begin(database: Database, caller: Caller, session_id: SessionId | None = None) -> Claim:
    """Ask one question of a new session or of `session_id`."""
    runs = Runs(database, owner="replica-1", lease_s=30, session_ttl_s=3600)
    _, claim = await runs.accept(caller, StartRun(question="How long?", request_id="r1", session_id=session_id))
    assert claim is not None
    return claim


async def end(database: Database, claim: Claim) -> None:
    """End a run with an answer."""
    result = RunResult(run_id=claim.run_id, session_id=claim.session_id, state=RunState.DONE, message="Two years.")
    memory = {"ttl_s": HOUR.total_seconds(), "tier": None, "node": None, "model": None}
    async with database.connection("test.end") as conn:
        await run_rows.end(conn, claim, result, [Part(REMEMBER, memory)])


async def talk(database: Database, caller: Caller, session_id: SessionId | None = None) -> Claim:
    """Ask one question of a new session or of `session_id`, and end its run."""
    claim = await begin(database, caller, session_id)
    await end(database, claim)
    return claim


async def set_left(database: Database, session_id: SessionId, has: timedelta) -> None:
    """Let a session have so long to live."""
    async with database.connection("test") as conn:
        await conn.execute(SET_EXPIRY, [has, session_id])


async def left(database: Database, session_id: SessionId) -> timedelta:
    """Return how long a session has to live."""
    async with database.connection("test") as conn:
        row = await (await conn.execute(SELECT_EXPIRY, [session_id])).fetchone()
    assert row is not None
    return row["expires_at"] - datetime.now(UTC)


@pytest.mark.requirement("INS-36.refreshed", "INS-36.expires", "INS-67.value", "INS-80.expiry")
async def test_each_use_gives_a_session_another_hour_and_one_that_is_not_used_ends(
    new_database: Callable[[], str],
) -> None:
    metrics = Metrics(CollectorRegistry())
    async with make_pool(new_database(), size=2, wait_s=5) as pool:
        database = Database(pool, metrics)
        sessions, caller = Sessions(database, metrics), Caller(TenantId(uuid4()), KeyId(uuid4()), "one")
        async with database.connection("test") as conn:
            await conn.execute("INSERT INTO tenants (id, name) VALUES (%s, 'one')", [caller.tenant_id])
        claim, other = await begin(database, caller), await begin(database, caller)
        session_id = claim.session_id
        hour = (HOUR - timedelta(minutes=5), HOUR + timedelta(minutes=1))
        await end(database, claim)
        await set_left(database, session_id, timedelta(minutes=1))
        await begin(database, caller, session_id)
        assert hour[0] < await left(database, session_id) <= hour[1]
        await sessions.count()
        assert metrics.registry.get_sample_value("active_sessions") == 2
        await set_left(database, session_id, timedelta(seconds=-1))
        with pytest.raises(SessionUnknown):
            await sessions.get(caller.tenant_id, session_id)
        with pytest.raises(SessionUnknown):
            await begin(database, caller, session_id)
        assert [view.session_id for view in await sessions.list(caller.tenant_id, limit=10)] == [other.session_id]
        await sessions.count()
        assert metrics.registry.get_sample_value("active_sessions") == 1


async def test_the_end_of_a_long_run_gives_its_session_another_hour(bench: Bench) -> None:
    claim = await begin(bench.database, bench.caller)
    async with bench.database.connection("test") as conn:
        await conn.execute(SET_ACTIVE, [claim.session_id])
    await end(bench.database, claim)
    assert HOUR - timedelta(minutes=5) < await left(bench.database, claim.session_id) <= HOUR + timedelta(minutes=1)


async def test_a_session_whose_next_question_is_being_accepted_is_not_removed(bench: Bench) -> None:
    database, caller = bench.database, bench.caller
    session_id = (await talk(database, caller)).session_id
    async with held_inserts(database, "messages"):
        # The question has its session and its row by the time that its message waits for this.
        accepting = asyncio.create_task(begin(database, caller, session_id))
        await until_locked(database)
        removing = asyncio.create_task(bench.sessions.remove(caller.tenant_id, session_id))
        await until_locked(database, 2, unless=removing)
    claim = await accepting
    with pytest.raises(SessionBusy):
        await removing
    session = await bench.sessions.get(caller.tenant_id, claim.session_id)
    assert [message.role for message in session.messages] == ["user", "assistant", "user"]


async def test_a_session_is_kept_for_some_days_after_it_has_expired(bench: Bench) -> None:
    ids = [(await talk(bench.database, bench.caller)).session_id for _ in range(3)]
    running = await begin(bench.database, bench.caller)
    async with bench.database.connection("test") as conn:
        for hours, session_id in zip((30 * 24 - 1, 30 * 24 + 1, 0), ids, strict=True):
            await conn.execute(SET_EXPIRY, [timedelta(hours=-hours), session_id])
        await conn.execute(SET_EXPIRY, [timedelta(days=-31), running.session_id])
    assert await bench.sessions.remove_stale(days=30) == 1
    async with bench.database.connection("test") as conn:
        rows = await (await conn.execute("SELECT id FROM sessions")).fetchall()
    assert {row["id"] for row in rows} == {ids[0], ids[2], running.session_id}


@pytest.mark.requirement("INS-38.sessions", "INS-38.messages", "INS-38.runs", "INS-38.effects", "INS-38.checkpoints")
async def test_a_session_that_expired_long_ago_is_removed_with_all_that_is_its_own(bench: Bench) -> None:
    database, caller = bench.database, bench.caller
    for hours in (30 * 24 + 1, 30 * 24 - 1):
        claim = await talk(database, caller)
        async with database.connection("test") as conn:
            await conn.execute(ADD_EFFECT, [claim.run_id, caller.tenant_id])
            for statement in ADD_TO_THREAD:
                await conn.execute(statement, [f"{caller.tenant_id}:{claim.session_id}"])
        await set_left(database, claim.session_id, timedelta(hours=-hours))

    async def rows() -> dict[str, int]:
        async with database.connection("test") as conn:
            counted = {name: await (await conn.execute(query)).fetchone() for name, query in OF_A_SESSION.items()}
        return {name: row["n"] for name, row in counted.items() if row is not None}

    before = await rows()
    assert before == dict.fromkeys(OF_A_SESSION, 2) | {"messages": 4}
    assert await bench.sessions.remove_stale(days=30) == 1
    assert await rows() == {name: count // 2 for name, count in before.items()}
    assert await bench.sessions.remove_stale(days=30) == 0


async def test_usage_of_before_gets_the_session_of_its_run(bench: Bench) -> None:
    claim = await begin(bench.database, bench.caller)
    async with bench.database.connection("test") as conn:
        for kind, run_id in (("chat", claim.run_id), ("embed", claim.run_id), ("embed", None)):
            await conn.execute(USAGE_OF_BEFORE, [uuid4(), claim.tenant_id, run_id, kind])
        await conn.execute(runpy.run_path(str(OWNERS))["FILL"])
        found = await conn.execute("SELECT kind, session_id, purpose FROM usage ORDER BY kind, session_id")
        assert [tuple(row.values()) for row in await found.fetchall()] == [
            ("chat", claim.session_id, "chat"),
            ("embed", claim.session_id, "search"),
            ("embed", None, "unsaid"),
        ]
