"""Every move of a run's life, tried in every state, on the row itself."""

import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from app.agents import moves, run_rows, task_rows
from app.agents.life import FINAL_STATES, Move, RunState, after
from app.agents.runs import Runs
from app.agents.values import Claim, Interrupt, Request, RunResult, StartRun
from app.ids import Caller
from app.postgres import Connection, Database, make_pool
from app.telemetry.metrics import Metrics
from tests.integration.platforms import caller_in

pytestmark = pytest.mark.integration

STAND = """
    UPDATE runs SET state = %(state)s, lease_owner = 'replica-1', lease_until = now() - interval '1 second',
                    waits_until = now() - interval '1 second'
    WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s
"""
STANDS = (
    "SELECT state, fence, lease_owner, interrupts::text FROM runs WHERE id = %(run_id)s AND tenant_id = %(tenant_id)s"
)
ENDS = {
    Move.FINISH: RunState.DONE,
    Move.REFUSE: RunState.REFUSED,
    Move.FAIL: RunState.FAILED,
    Move.CANCEL: RunState.CANCELLED,
    Move.GIVE_UP: RunState.DEAD,
}


OPEN = Interrupt("clerk/interrupt:0", Request("clerk", "May it?"), datetime(2026, 3, 1, tzinfo=UTC), "00")


WAITS = frozenset({Move.WAIT, Move.ANSWER, Move.RESUME, Move.WITHDRAW, Move.EXPIRE})


class Undone(Exception):
    """Rolls back what a move did."""


class Bench:
    """One run, put into any state."""

    def __init__(self, database: Database, caller: Caller, claim: Claim) -> None:
        self.database = database
        self.caller = caller
        self.claim = claim

    async def make(self, conn: Connection, move: Move) -> None:
        """Make a move by its statement."""
        claim = self.claim
        if move in ENDS:
            result = RunResult(run_id=claim.run_id, session_id=claim.session_id, state=ENDS[move])
            await run_rows.end(conn, claim, result)
            return
        if move in WAITS:
            await self._wait_or_so(conn, move)
            return
        match move:
            case Move.TAKE_OVER:
                await run_rows.take_over(conn, claim.run_id, owner="worker", lease_s=30.0, teams=None)
            case Move.HAND_OVER:
                await run_rows.hand_over(conn, claim)
            case Move.BEGIN_AGAIN:
                given = run_rows.fence_of(claim) | {"attempt": claim.attempt, "owner": "replica-2", "lease_s": 30.0}
                await run_rows.begin_again(
                    conn, given | {"key_id": None, "on_disconnect": claim.on_disconnect, "request_id": "again"}
                )
            case Move.REQUEUE:
                given = run_rows.fence_of(claim) | {"attempt": claim.attempt, "request_id": "again"}
                await task_rows.requeue(conn, given)
            case _:
                raise AssertionError(move)

    async def _wait_or_so(self, conn: Connection, move: Move) -> None:
        claim = self.claim
        match move:
            case Move.WAIT:
                waiting = RunResult(run_id=claim.run_id, session_id=claim.session_id, state=RunState.WAITING)
                await run_rows.wait(conn, claim, waiting, limit_s=60)
            case Move.ANSWER:
                await run_rows.answer(conn, claim.tenant_id, claim.run_id, [OPEN])
            case Move.RESUME:
                given = run_rows.fence_of(claim) | {"owner": "replica-2", "lease_s": 30.0, "request_id": "answer"}
                await run_rows.resume(conn, given)
            case Move.WITHDRAW | Move.EXPIRE:
                state = RunState.CANCELLED if move is Move.WITHDRAW else RunState.FAILED
                result = RunResult(run_id=claim.run_id, session_id=claim.session_id, state=state)
                await run_rows.end_waiting(conn, claim.tenant_id, result)
            case _:
                raise AssertionError(move)

    async def tried(self, state: RunState, move: Move) -> RunState | None:
        """Return where a move leads that is tried in `state`; None if it changes nothing."""
        ids = run_rows.fence_of(self.claim)
        found: list[tuple[object, ...]] = []
        with contextlib.suppress(Undone):
            async with self.database.transaction("test") as conn:
                await conn.execute(STAND, ids | {"state": state})
                found.append(await self._stands(conn))
                await self.make(conn, move)
                found.append(await self._stands(conn))
                raise Undone
        before, afterwards = found
        return None if before == afterwards else RunState(str(afterwards[0]))

    async def _stands(self, conn: Connection) -> tuple[object, ...]:
        row = await (await conn.execute(STANDS, run_rows.fence_of(self.claim))).fetchone()
        return () if row is None else tuple(row.values())


@pytest.fixture
async def bench(postgres_url: str) -> AsyncGenerator[Bench]:
    pool = make_pool(postgres_url, size=2, wait_s=10)
    await pool.open()
    database = Database(pool, Metrics(CollectorRegistry()))
    caller = await caller_in(database)
    runs = Runs(database, owner="replica-1", lease_s=30.0, session_ttl_s=3600)
    _, claim = await runs.accept(caller, StartRun(question="Which state is it in?", request_id=str(uuid4())))
    assert claim is not None
    yield Bench(database, caller, claim)
    await pool.close()


async def test_every_move_leads_where_the_table_says_and_none_happens_that_it_does_not_have(bench: Bench) -> None:
    for state in RunState:
        for move in set(Move) - {Move.ACCEPT, Move.SUBMIT}:
            assert await bench.tried(state, move) is after(state, move), (state, move)


async def test_an_owner_whose_fence_has_moved_on_makes_no_move(bench: Bench) -> None:
    slept = msgspec.structs.replace(bench.claim, fence=bench.claim.fence - 1, started_at=datetime.now(UTC))
    sleeper = Bench(bench.database, bench.caller, slept)
    for move in (Move.HAND_OVER, Move.WAIT, *ENDS):
        assert await sleeper.tried(RunState.RUNNING, move) is None, move


def test_every_move_has_its_statement() -> None:
    assert set(moves.STATEMENTS) == set(Move)
    assert {ENDS[move] for move in ENDS} == FINAL_STATES
