"""What a run asks of PostgreSQL: one statement to be accepted, one for each effect, one to end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.agents import run_rows
from app.agents.effects import Done, Effects
from app.agents.life import RunState
from app.agents.runs import Runs
from app.agents.sessions import REMEMBER, Sessions
from app.agents.values import Claim, RunResult, StartRun
from app.errors import LeaseLost, SessionUnknown
from app.ids import Caller, RunId, SessionId
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind, Outcome, Usage
from app.postgres import Database, make_pool
from app.statement import Part, execute
from app.telemetry.metrics import Metrics
from tests.integration.platforms import caller_in, until_locked

pytestmark = pytest.mark.integration

MEMORY = {"ttl_s": 3600, "tier": "complex", "node": "a", "model": "m"}
SEEN = "SELECT tier, node, last_activity_at FROM sessions WHERE id = %s"
LEFT = """
    SELECT (SELECT count(*) FROM messages WHERE run_id = %(run_id)s) AS messages,
           (SELECT count(*) FROM effects WHERE run_id = %(run_id)s) AS effects,
           (SELECT count(*) FROM usage WHERE run_id = %(run_id)s) AS calls,
           (SELECT count(*) FROM runs WHERE id = %(run_id)s AND state = 'running' AND fence = 2) AS taken
"""
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Bench:
    """The rows of one replica over a pool of one connection, whose statements are counted."""

    def __init__(self, database: Database, caller: Caller) -> None:
        self.database = database
        self.caller = caller
        self.runs = Runs(database, owner="replica-1", lease_s=0.0, session_ttl_s=3600)

    async def left(self, claim: Claim) -> object:
        """Return how many rows there are of a run, and whether it is another's."""
        async with self.database.connection("test") as conn:
            return await (await conn.execute(LEFT, {"run_id": claim.run_id})).fetchone()

    async def accepted(self, session_id: SessionId | None = None) -> Claim:
        ask = StartRun(question="How long is the warranty?", request_id=str(uuid4()), session_id=session_id)
        _, claim = await self.runs.accept(self.caller, ask)
        assert claim is not None
        return claim

    async def end(self, claim: Claim, *beside: Part) -> bool:
        result = RunResult(
            run_id=claim.run_id, session_id=claim.session_id, state=RunState.DONE, message="Two years.", agent_used="a"
        )
        async with self.database.connection("test") as conn:
            return await run_rows.end(conn, claim, result, [Part(REMEMBER, MEMORY), *beside])

    async def seen(self, claim: Claim) -> object:
        async with self.database.connection("test") as conn:
            return await (await conn.execute(SEEN, [claim.session_id])).fetchone()


@pytest.fixture
async def bench(postgres_url: str) -> AsyncGenerator[Bench]:
    pool = make_pool(postgres_url, size=1, wait_s=10)
    await pool.open()
    database = Database(pool, Metrics(CollectorRegistry()))
    yield Bench(database, await caller_in(database))
    await pool.close()


@asynccontextmanager
async def taken_meanwhile(
    url: str, run_id: RunId, writing: Awaitable[object]
) -> AsyncGenerator[asyncio.Future[object]]:
    """Have `writing` wait for the row of its run until a takeover has committed; lend what becomes of it."""
    async with make_pool(url, size=2, wait_s=10) as pool:
        other = Database(pool, Metrics(CollectorRegistry()))
        async with other.transaction("test") as conn:
            assert await run_rows.take_over(conn, run_id, owner="worker-1", lease_s=30.0, teams=None) is not None
            waiting = asyncio.ensure_future(writing)
            await until_locked(other)
        yield waiting


async def found() -> Done[str]:
    return Done("thirty days")


async def test_a_run_of_two_effects_takes_three_statements(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.database.connection("test") as conn:
        kind, asked = type(conn), list[object]()
    execute_one = kind.execute

    async def counted(self: object, query: object, *given: object, **more: object) -> object:
        asked.append(query)
        return await execute_one(self, query, *given, **more)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]

    monkeypatch.setattr(kind, "execute", counted)
    claim = await bench.accepted()
    effects = Effects(bench.database, claim)
    await effects.once("find/search", 1, found, str)
    await effects.keep(await effects.begin("respond/answer", 1, str), Done("found"), last=True)
    assert await bench.end(claim, *effects.last())
    assert len(asked) == 3
    await bench.accepted(claim.session_id)
    assert len(asked) == 4


async def test_an_end_under_an_old_fence_changes_nothing_at_all(bench: Bench) -> None:
    claim = await bench.accepted()
    before = await bench.seen(claim)
    async with bench.database.connection("test") as conn:
        await conn.execute("UPDATE runs SET fence = fence + 1 WHERE id = %s", [claim.run_id])
    assert not await bench.end(claim)
    assert await bench.seen(claim) == before
    messages = (
        await Sessions(bench.database, Metrics(CollectorRegistry())).get(claim.tenant_id, claim.session_id)
    ).messages
    assert [message.role for message in messages] == ["user"]


async def test_an_end_that_waits_for_a_takeover_changes_nothing_at_all(bench: Bench, postgres_url: str) -> None:
    claim = await bench.accepted()
    before = await bench.seen(claim)
    effects = Effects(bench.database, claim)
    await effects.keep(await effects.begin("respond/answer", 1, str), Done("found"), last=True)
    async with taken_meanwhile(postgres_url, claim.run_id, bench.end(claim, *effects.last())) as ended:
        assert not await ended
    assert await bench.seen(claim) == before
    assert await bench.left(claim) == {"messages": 1, "effects": 0, "calls": 0, "taken": 1}


async def test_an_effect_that_waits_for_a_takeover_is_not_stored_nor_its_call(bench: Bench, postgres_url: str) -> None:
    claim = await bench.accepted()
    call = Usage(
        id=uuid4(), account=Account(purpose=Purpose.CHAT, tenant_id=claim.tenant_id, run_id=claim.run_id),
        kind=CallKind.CHAT, agent="a", route=None, tier=None, node="a", model="m", digest="d", input_tokens=3,
        output_tokens=1, wait_us=0, load_us=0, prefill_us=9, decode_us=0, first_token_us=1, gpu_us=9, cost_usd_micro=2,
        outcome=Outcome.DONE, started_at=NOW, ended_at=NOW,
    )  # fmt: skip

    async def brought() -> Done[str]:
        return Done("thirty days", (call,))

    storing = Effects(bench.database, claim).once("find/search", 1, brought, str)
    async with taken_meanwhile(postgres_url, claim.run_id, storing) as stored:
        with pytest.raises(LeaseLost):
            await stored
    assert await bench.left(claim) == {"messages": 1, "effects": 0, "calls": 0, "taken": 1}


async def test_a_question_to_no_session_leaves_no_run(bench: Bench) -> None:
    with pytest.raises(SessionUnknown):
        await bench.accepted(SessionId(uuid4()))
    async with bench.database.connection("test") as conn:
        kept = await conn.execute("SELECT 1 FROM runs WHERE tenant_id = %s", [bench.caller.tenant_id])
        assert await kept.fetchone() is None


async def test_two_parts_cannot_give_one_parameter_two_values(bench: Bench) -> None:
    parts = [Part("one AS (SELECT %(x)s::int)", {"x": 1}), Part("two AS (SELECT %(x)s::int)", {"x": 2})]
    async with bench.database.connection("test") as conn:
        with pytest.raises(AssertionError, match="two values"):
            await execute(conn, parts, "SELECT 1")
