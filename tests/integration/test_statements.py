"""What a run asks of PostgreSQL: one statement to be accepted, one for each effect, one to end."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.agents import run_rows
from app.agents.effects import Done, Effects
from app.agents.life import RunState
from app.agents.runs import Runs
from app.agents.sessions import REMEMBER, Sessions
from app.agents.values import Claim, RunResult, StartRun
from app.errors import SessionUnknown
from app.ids import Caller, SessionId
from app.postgres import Database, make_pool
from app.statement import Part, execute
from app.telemetry.metrics import Metrics
from tests.integration.platforms import caller_in

pytestmark = pytest.mark.integration

MEMORY = {"ttl_s": 3600, "tier": "complex", "node": "a", "model": "m"}
SEEN = "SELECT tier, node, last_activity_at FROM sessions WHERE id = %s"


class Bench:
    """The rows of one replica over a pool of one connection, whose statements are counted."""

    def __init__(self, database: Database, caller: Caller) -> None:
        self.database = database
        self.caller = caller
        self.runs = Runs(database, owner="replica-1", lease_s=30.0, session_ttl_s=3600)

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
    await effects.once("respond/answer", 1, found, str, last=True)
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
