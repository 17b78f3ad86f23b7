"""Kills and freezes whoever reads documents in, at every boundary and at drawn moments."""

import asyncio
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.migrations import migrate
from ops.drill.application import stores_of
from ops.drill.ingestion.drill import AT_ONCE, LEASE_S, Signal, open_drill
from ops.drill.ingestion.series import SEEDS, Done, boundaries, moments, run
from ops.local.stack import Stack
from ops.verify.evidence import Outcome, Page, Verdict, quantile, table, write

WORKERS = 2

INTRODUCTION = f"""\
A replica and {WORKERS} workers over real PostgreSQL and Valkey, the local stack's vector store and a node double; a
worker that is silent for {LEASE_S:g} s loses its jobs (`SWITCHYARD_JOB_LEASE_S`). Each case uploads a PDF, a text, a
table and a Markdown file, drawn anew, and strikes a worker that has one of their jobs: it is ended by kill -9 and
started again, or frozen by SIGSTOP and woken by SIGCONT when the other one has ended its jobs. **Boundaries** are the
rows that an ingestion writes, just before the row is written and in the middle of its commit (triggers in the database
hold it there): the claim of the job, each step, the first batch of points, the document's states, the end. **Moments**
are drawn by the seed over the time of an undisturbed ingestion.

Then each document must be indexed exactly once: one version, `ready`; one job, `done`, with no errand left; the chunks
that its file gives when it is parsed again, under their derived ids; one point a chunk in the vector store, no other of
that tenant, each with the vector that the node gives for that very text; its original kept once; every chunk sent to
the embedder; a search that finds its fact in it and nowhere else. A usage row stands for each call, but for at most
{AT_ONCE} of the struck worker's (ADR 42). A woken worker notices that its jobs are another's, and no row is written
again."""


def verify(
    environ: Mapping[str, str], directory: Path, *, count: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Strike ingestions at every boundary and at `count` moments; write ingestion.md. Raises LocalProblem."""
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    with tempfile.TemporaryDirectory(prefix="switchyard-ingestion-", ignore_cleanup_errors=True) as folder:
        with Stack.open(Path(folder) / "stores") as stack:
            asyncio.run(migrate(stack.layout.database_url))
            with open_drill(Path(folder) / "crew", environ, stores_of(stack.layout), workers=WORKERS) as drill:
                undisturbed_s = drill.undisturbed(rng.randrange(SEEDS))
                drawn = run(drill, moments(rng, count, undisturbed_s), say)
                met = run(drill, boundaries(rng), say)
                errors = drill.errors()
    done = [*met, *drawn]
    failed = [(str(one.case), one.failure) for one in done if one.failure]
    failed += [("no error is logged", error) for error in errors]
    sections = [("Boundaries", _table(met)), ("Moments", _table(drawn)), ("Times", _times(done, undisturbed_s))]
    if failed:
        sections.append(("Failures", table(("what was done", "what was seen"), failed)))
    command = f"python -m ops.verify --only ingestion --ingestions {count} --seed {seed}"
    page = Page("An ingestion is struck anywhere", INTRODUCTION, command, tuple(sections))
    write(directory, "ingestion", page, seed=seed)
    held = sum(1 for one in done if one.struck is not None)
    line = f"{held} of {len(done)} struck ingestions ended indexed exactly once; {len(failed)} failures"
    return Outcome(Verdict.FAILED if failed else Verdict.HELD, line)


def _table(done: Sequence[Done]) -> str:
    heads = ("signal", "wanted", "indexed exactly once", "failed", "most attempts", "chunks", "embedded again")
    return table(heads, [(signal, *_numbers([one for one in done if one.case.signal is signal])) for signal in Signal])


def _numbers(done: Sequence[Done]) -> tuple[int, ...]:
    struck = [one.struck for one in done if one.struck is not None]
    most = max((one.attempts for one in struck), default=0)
    chunks, again = sum(one.chunks for one in struck), sum(one.again for one in struck)
    return len(done), len(struck), len(done) - len(struck), most, chunks, again


def _times(done: Sequence[Done], undisturbed_s: float) -> str:
    rows = list[tuple[object, ...]]()
    for signal in Signal:
        took = [one.struck.took_s for one in done if one.struck is not None and one.case.signal is signal]
        if took:
            times = [f"{quantile(took, at):.1f}" for at in (0.5, 0.95)]
            rows.append((signal, len(took), *times, f"{max(took):.1f}"))
    note = f"From the first upload until every job had ended; undisturbed it took {undisturbed_s:.1f} s."
    return f"{table(('signal', 'ingestions', 'median s', '95 % s', 'longest s'), rows)}\n\n{note}"
