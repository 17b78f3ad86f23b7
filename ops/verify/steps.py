"""Kills and freezes whoever works on a run of several steps, at every boundary and at drawn moments."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from app.migrations import migrate
from ops.drill.application import stores_of
from ops.drill.steps import life, tasks
from ops.drill.steps.crew import LEASE_S
from ops.drill.steps.drill import Drill, Signal, open_drill
from ops.drill.steps.life import Lived
from ops.drill.steps.restless import EVERY_S, ROUNDS, TOLD, Batch, disturb, errors
from ops.drill.steps.series import Done, boundaries, moments, records_of, run
from ops.drill.target import DrillFailed
from ops.local.parts import postgres
from ops.local.stack import Stack
from ops.verify.evidence import Outcome, Page, Verdict, quantile, table, write

LANES = 3
REPLICAS, WORKERS = 3, 2
BATCHES = 12
VALKEYS = ("valkey-cache", "valkey-coordination")

INTRODUCTION = f"""\
Three replicas and two workers of each of {LANES} installations run every team over real PostgreSQL, Valkey and a node
double, some runs as tasks that a worker begins; leases are {LEASE_S:g} s. Each run is struck once or twice: whoever
works on it is ended by kill -9, or frozen by SIGSTOP and woken by SIGCONT when another process has the run or when the
run has ended.
**Boundaries**: every row that the run stores (its acceptance, each effect, its wait, the person's answer, its end),
just before the row is written and in the middle of its commit; and every call to a model before its first token, the
last one also in mid-answer. Triggers in the database and the node hold the run there, so that each boundary is met for
certain. **Moments** are drawn by the seed over the time of an undisturbed run. The client goes on at another replica
with `Last-Event-ID`, or stays with the frozen one.

Each run is compared with an undisturbed one: its state, message, agent, citations, degradations; its effects by step
key and input, each once; the calls that brought them, each with its usage row; the rows that its tools wrote. Its
client's text is the stored one; the client was told what the log tells, in that order, and no event twice. A woken
process works on nothing any more, and no process logged an error.

**Restless**: all of these runs are asked for at once, {BATCHES} times, while PostgreSQL is ended by kill -9 after every
{EVERY_S[0]:g} to {EVERY_S[1]:g} s and with it a drawn process, {ROUNDS} times; then they are compared in the same
way."""


def verify(
    environ: Mapping[str, str], directory: Path, *, count: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Strike runs at every boundary and at `count` moments, then try the life of runs; write steps.md."""
    migrating = Lock()
    with ThreadPoolExecutor(LANES) as pool:
        act = partial(_lane, environ, migrating, count=count, seed=seed, say=say)
        lanes = [pool.submit(act, lane) for lane in range(LANES)]
        done = [one.result() for one in lanes]
    met, drawn = [one for lane in done for one in lane.met], [one for lane in done for one in lane.drawn]
    lived, errors = [one for lane in done for one in lane.lived], [one for lane in done for one in lane.errors]
    for error in errors:
        say(error)
    batches = _restless(environ, seed=seed, say=say)
    failed = [(str(one.case), one.failure) for one in (*met, *drawn) if one.failure]
    failed += [("restless", wrong) for batch in batches for wrong in batch.wrong]
    failed += [(one.promise, one.failure) for one in lived if one.failure]
    failed += [("no error is logged", error) for error in errors]
    command = f"python -m ops.verify --only steps --moments {count} --seed {seed}"
    page = Page(
        "A run is struck at every step", INTRODUCTION, command, tuple(_sections(met, drawn, batches, lived, failed))
    )
    write(directory, "steps", page, seed=seed)
    held = sum(1 for one in (*met, *drawn) if not one.failure)
    line = f"{held} of {len(met) + len(drawn)} struck runs showed nothing; {len(failed)} failures"
    return Outcome(Verdict.FAILED if failed else Verdict.HELD, line)


@dataclass(frozen=True, slots=True)
class Lane:
    """What one installation has shown; most of a struck run's time is waiting, so that several share a machine."""

    met: list[Done]
    drawn: list[Done]
    lived: list[Lived]
    errors: list[str]


def _lane(
    environ: Mapping[str, str], migrating: Lock, lane: int, *, count: int, seed: int, say: Callable[[str], None]
) -> Lane:
    """Do every LANES-th case; the last lane tries the life of runs too. Its programs end with this thread."""
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    with _opened(environ, migrating) as (drill, stores):
        records, durations = records_of(drill)
        met = run(drill, records, boundaries(records, rng)[lane::LANES], say)
        drawn = run(drill, records, moments(durations, rng, count)[lane::LANES], say)
        lived = _live(drill, stores, say) if lane == LANES - 1 else []
        return Lane(met, drawn, lived, drill.crew.errors())


@contextmanager
def _opened(
    environ: Mapping[str, str], migrating: Lock, told: Mapping[str, str] = MappingProxyType({})
) -> Generator[tuple[Drill, Stack]]:
    with tempfile.TemporaryDirectory(prefix="switchyard-steps-", ignore_cleanup_errors=True) as folder:
        with Stack.open(Path(folder) / "stores") as stack:
            with migrating:
                # Alembic keeps what it works on in its module (alembic/util/langhelpers.py, ModuleClsProxy).
                asyncio.run(migrate(stack.layout.database_url))
            stores = stores_of(stack.layout)
            with open_drill(
                Path(folder) / "crew", environ, stores, replicas=REPLICAS, workers=WORKERS, told=told
            ) as drill:
                yield drill, stack


def _live(drill: Drill, stores: Stack, say: Callable[[str], None]) -> list[Lived]:
    lived = list[Lived]()
    acts: dict[str, Callable[[Drill], Lived]] = {
        "drain": life.drains,
        "two at once": life.two_at_once,
        "five deaths": life.dies,
        "cold start": partial(life.starts_cold, restart_stores=partial(_restart, stores)),
        "accepted tasks": partial(tasks.survive, restart_stores=partial(_restart, stores)),
    }
    for name, act in acts.items():
        try:
            lived.append(act(drill))
        except DrillFailed as failure:
            lived.append(Lived(name, "", str(failure)))
        say(f"{lived[-1].promise}: {lived[-1].seen or lived[-1].failure}")
    return lived


def _restart(stores: Stack) -> None:
    """End PostgreSQL as a power cut does, and both Valkeys, whose files are lost."""
    for name in (postgres.NAME, *VALKEYS):
        stores.kill(name)
    for name in VALKEYS:
        shutil.rmtree(stores.layout.directory / name)
    for name in (postgres.NAME, *VALKEYS):
        stores.restart(name)


def _sections(
    met: Sequence[Done],
    drawn: Sequence[Done],
    batches: Sequence[Batch],
    lived: Sequence[Lived],
    failed: Sequence[tuple[str, str]],
) -> list[tuple[str, str]]:
    sections = [
        ("Boundaries", _counts(met)),
        ("Moments", _counts(drawn)),
        ("Restless", _batches(batches)),
        ("Times", _times((*met, *drawn))),
        ("The life of a run", table(("promise", "what was seen"), [(one.promise, one.seen) for one in lived])),
    ]
    if failed:
        sections.append(("Failures", table(("what was done", "what was seen"), failed)))
    return sections


def _restless(environ: Mapping[str, str], *, seed: int, say: Callable[[str], None]) -> list[Batch]:
    """Disturb all scenarios at once, several times, over stores of their own."""
    done, rng = list[Batch](), random.Random(seed)  # noqa: S311 - samples, not secrets
    with _opened(environ, Lock(), told=TOLD) as (drill, stores):
        records, _ = records_of(drill)
        for number in range(1, BATCHES + 1):
            done.append(disturb(drill, records, partial(_restart_database, stores), rng))
            say(f"restless {number} of {BATCHES}: {done[-1]}")
        done += [Batch(0, (), 0, 0.0, (error,)) for error in errors(drill)]
    return done


def _restart_database(stores: Stack) -> None:
    stores.kill(postgres.NAME)
    stores.restart(postgres.NAME)


def _batches(batches: Sequence[Batch]) -> str:
    heads = ("runs at once", "PostgreSQL ended", "processes killed", "most attempts", "s", "what differed")
    rows = [
        (one.runs, len(one.killed), ", ".join(one.killed), one.attempts, f"{one.took_s:.1f}", len(one.wrong))
        for one in batches
        if one.runs
    ]
    return table(heads, rows)


def _counts(done: Sequence[Done]) -> str:
    heads = (
        "run",
        "first signal",
        "wanted",
        "struck and showed nothing",
        "failed",
        "struck twice",
        "most attempts",
        "text restarted",
        "ended before the blow (asked again)",
    )
    kinds = list(dict.fromkeys((one.case.scenario.name, one.case.blows[0].signal) for one in done))
    rows = [(*kind, *_numbers([one for one in done if _kind(one) == kind])) for kind in kinds]
    return table(heads, [*rows, ("all", "", *_numbers(done))])


def _kind(done: Done) -> tuple[str, Signal]:
    return done.case.scenario.name, done.case.blows[0].signal


def _numbers(done: Sequence[Done]) -> tuple[int, ...]:
    struck = [one.struck for one in done if one.struck is not None]
    twice = sum(1 for one in struck if len(one.whom) > 1)
    restarts = sum(1 for one in struck if one.restarts)
    most = max((one.attempts for one in struck), default=0)
    too_late = sum(one.too_late for one in done)
    return len(done), len(struck), len(done) - len(struck), twice, most, restarts, too_late


def _times(done: Sequence[Done]) -> str:
    rows = list[tuple[object, ...]]()
    for signal in Signal:
        took = [one.struck.took_s for one in done if one.struck is not None and one.case.blows[0].signal is signal]
        if took:
            times = [f"{quantile(took, at):.1f}" for at in (0.5, 0.95)]
            rows.append((signal, len(took), *times, f"{max(took):.1f}"))
    note = "From the question until its client had the end and whoever was struck and woke had given up."
    return f"{table(('first signal', 'runs', 'median s', '95 % s', 'longest s'), rows)}\n\n{note}"
