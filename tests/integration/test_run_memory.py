"""What a run leaves for its next owner, for its readers and for the session's next question."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from app.agents import run_rows, teams
from app.agents.checkpoints import RunSaver, thread_of
from app.agents.effects import Done, Effects
from app.agents.event_log import Entry, EventLog, Opening, Text, Told
from app.agents.life import RunState
from app.agents.runs import Runs
from app.agents.team import make_serializer
from app.agents.values import Claim, RunResult, StartRun
from app.errors import LeaseLost
from app.ids import SessionId
from app.postgres import Database, make_pool
from app.redis import open_redis
from app.telemetry.metrics import Metrics
from tests.fakes.node import FakeNode
from tests.integration.platforms import (
    Servers,
    add_caller,
    answered,
    ask,
    caller_in,
    held_inserts,
    opened,
    settings_for,
    until_locked,
)

pytestmark = pytest.mark.integration
SERIALIZER = make_serializer()

STORED = "SELECT step_key, fence FROM effects WHERE run_id = %s"


@pytest.fixture
async def database(postgres_url: str) -> AsyncGenerator[Database]:
    """PostgreSQL, without a platform around it."""
    pool = make_pool(postgres_url, size=5, wait_s=10)
    await pool.open()
    yield Database(pool, Metrics(CollectorRegistry()))
    await pool.close()


def owned_by(owner: str, database: Database, *, lease_s: float = 30.0) -> Runs:
    return Runs(database, owner=owner, lease_s=lease_s, session_ttl_s=3600)


async def expired_claim(database: Database) -> Claim:
    """Return the claim of an owner whose lease has run out and who does not know it."""
    runs = owned_by("replica-1", database, lease_s=0.0)
    _, claim = await runs.accept(await caller_in(database), ask())
    assert claim is not None
    return claim


async def say(text: str) -> Done[str]:
    return Done(text)


async def stored_effects(database: Database, claim: Claim) -> list[tuple[str, int]]:
    async with database.connection("test") as conn:
        found = await conn.execute(STORED, [claim.run_id])
        return [(row["step_key"], row["fence"]) async for row in found]


async def test_a_takeover_waits_for_the_commit_of_an_effect(database: Database) -> None:
    claim = await expired_claim(database)
    worker = owned_by("worker-1", database)
    async with held_inserts(database, "effects"):
        # The effect has looked at its fence by the time that its row waits for this.
        committing = asyncio.create_task(Effects(database, claim).once("step", 1, lambda: say("first"), str))
        await until_locked(database)
        assert await worker.claim_expired(claim.run_id) is None
    assert await committing == "first"
    taken = await worker.claim_expired(claim.run_id)
    assert taken is not None
    later = Effects(database, taken)
    await later.load()
    assert await later.once("step", 1, lambda: say("second"), str) == "first"


async def test_an_effect_of_an_owner_that_was_overtaken_is_not_stored(database: Database) -> None:
    claim = await expired_claim(database)
    effects = Effects(database, claim)
    await effects.once("before", 1, lambda: say("kept"), str)
    assert await owned_by("worker-1", database).claim_expired(claim.run_id) is not None
    with pytest.raises(LeaseLost):
        await effects.once("after", 1, lambda: say("lost"), str)
    assert await stored_effects(database, claim) == [("before:0", 1)]


@pytest.mark.parametrize(("state", "kept"), [(RunState.REFUSED, []), (RunState.FAILED, [("step:0", 1)])])
async def test_a_refused_run_leaves_no_effect_and_one_that_failed_its_own(
    database: Database, state: RunState, kept: list[tuple[str, int]]
) -> None:
    claim = await expired_claim(database)
    await Effects(database, claim).once("step", 1, lambda: say("done"), str)
    result = RunResult(run_id=claim.run_id, session_id=claim.session_id, state=state, error_code="node_failed")
    async with database.transaction("test") as conn:
        await run_rows.end(conn, claim, result)
    assert await stored_effects(database, claim) == kept


def to_relay(question: str, session_id: SessionId | None = None) -> StartRun:
    return msgspec.structs.replace(ask(question, session_id=session_id), team="relay")


async def test_the_checkpoint_that_a_run_begins_from_is_the_newest_of_its_session(
    servers: Servers, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "__path__", [*teams.__path__, str(Path(__file__).parent.parent / "teams")])
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        session_id = (await answered(platform, caller, to_relay("The first?"))).session_id
        second = await answered(platform, caller, to_relay("The second?", session_id))
        _, claim = await platform.runs.accept(caller, to_relay("The third?", session_id))
        assert claim is not None
        saver = RunSaver(platform.database, claim, serializer=SERIALIZER)
        found = await saver.aget_tuple({"configurable": {"thread_id": thread_of(caller.tenant_id, session_id)}})
        assert found is not None
        state = found.checkpoint["channel_values"]
        assert (state["question"], state["reply"].text) == ("The second?", second.message)


async def test_the_log_of_a_run_is_kept_for_its_time_after_the_last_entry(redis_url: str, database: Database) -> None:
    claim = await expired_claim(database)
    store = open_redis(redis_url, name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=5.0)
    log = EventLog(store, ttl_s=3600)
    first: list[Entry] = [Opening(1000, 0), Text(1000, 0, "Hello")]
    async with Redis.from_url(redis_url) as redis:
        await log.append(claim.run_id, first)
        (key,) = await redis.keys()
        assert 3590 < await redis.ttl(key) <= 3600
        await redis.expire(key, 5)
        await log.append(claim.run_id, [Text(1000, 5, " world")])
        assert 3590 < await redis.ttl(key) <= 3600
    assert await log.told(claim.run_id) == Told("Hello world", 1000)
    await store.close()
