"""What it costs to make a run of two effects durable: ours beside LangGraph's own saver, on one PostgreSQL.

A child of the measurement, so that its CPU time is told apart: `python -m ops.bench.durable`, with a `Task` as JSON in
the variable SWITCHYARD_BENCH_TASK; it writes a list of `DurablePoint` as JSON.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, LiteralString
from uuid import uuid4

import msgspec
import uvloop
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.agents import run_rows
from app.agents.checkpoints import RunSaver
from app.agents.effects import Effects
from app.agents.life import RunState
from app.agents.runs import Runs
from app.agents.serializing import StrictSerializer
from app.agents.sessions import REMEMBER
from app.agents.values import Claim, RunResult, StartRun
from app.ids import Caller
from app.postgres import Database, make_pool
from app.statement import Part
from app.telemetry.metrics import Metrics
from ops.bench import cpu
from ops.bench.graph import QUESTION, Graph, Work, build

TASK = "SWITCHYARD_BENCH_TASK"
CONCURRENCY = 16
POOL_SIZE = 10
"""Of both sides; it is what a replica has."""

GRAPH, OURS, ACCEPTED = "graph alone", "ours", "ours, with acceptance"
STOCK = {"exit": "stock, exit", "async": "stock, async", "sync": "stock, sync"}

WRITTEN: LiteralString = """
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS transactions
"""
SYNCS: LiteralString = "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commits"

Run = Callable[[], Awaitable[None]]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: `runs` runs a round, on two databases of one server whose process is `postgres`."""

    ours_url: str
    stock_url: str
    postgres: int
    rounds: int
    runs: int
    seed: int


class DurablePoint(msgspec.Struct, frozen=True, kw_only=True):
    """One way for one round; all but `per_s` is per run. `transactions` are those that wrote."""

    way: str
    round: int
    per_s: float
    client_ms: float
    postgres_ms: float
    wal_bytes: float
    transactions: float


class NotDurable(Exception):
    """PostgreSQL does not sync its log, so nothing here would be durable."""


class Ways:
    """Every way to run the same graph."""

    def __init__(self, database: Database, caller: Caller, stock: AsyncPostgresSaver) -> None:
        self._database = database
        self._caller = caller
        self._stock = stock
        self._graph: Graph = build().compile()
        self._stock_graph: Graph = build().compile(checkpointer=stock)
        self._runs = Runs(database, owner="bench", lease_s=3600.0, session_ttl_s=3600)
        self._serializer = StrictSerializer()

    async def accept(self) -> Claim:
        """Store a run and its question, as the first thing that a request does."""
        _, claim = await self._runs.accept(self._caller, StartRun(question=QUESTION, request_id=str(uuid4())))
        if claim is None:
            raise AssertionError("a run without an idempotency key is never a replay")
        return claim

    async def plain(self) -> None:
        """Run the graph and keep nothing."""
        await self._graph.ainvoke({"question": QUESTION}, context=Work(None))

    async def ours(self, claim: Claim) -> None:
        """Run it as `app.agents` does: the first effect commits alone, all else with the end of the run."""
        effects = Effects(self._database, claim)
        saver = RunSaver(self._database, claim, serializer=self._serializer)
        given: Any = {"question": QUESTION}
        state = await self._graph.ainvoke(given, saver.place, context=Work(effects), durability="exit")
        await self._end(claim, effects, saver, str(state["answer"]))

    async def _end(self, claim: Claim, effects: Effects, saver: RunSaver, answer: str) -> None:
        """Write what `Execution` writes at the end of a run, less the rows of model calls: there were none."""
        result = RunResult(
            run_id=claim.run_id, session_id=claim.session_id, state=RunState.DONE, message=answer, agent_used="bench"
        )
        memory = {"ttl_s": 3600, "tier": None, "node": None, "model": None}
        beside = [Part(REMEMBER, memory), *effects.last(is_over=True), *saver.kept()]
        async with self._database.connection("bench.end") as conn:
            if not await run_rows.end(conn, claim, result, beside):
                raise AssertionError("nobody else owns this run")

    async def stock(self, mode: str) -> None:
        """Run it with LangGraph's saver, one object on one pool, as its documentation shows."""
        place: Any = {"configurable": {"thread_id": str(uuid4())}}
        durability: Any = mode
        await self._stock_graph.ainvoke({"question": QUESTION}, place, context=Work(None), durability=durability)

    async def prepared(self, way: str, runs: int) -> Run:
        """Return the function that makes one run, with what must be there before it is measured."""
        if way == GRAPH:
            return self.plain
        if way == OURS:
            claims = [await self.accept() for _ in range(runs)]
            return lambda: self.ours(claims.pop())
        if way == ACCEPTED:
            return self._accepted
        mode = next(mode for mode, name in STOCK.items() if name == way)
        return lambda: self.stock(mode)

    async def _accepted(self) -> None:
        await self.ours(await self.accept())


class Gauges:
    """Reads what the server and this process have used."""

    def __init__(self, conn: AsyncConnection[DictRow], postgres: int) -> None:
        self._conn = conn
        self._postgres = postgres

    async def read(self) -> tuple[float, float, float, int, int]:
        """Return wall, client CPU and server CPU seconds, WAL bytes, and write transactions so far."""
        row = await (await self._conn.execute(WRITTEN)).fetchone()
        wal, transactions = (0, 0) if row is None else (int(row["wal"]), int(row["transactions"]))
        return time.perf_counter(), time.process_time(), cpu.tree_s(self._postgres), wal, transactions

    async def check(self) -> None:
        """Raise NotDurable unless every commit waits for the disk."""
        row = await (await self._conn.execute(SYNCS)).fetchone()
        if row != {"fsync": "on", "commits": "on"}:
            raise NotDurable("PostgreSQL runs without fsync or synchronous_commit")


async def measure(task: Task) -> list[DurablePoint]:
    """Return every way's points, in a new order each round."""
    source = random.Random(task.seed)  # noqa: S311 - an order, not a secret
    points: list[DurablePoint] = []
    async with AsyncExitStack() as stack:
        ways, gauges = await _open(task, stack)
        await gauges.check()
        names = [GRAPH, OURS, ACCEPTED, *STOCK.values()]
        for name in names:
            await _repeat(await ways.prepared(name, CONCURRENCY), CONCURRENCY)
        for number in range(task.rounds):
            for name in source.sample(names, len(names)):
                run = await ways.prepared(name, task.runs)
                before = await gauges.read()
                await _repeat(run, task.runs)
                points.append(_point(name, number, task.runs, before, await gauges.read()))
    return points


async def _open(task: Task, stack: AsyncExitStack) -> tuple[Ways, Gauges]:
    pool = make_pool(task.ours_url, size=POOL_SIZE, wait_s=30.0)
    await pool.open()
    stack.push_async_callback(pool.close)
    database = Database(pool, Metrics(CollectorRegistry()))
    tenant = await Tenants(database).add("durable")
    key = await Keys(database).add(tenant.id, "bench")
    caller = Caller(tenant_id=tenant.id, key_id=key.id, tenant=tenant.name)
    # As in the documentation of langgraph-checkpoint-postgres.
    kwargs: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    stock_pool = AsyncConnectionPool(
        task.stock_url, connection_class=AsyncConnection[DictRow], kwargs=kwargs, max_size=POOL_SIZE, open=False
    )
    await stock_pool.open()
    stack.push_async_callback(stock_pool.close)
    saver = AsyncPostgresSaver(stock_pool)
    await saver.setup()
    watcher = await AsyncConnection[DictRow].connect(task.ours_url, autocommit=True, row_factory=dict_row)
    stack.push_async_callback(watcher.close)
    return Ways(database, caller, saver), Gauges(watcher, task.postgres)


async def _repeat(run: Run, runs: int) -> None:
    """Make `runs` runs, CONCURRENCY at a time."""
    left = iter(range(runs))

    async def one_after_another() -> None:
        for _ in left:
            await run()

    async with asyncio.timeout(120.0), asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(one_after_another())


def _point(
    way: str,
    number: int,
    runs: int,
    before: tuple[float, float, float, int, int],
    after: tuple[float, float, float, int, int],
) -> DurablePoint:
    wall, client, server, wal, transactions = (b - a for a, b in zip(before, after, strict=True))
    return DurablePoint(
        way=way,
        round=number,
        per_s=runs / wall,
        client_ms=client * 1000 / runs,
        postgres_ms=server * 1000 / runs,
        wal_bytes=wal / runs,
        transactions=transactions / runs,
    )


def main() -> int:
    """Measure what the variable asks for."""
    task = msgspec.json.decode(os.environ[TASK], type=Task)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        points = runner.run(measure(task))
    sys.stdout.buffer.write(msgspec.json.encode(points))
    return 0


if __name__ == "__main__":
    sys.exit(main())
