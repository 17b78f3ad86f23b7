"""The verdict as people and programs read it."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from ops.load.histograms import Histogram
from ops.load.percentiles import Statistic
from ops.load.plan import Asked
from ops.load.samples import LocustEntry, Seen
from ops.load.targets import Measure, Target
from ops.load.verdict import (
    Ended,
    Figures,
    Judged,
    Quality,
    Rate,
    Standing,
    endings,
    figures,
    models,
    overall,
    quality,
    rates,
)

MEANINGS = {
    Standing.MET: "every target is met",
    Standing.BREACHED: "a target is breached",
    Standing.NOT_MEASURED: "a target could not be measured",
}
OPEN = "arrivals at random times, {rate:g} a minute, whatever the answers do; at most {users} visitors at once"
CLOSED = "{users} people who take turns; they ask less while they wait, so a stall shows less: see RATE="
NOTE = (
    "Times count from when a request was meant to be sent. Cut-off answers count with the time until then, refusals "
    "and visitors without a place as errors; an answer without its citation is none. The targets hold for GPU hardware."
)


class Machine(msgspec.Struct, frozen=True):
    """Where the generator ran; the local stack runs there too."""

    system: str
    architecture: str
    cores: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole verdict; times are in seconds."""

    verdict: Standing
    ended_at: datetime
    url: str
    users: int
    per_minute: float | None
    minutes: float
    seed: int
    machine: Machine
    wall_s: float
    targets: tuple[Judged, ...]
    figures: tuple[Figures, ...]
    slot_wait: Figures | None
    rates: tuple[Rate, ...]
    quality: Quality
    endings: tuple[Ended, ...]
    models: Mapping[str, Mapping[str, int]]
    locust: tuple[LocustEntry, ...]
    latest_start_s: float
    is_generator_short: bool
    notes: tuple[str, ...]


def build(
    asked: Asked, url: str, seen: Seen, judged: Sequence[Judged], slot_wait: Histogram | None, notes: Sequence[str]
) -> Report:
    """Put a run's verdict together."""
    return Report(
        verdict=overall(judged),
        ended_at=datetime.now(UTC),
        url=url,
        users=asked.users,
        per_minute=asked.per_minute,
        minutes=asked.minutes,
        seed=asked.seed,
        machine=Machine(platform.platform(terse=True), platform.machine(), os.cpu_count() or 1),
        wall_s=seen.wall_s,
        targets=tuple(judged),
        figures=tuple(figures(seen.samples)),
        slot_wait=None if slot_wait is None else _of_histogram(slot_wait),
        rates=tuple(rates(seen.samples, seen.wall_s)),
        quality=quality(seen.samples),
        endings=tuple(endings(seen.samples)),
        models=models(seen.samples),
        locust=seen.locust,
        latest_start_s=seen.latest_start_s,
        is_generator_short=seen.is_generator_short,
        notes=(*notes, *_notes(seen)),
    )


def _of_histogram(found: Histogram) -> Figures | None:
    statistics = (Statistic.P50, Statistic.P95, Statistic.P99, Statistic.MAX)
    taken = [value for value in map(found.take, statistics) if value is not None]
    return Figures("slot wait (replicas)", "all", found.count, *taken) if taken else None


def _notes(seen: Seen) -> Iterable[str]:
    if seen.is_generator_short:
        yield "The generator ran short of CPU: the times include its own delay."
    if seen.latest_start_s > 0:
        yield f"The generator let the latest arrival in {seen.latest_start_s:.3f} s after its time, which is counted."


def sections(report: Report) -> list[tuple[str, list[list[str]]]]:
    """Return the tables, each with its heading row first."""
    rows = [*report.figures, *([report.slot_wait] if report.slot_wait is not None else [])]
    tables = [
        ("Targets", [["target", "found", "n", "limit", "standing"], *map(_target_row, report.targets)]),
        (
            "Times, in seconds",
            [["entry", "tier", "n", "p50", "p95", "p99", "max"], *map(_figures_row, rows)],
        ),
        ("Rates", [["of", "tier", "n", "per second"], *map(_rate_row, report.rates)]),
        ("Quality", [["answers that must cite", "without the citation", "share"], *_quality_rows(report.quality)]),
        (
            "How it ended",
            [
                ["operation", "outcome", "why", "count"],
                *([row.entry.value, row.outcome.value, row.code or "-", str(row.count)] for row in report.endings),
            ],
        ),
        (
            "Who answered",
            [
                ["tier", "model", "answers"],
                *([tier, name, str(count)] for tier, by in report.models.items() for name, count in by.items()),
            ],
        ),
    ]
    return [(title, table) for title, table in tables if len(table) > 1]


def _target_row(line: Judged) -> list[str]:
    found = "-" if line.found is None else _value(line.target, line.found)
    return [line.target.name, found, str(line.count), limit_of(line.target), line.standing.value]


def limit_of(target: Target) -> str:
    """Return the limit as it is shown."""
    if target.below is not None:
        return f"< {_value(target, target.below)}"
    return f"<= {_value(target, target.at_most or 0.0)}"


def _value(target: Target, value: float) -> str:
    if target.what in {Measure.ERRORS, Measure.UNCITED}:
        return f"{value:.2%}"
    if target.what is Measure.COST:
        return f"${value:.6f}"
    return f"{value:.3f} s"


def _figures_row(row: Figures) -> list[str]:
    times = (row.p50, row.p95, row.p99, row.longest)
    return [row.entry, row.tier, str(row.count), *(f"{time_s:.3f}" for time_s in times)]


def _rate_row(row: Rate) -> list[str]:
    return [row.of, row.tier, str(row.count), f"{row.per_s:.3f}"]


def _quality_rows(row: Quality) -> list[list[str]]:
    if not row.checked:
        return []
    return [[str(row.checked), str(row.uncited), f"{row.uncited / row.checked:.2%}"]]


def headline(report: Report) -> str:
    """Return the verdict in a sentence."""
    return f"Verdict: {report.verdict.value} ({MEANINGS[report.verdict]})"


def circumstances(report: Report) -> list[str]:
    """Return what the run was, in lines."""
    shape = CLOSED if report.per_minute is None else OPEN
    machine = report.machine
    return [
        f"{report.url}, {report.minutes:g} minutes, seed {report.seed}: "
        + shape.format(users=report.users, rate=report.per_minute or 0.0),
        f"Generator on {machine.system}, {machine.architecture}, {machine.cores} cores",
        *report.notes,
    ]


def plain(report: Report) -> str:
    """Return the report for a terminal."""
    parts = [f"{title}\n{_columns(table)}" for title, table in sections(report)]
    return "\n\n".join([*parts, "\n".join([*circumstances(report), NOTE]), headline(report)]) + "\n"


def _columns(table: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(f"  {line}".rstrip() for line in lines)


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [f"# Load run: {report.verdict.value}", headline(report)]
    parts += [f"{report.ended_at:%Y-%m-%d %H:%M} UTC", "\n".join(f"- {line}" for line in circumstances(report)), NOTE]
    parts += [f"## {title}\n\n{_markdown_table(table)}" for title, table in sections(report)]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Sequence[Sequence[str]]) -> str:
    head, *rows = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in table)
    return "\n".join([head, f"|{' --- |' * len(table[0])}", *rows])
