"""Where the measured ratios stand against the performance goals."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from ops.bench.complexity import Case
from ops.bench.contexts import OURS as OUR_LOADS
from ops.bench.durable import GRAPH, OURS, STOCK, DurablePoint
from ops.bench.figures import Spread, paired, spread
from ops.bench.plan import LITELLM
from ops.bench.routing import Figures
from ops.bench.rows import Rows, durable_column, minus
from ops.bench.sides import AGENT, DIALECT, DIRECT, NGINX, Mode
from ops.bench.tables import Table, number
from ops.bench.turns import OURS as OUR_TURNS
from ops.bench.turns import Share

ALONE = "G1, G2, G6 and the LiteLLM half of G4 and G5 need a peer: `make bench PEERS=litellm`."
BESIDE = "LiteLLM's figure is that of the better of its rows. What is called passed through is the row `openai`."
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
        self.middle = rows.concurrencies[len(rows.concurrencies) // 2]

    def cpu(self, side: str, mode: Mode) -> list[float]:
        """Return the CPU of a path's own processes at the highest concurrency."""
        return self._rows.own_cpu(side, mode, self.most)

    def all_cpu(self, side: str, mode: Mode) -> list[float]:
        """Return the CPU of all its processes, the stores' included."""
        return self._rows.all_cpu(side, mode, self.most)

    def later(self, side: str, field: str, mode: Mode, at_once: int | None = None) -> list[float]:
        """Return how much later than the direct path's a latency is; at the lowest concurrency if none is given."""
        chosen = self.least if at_once is None else at_once
        ours, straight = (self._rows.column(name, mode, chosen, field) for name in (side, DIRECT))
        return minus(ours, straight)

    def litellm(self, column: Callable[[str], list[float]]) -> list[float]:
        """Return that column of LiteLLM's best row for it, by its median; empty when none was measured."""
        columns = [column(name) for name in self._rows.sides if name in LITELLM]
        known = [values for values in columns if values]
        return min(known, key=lambda values: spread(values).middle) if known else []


def goals_table(goals: Sequence[Goal], rows: Rows) -> Table:
    """Return the goals that a run can speak of."""
    heads = ("goal", "what", "found", "gate", "aim", "")
    notes = () if rows.is_empty else (BESIDE if set(rows.sides) & set(LITELLM) else ALONE,)
    return Table("Goals", heads, tuple(goal.row() for goal in goals), notes)


def path_goals(rows: Rows) -> list[Goal]:
    """Return the goals of one call after another."""
    measured = Measured(rows)
    return [*_against_nginx(measured), *_against_litellm(measured)]


def _against_nginx(measured: Measured) -> list[Goal]:
    json, stream = Mode.JSON, Mode.STREAM
    later = paired(measured.later(DIALECT, "p50_s", json), measured.later(NGINX, "p50_s", json))
    return [
        Goal("G3", "CPU of a passed-through request ÷ nginx's", 30, 15,
             paired(measured.cpu(DIALECT, json), measured.cpu(NGINX, json))),
        Goal("G4", f"added p50 ÷ nginx's, {measured.least} at a time", 20, 8, later),
        Goal("G5", "CPU of a streamed token ÷ nginx's", 8, 3,
             paired(measured.cpu(DIALECT, stream), measured.cpu(NGINX, stream))),
    ]  # fmt: skip


def _against_litellm(measured: Measured) -> list[Goal]:
    json, stream = Mode.JSON, Mode.STREAM
    whole, streamed = (measured.litellm(partial(measured.cpu, mode=mode)) for mode in Mode)
    answer = measured.litellm(partial(measured.later, field="p50_s", mode=json))
    if not whole or not streamed:
        return []
    return [
        Goal("G1", "req/s a core passed through ÷ LiteLLM's", 10, 20,
             paired(whole, measured.cpu(DIALECT, json)), more=True),
        Goal("G2", "req/s a core of a full agent call ÷ LiteLLM's", 3, 8,
             paired(whole, measured.cpu(AGENT, json)), more=True),
        Goal("G2", "the same, with the CPU of PostgreSQL, Valkey and the vector store", 3, 8,
             paired(whole, measured.all_cpu(AGENT, json)), more=True),
        Goal("G4", "added p50 passed through ÷ LiteLLM's", 0.15, 0.08,
             paired(measured.later(DIALECT, "p50_s", json), answer)),
        *_first_token(measured),
        Goal("G6", "streams/s a core passed through ÷ LiteLLM's", 15, 30,
             paired(streamed, measured.cpu(DIALECT, stream)), more=True),
    ]  # fmt: skip


def _first_token(measured: Measured) -> list[Goal]:
    goals: list[Goal] = []
    for at_once in dict.fromkeys((measured.least, measured.middle)):
        later = partial(measured.later, field="first_p50_s", mode=Mode.STREAM, at_once=at_once)
        theirs = measured.litellm(later)
        what = f"added time to first token ÷ LiteLLM's, {at_once} at a time"
        goals.append(Goal("G5", f"{what}, a full agent call", 0.15, 0.08, paired(later(AGENT), theirs)))
        goals.append(Goal("G5", f"{what}, passed through", 0.15, 0.08, paired(later(DIALECT), theirs)))
    return goals


def durable_goals(points: Sequence[DurablePoint]) -> list[Goal]:
    """Return the goals of durable runs."""
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


def rating_goals(ratings: Sequence[tuple[Case, Spread]]) -> list[Goal]:
    """Return the goals of a rating."""
    return [
        Goal("G9", f"CPU µs of a rating, {case.name}", case.budget_us, case.budget_us, taken) for case, taken in ratings
    ]


def turns_goals(turns: Mapping[str, Share]) -> list[Goal]:
    """Return the goals of simulated turns."""
    ours = turns.get(OUR_TURNS)
    if ours is None:
        return []
    overloads = [
        Goal("G14", f"goodput ÷ capacity at {one.times}x", 0.95, 0.97, _exactly(one.goodput), more=True)
        for one in ours.overloads
    ]
    return [
        *overloads,
        Goal(
            "G15",
            "Jain index in GPU-seconds, one heavy and nine light tenants",
            0.95,
            0.99,
            _exactly(ours.jain),
            more=True,
        ),
        Goal("G15", "p99 of a light tenant ÷ alone", 3, 1.5, _exactly(ours.beside)),
        Goal("G15", "share of the slots that one tenant alone has", 0.97, 0.97, _exactly(ours.alone), more=True),
    ]


def routing_goals(routing: Mapping[str, Mapping[str, Figures]]) -> list[Goal]:
    """Return the goals of the placement on seeded traces."""
    if not routing:
        return []
    mixed, talks = routing["mixed"], routing["turns"]
    ours, first, blind = mixed["joint"], mixed["tier first"], talks["joint, blind"].read_again
    return [
        Goal("G17", "mixed trace: p95 ÷ that of tier first", 1, 0.95, _exactly(ours.p95_s / first.p95_s)),
        Goal("G17", "mixed trace: share whose tier was reached", 1, 1, _exactly(ours.quality), more=True),
        Goal("G18", "turns: tokens read again ÷ those of blind", 0.5, 0.5, _exactly(talks["joint"].read_again / blind)),
        Goal("G18", "turns: max ÷ mean node load", 1.25, 1.25, _exactly(talks["joint"].skew)),
    ]


def loads_goals(loads: Mapping[str, int]) -> list[Goal]:
    """Return the goal of two contexts in turn."""
    if OUR_LOADS not in loads:
        return []
    return [Goal("loads", "loads for 4k and 8k requests in turn, two replicas", 1, 1, _exactly(loads[OUR_LOADS]))]


def _exactly(value: float) -> Spread:
    return Spread(value, value, value)
