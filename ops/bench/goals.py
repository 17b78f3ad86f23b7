"""Where the measured ratios stand against the performance goals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.bench.complexity import Case
from ops.bench.durable import GRAPH, OURS, STOCK, DurablePoint
from ops.bench.figures import Spread, paired, spread
from ops.bench.plan import LITELLM
from ops.bench.rows import Rows, durable_column, minus
from ops.bench.sides import AGENT, DIRECT, NGINX, PASS, Mode
from ops.bench.tables import Table, number

STEPS = 2
"""Effects of the durable run."""


class Verdict(StrEnum):
    """Where a figure stands."""

    AIM = "aim reached"
    MUST = "gate passed"
    MISSED = "missed"
    UNKNOWN = "below the noise"


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: `must` is its gate, `aim` what a strong team reaches; fewer is better unless `more`."""

    name: str
    what: str
    must: float
    aim: float
    found: Spread
    more: bool = False

    @property
    def verdict(self) -> Verdict:
        """Judge the median."""
        if math.isnan(self.found.middle):
            return Verdict.UNKNOWN
        sign = -1 if self.more else 1
        if sign * self.found.middle <= sign * self.aim:
            return Verdict.AIM
        return Verdict.MUST if sign * self.found.middle <= sign * self.must else Verdict.MISSED

    def row(self) -> tuple[str, ...]:
        """Return the table's row."""
        sign = "≥" if self.more else "≤"
        shown = f"{number(self.found.middle)} ({number(self.found.low)} to {number(self.found.high)})"
        return (self.name, self.what, shown, f"{sign} {self.must:g}", f"{sign} {self.aim:g}", self.verdict)


class Measured:
    """Columns of the run at its ends: the highest concurrency for capacity, the lowest for latency."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.least, self.most = rows.concurrencies[0], rows.concurrencies[-1]

    def cpu(self, side: str, mode: Mode) -> list[float]:
        """Return the CPU of a path's own processes at the highest concurrency."""
        return self._rows.own_cpu(side, mode, self.most)

    def per_s(self, side: str, mode: Mode) -> list[float]:
        """Return the answers a second at the highest concurrency."""
        return self._rows.column(side, mode, self.most, "per_s")

    def later(self, side: str, field: str, mode: Mode) -> list[float]:
        """Return how much later than the direct path's a latency is at the lowest concurrency."""
        ours, straight = (self._rows.column(name, mode, self.least, field) for name in (side, DIRECT))
        return minus(ours, straight)

    def has(self, side: str) -> bool:
        """Whether a path was measured."""
        return side in self._rows.sides


def goals_table(rows: Rows, durable: Sequence[DurablePoint], ratings: Sequence[tuple[Case, float]]) -> Table:
    """Return the goals that this run can speak of."""
    measured = Measured(rows)
    goals = [*_against_nginx(measured), *_against_litellm(measured), *_durable(durable), *_ratings(ratings)]
    heads = ("goal", "what", "found", "gate", "aim", "")
    notes = (
        "G1, G2 and the LiteLLM half of G4 and G5 need a peer: `python -m ops.bench --help` says how to bench one.",
    )
    return Table("Goals", heads, tuple(goal.row() for goal in goals), notes if not measured.has(LITELLM) else ())


def _against_nginx(measured: Measured) -> list[Goal]:
    json, stream = Mode.JSON, Mode.STREAM
    later = paired(measured.later(PASS, "p50_s", json), measured.later(NGINX, "p50_s", json))
    return [
        Goal("G3", "CPU of a passed-through request ÷ nginx's", 30, 15,
             paired(measured.cpu(PASS, json), measured.cpu(NGINX, json))),
        Goal("G4", f"added p50 ÷ nginx's, {measured.least} at a time", 20, 8, later),
        Goal("G5", "CPU of a streamed token ÷ nginx's", 8, 3,
             paired(measured.cpu(PASS, stream), measured.cpu(NGINX, stream))),
    ]  # fmt: skip


def _against_litellm(measured: Measured) -> list[Goal]:
    if not measured.has(LITELLM):
        return []
    json, stream = Mode.JSON, Mode.STREAM
    return [
        Goal("G1", "pass-through req/s ÷ LiteLLM's", 10, 20,
             paired(measured.per_s(PASS, json), measured.per_s(LITELLM, json)), more=True),
        Goal("G2", "agent req/s ÷ LiteLLM's", 3, 8,
             paired(measured.per_s(AGENT, json), measured.per_s(LITELLM, json)), more=True),
        Goal("G4", "added p50 ÷ LiteLLM's", 0.15, 0.08,
             paired(measured.later(PASS, "p50_s", json), measured.later(LITELLM, "p50_s", json))),
        Goal("G5", "added time to first token ÷ LiteLLM's", 0.15, 0.08,
             paired(measured.later(PASS, "first_p50_s", stream), measured.later(LITELLM, "first_p50_s", stream))),
        Goal("G6", "streams/s ÷ LiteLLM's", 15, 30,
             paired(measured.per_s(PASS, stream), measured.per_s(LITELLM, stream)), more=True),
    ]  # fmt: skip


def _durable(points: Sequence[DurablePoint]) -> list[Goal]:
    graph, ours, stock = (durable_column(points, way, "client_ms") for way in (GRAPH, OURS, STOCK["async"]))
    more, theirs = minus(ours, graph), minus(stock, graph)
    wal = [value / STEPS / 1000 for value in durable_column(points, OURS, "wal_bytes")]
    commits = [value / STEPS for value in durable_column(points, OURS, "transactions")]
    return [
        Goal("G7", "added CPU of durable state ÷ stock async's", 0.4, 0.1, paired(more, theirs)),
        Goal("G7", "kB of WAL a step", 4, 2, spread(wal)),
        Goal("G7", "commits a step", 1, 1, spread(commits)),
        Goal("G8", "durable runs/s ÷ stock async's", 4, 20,
             paired(durable_column(points, OURS, "per_s"), durable_column(points, STOCK["async"], "per_s")), more=True),
    ]  # fmt: skip


def _ratings(ratings: Sequence[tuple[Case, float]]) -> list[Goal]:
    return [
        Goal("G9", f"CPU µs of a rating, {case.name}", case.budget_us, case.budget_us, Spread(taken, taken, taken))
        for case, taken in ratings
    ]
