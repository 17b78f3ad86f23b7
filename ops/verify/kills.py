"""Ends answering processes many times over, on a stack of its own."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ops.drill.kills import (
    SEEN_CHARACTERS,
    TEMPERATURE,
    Kill,
    Series,
    kill_replica,
    kill_replica_and_worker,
    series,
    stop_replica,
)
from ops.drill.target import Target
from ops.local.models.catalogue import Size
from ops.verify.evidence import Outcome, Page, Verdict, quantile, table, write
from ops.verify.stack import open_stack, upload_handbook

KILL_LIMIT_S = 90.0
RARE = 20
"""One in so many runs of the other two drills."""

INTRODUCTION = f"""\
Runs of a real model at temperature {TEMPERATURE:g} stream through nginx while the process that answers is ended, when
the client has seen a random number of characters (below {SEEN_CHARACTERS}; 0 is before the first). The client comes
back with `Last-Event-ID`. For each run is compared: its text and its `done` event with the stored answer, character by
character; the effects that were finished at the signal with those at the end; that one embedding and one answer were
paid. With a single difference the run counts as failed. The stack need not be whole again when the next signal comes:
a replica and the worker are enough."""

Drill = Callable[[Target, random.Random], Kill | None]


def verify(
    environ: Mapping[str, str], directory: Path, *, kills: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Run the three drills and write kills.md. Raises StackFailed."""
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    rare = max(1, kills // RARE)
    drills: tuple[tuple[str, Drill, int], ...] = (
        ("kill -9 of the answering replica", kill_replica, kills),
        ("kill -9 of the replica, then of the worker in its takeover", kill_replica_and_worker, rare),
        ("SIGTERM to the answering replica, handed over", stop_replica, rare),
    )
    found = list[tuple[str, int, Series]]()
    with open_stack(environ, Size.SMALL) as target:
        upload_handbook(target)
        limit_s = target.lease_s + target.limits.takeover_s
        for name, drill, count in drills:
            say(f"{name}: {count} times")
            found.append(
                (name, count, series(drill, target, rng, kills=count, within_s=KILL_LIMIT_S * count, tell=say))
            )
    page = Page(
        "A process is ended in mid-answer",
        INTRODUCTION,
        f"python -m ops.verify --only kills --kills {kills} --seed {seed}",
        tuple(_sections(found, limit_s)),
    )
    write(directory, "kills", page, seed=seed)
    return _outcome(found)


def _outcome(found: Sequence[tuple[str, int, Series]]) -> Outcome:
    failures = sum(len(done.failures) for _, _, done in found)
    held, wanted = sum(len(done.kills) for _, _, done in found), sum(count for _, count, _ in found)
    verdict = Verdict.HELD if failures == 0 and held == wanted else Verdict.FAILED
    return Outcome(verdict, f"{held} of {wanted} lost nothing, {failures} failures")


def _sections(found: Sequence[tuple[str, int, Series]], limit_s: float) -> list[tuple[str, str]]:
    heads = ("signal", "wanted", "nothing lost or done twice", "failed", "answers that ended before it (asked again)")
    counts = [(name, count, len(done.kills), len(done.failures), done.too_late) for name, count, done in found]
    sections = [
        ("Counts", table(heads, counts)),
        ("Takeover", _takeovers(found, limit_s)),
        ("Moments", _moments(found)),
    ]
    failures = [(name, failure) for name, _, done in found for failure in done.failures]
    if failures:
        sections.append(("Failures", table(("signal", "what was seen"), failures)))
    return sections


def _takeovers(found: Sequence[tuple[str, int, Series]], limit_s: float) -> str:
    heads = ("signal", "median s", "95 % s", "longest s", "most attempts", "restarts of the text")
    rows = list[tuple[object, ...]]()
    for name, _, done in found:
        took = [kill.takeover_s for kill in done.kills if kill.takeover_s is not None]
        if took:
            times = [f"{quantile(took, 0.5):.1f}", f"{quantile(took, 0.95):.1f}", f"{max(took):.1f}"]
            attempts, restarts = max(kill.attempts for kill in done.kills), sum(kill.restarts for kill in done.kills)
            rows.append((name, *times, attempts, restarts))
    note = (
        f"From the signal until another process owned the run. A dead replica's run must be taken over within "
        f"{limit_s:g} s (the lease and 5 s), or the kill counts as failed. Where the worker is killed too, its own new "
        "start is in the time."
    )
    return f"{table(heads, rows)}\n\n{note}"


def _moments(found: Sequence[tuple[str, int, Series]]) -> str:
    heads = (
        "signal",
        "characters seen: least",
        "median",
        "most",
        "answer's length: median",
        "effects finished",
        "whom",
    )
    rows = list[tuple[object, ...]]()
    for name, _, done in found:
        if done.kills:
            seen = [kill.seen_at for kill in done.kills]
            length = quantile([kill.length for kill in done.kills], 0.5)
            effects = sum(kill.effects_kept for kill in done.kills)
            rows.append((name, min(seen), quantile(seen, 0.5), max(seen), length, effects, _whom(done)))
    return table(heads, rows)


def _whom(done: Series) -> str:
    struck = [part for kill in done.kills for part in kill.parts]
    return ", ".join(f"{part} {struck.count(part)}" for part in sorted(set(struck)))
