"""The report of a measurement: tables of medians with the least and the most of their rounds."""

from collections.abc import Mapping, Sequence

import msgspec

from ops.bench.complexity import Case
from ops.bench.contexts import loads_table
from ops.bench.durable import ACCEPTED, GRAPH, OURS, STOCK, DurablePoint
from ops.bench.figures import Spread, added, paired, spread
from ops.bench.goals import (
    Goal,
    durable_goals,
    goals_table,
    loads_goals,
    path_goals,
    rating_goals,
    routing_goals,
    turns_goals,
)
from ops.bench.ingest import Read
from ops.bench.ingest_tables import ingest_goals, ingest_tables
from ops.bench.overload import Lived
from ops.bench.overload_tables import overload_goals, overload_tables
from ops.bench.plan import Plan
from ops.bench.points import Point
from ops.bench.refusals import Refusing
from ops.bench.routing import Figures
from ops.bench.rows import OPEN, Rows, durable_column, minus
from ops.bench.shards import Sharded
from ops.bench.shards_tables import shards_goals, shards_tables
from ops.bench.sides import DIRECT, NGINX, OWN, Mode
from ops.bench.tables import Table, number, ratio, spelled, wrap
from ops.bench.turns import Share, turns_table

TITLES = {Mode.JSON: "One JSON answer", Mode.STREAM: "A stream of 20 tokens, one a millisecond"}


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader must know to judge the figures; nothing that names a machine or a person."""

    date: str
    commit: str
    cores: int
    cpu: str
    nginx: str
    langgraph: str
    filesystem: str
    peers: tuple[str, ...] = ()
    """How each peer was run."""
    lost: tuple[str, ...] = ()
    """Peers that were asked for and have no rows."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, row by row; ratings are (case, microseconds of CPU)."""

    points: tuple[Point, ...] = ()
    durable: tuple[DurablePoint, ...] = ()
    ratings: tuple[tuple[Case, Spread], ...] = ()
    routing: dict[str, dict[str, Figures]] = {}
    """What each router made of each trace of the simulation."""
    loads: dict[str, int] = {}
    """How often a model was loaded for short and long requests in turn, by who chose."""
    turns: dict[str, Share] = {}
    """What each way of giving slots made of too much work, in simulated time."""
    lived: tuple[Lived, ...] = ()
    """The same in real time."""
    refusals: tuple[Refusing, ...] = ()
    read: Read | None = None
    """What reading documents in took."""
    sharded: Sharded | None = None
    """What three shards change for retrieval."""


def tables(found: Found, plan: Plan) -> list[Table]:
    """Return every table of the report; of rows that were not measured there is none."""
    rows = Rows(found.points)
    return [
        goals_table(goals(found), rows),
        *(path_tables(rows, plan) if found.points else []),
        *([durable_table(found.durable)] if found.durable else []),
        *([rating_table(found.ratings)] if found.ratings else []),
        *([routing_table(found.routing)] if found.routing else []),
        *([loads_table(found.loads)] if found.loads else []),
        *([turns_table(found.turns)] if found.turns else []),
        *overload_tables(found.lived, found.refusals),
        *([] if found.read is None else ingest_tables(found.read)),
        *([] if found.sharded is None else shards_tables(found.sharded)),
    ]


def goals(found: Found) -> list[Goal]:
    """Return the goals that the run can speak of."""
    return [
        *(path_goals(Rows(found.points)) if found.points else []),
        *(durable_goals(found.durable) if found.durable else []),
        *rating_goals(found.ratings),
        *routing_goals(found.routing),
        *loads_goals(found.loads),
        *turns_goals(found.turns),
        *overload_goals(found.lived, found.refusals),
        *([] if found.read is None else ingest_goals(found.read)),
        *([] if found.sharded is None else shards_goals(found.sharded)),
    ]


def path_tables(rows: Rows, plan: Plan) -> list[Table]:
    """Return the tables of one call after another."""
    return [
        *peers_tables(rows),
        *(path_table(rows, mode) for mode in Mode),
        stores_table(rows),
        open_table(rows, plan),
    ]


def path_table(rows: Rows, mode: Mode) -> Table:
    """Return the closed loop's table of one mode."""
    last = "first token later, ms" if mode is Mode.STREAM else "answer later (p50), ms"
    heads = ("path", "at a time", "CPU s / 1,000", "CPU ÷ nginx", "req/s", "req/s ÷ direct", "req/s a core", last)
    lines = [_path_row(rows, side, mode, at_once) for at_once in rows.concurrencies for side in rows.sides]
    note = (
        "CPU is that of the path's own processes; the stores' is below. `req/s a core` is what that CPU allows. "
        "The last column compares medians with those of the direct path, round by round."
    )
    return Table(TITLES[mode], heads, tuple(lines), (note,))


def _path_row(rows: Rows, side: str, mode: Mode, at_once: int) -> tuple[str, ...]:
    own, latency = rows.own_cpu(side, mode, at_once), "first_p50_s" if mode is Mode.STREAM else "p50_s"
    cpu = spread(own) if own else None
    late, straight = (rows.column(name, mode, at_once, latency) for name in (side, DIRECT))
    per_s, most = (rows.column(name, mode, at_once, "per_s") for name in (side, DIRECT))
    return (
        side,
        str(at_once),
        "" if cpu is None else spelled(cpu),
        "" if cpu is None else ratio(paired(own, rows.own_cpu(NGINX, mode, at_once))),
        spelled(spread(per_s)),
        ratio(paired(per_s, most)),
        "" if cpu is None else number(1000 / cpu.middle),
        "" if side == DIRECT else spelled(added(late, straight), times="ms"),
    )


def peers_tables(rows: Rows) -> list[Table]:
    """Return what peers cost, in the terms that later runs are measured in; no table without a peer."""
    lines = [
        _peer_row(rows, side, mode, at_once)
        for side in rows.peers
        for mode in Mode
        for at_once in rows.concurrencies
        if rows.own_cpu(side, mode, at_once)
    ]
    heads = ("peer", "answer", "at a time", "requests", "CPU s / 1,000", "CPU ÷ nginx", "req/s a core", "later, ms")
    note = "`later` is the added time to the first token of a stream, or to the whole JSON answer; medians of rounds."
    return [Table("Peers: what a request costs them", heads, tuple(lines), (note,))] if lines else []


def _peer_row(rows: Rows, side: str, mode: Mode, at_once: int) -> tuple[str, ...]:
    own, latency = rows.own_cpu(side, mode, at_once), "first_p50_s" if mode is Mode.STREAM else "p50_s"
    late, straight = (rows.column(name, mode, at_once, latency) for name in (side, DIRECT))
    return (
        side,
        mode,
        str(at_once),
        str(sum(point.requests for point in rows.of(side, mode, at_once))),
        spelled(spread(own)),
        ratio(paired(own, rows.own_cpu(NGINX, mode, at_once))),
        number(1000 / spread(own).middle),
        spelled(added(late, straight), times="ms"),
    )


def stores_table(rows: Rows) -> Table:
    """Return what the stores behind a path use, at the highest concurrency."""
    at_once = rows.concurrencies[-1]
    lines: list[tuple[str, ...]] = []
    for mode in Mode:
        for side in rows.sides:
            points = rows.of(side, mode, at_once)
            for name in points[0].cpu_s:
                values = spread([point.cpu_s[name] for point in points])
                lines.append((side, mode, "its own" if name == OWN else name, spelled(values)))
    note = "The vector store is the local stack's one-process facade of three peers, not a Qdrant server."
    heads = ("path", "answer", "process", "CPU s / 1,000")
    return Table(f"CPU by process, {at_once} at a time", heads, tuple(lines), (note,))


def open_table(rows: Rows, plan: Plan) -> Table:
    """Return the open loop's table."""
    lines: list[tuple[str, ...]] = []
    for mode in Mode:
        for side in rows.sides:
            p50, p99 = (spread(rows.column(side, mode, OPEN, name)) for name in ("p50_s", "p99_s"))
            requests = sum(point.requests for point in rows.of(side, mode, OPEN))
            lines.append((side, mode, spelled(p50, times="ms"), spelled(p99, times="ms"), str(requests)))
    heads = ("path", "answer", "whole answer p50, ms", "p99, ms", "requests")
    note = "Counted from the time a request was meant to be sent, so that waiting is not hidden."
    return Table(f"Poisson arrivals, {plan.open_rate_per_s:.0f} a second", heads, tuple(lines), (note,))


def durable_table(points: Sequence[DurablePoint]) -> Table:
    """Return what durability costs, with and without the graph that is run."""
    heads = (
        "way",
        "client CPU ms",
        "PostgreSQL CPU ms",
        "WAL bytes",
        "transactions",
        "runs/s",
        "added CPU ÷ stock async",
    )
    graph = durable_column(points, GRAPH, "client_ms")
    stock = minus(durable_column(points, STOCK["async"], "client_ms"), graph)
    lines: list[tuple[str, ...]] = []
    for way in (GRAPH, OURS, ACCEPTED, *STOCK.values()):
        shown = [
            spelled(spread(durable_column(points, way, name))) for name in ("client_ms", "postgres_ms", "wal_bytes")
        ]
        transactions = number(spread(durable_column(points, way, "transactions")).middle)
        more = paired(minus(durable_column(points, way, "client_ms"), graph), stock)
        shown += [transactions, spelled(spread(durable_column(points, way, "per_s")))]
        lines.append((way, *shown, "" if way == GRAPH else ratio(more)))
    notes = (
        "A graph of two steps, each with one effect, its state about 1.5 kB; 16 runs at a time; every commit waits for "
        "the disk. `ours` is effects, saver and one end transaction with the run's row, answer and session; "
        "`with acceptance` adds the transaction that stores the run, its question and its session before the client "
        "is answered, which LangGraph has no equal of. `stock` is one AsyncPostgresSaver on one pool of the same size, "
        "as its documentation shows. `added` is less the graph alone.",
    )
    return Table("A durable run of two effects", heads, tuple(lines), notes)


def rating_table(ratings: Sequence[tuple[Case, Spread]]) -> Table:
    """Return what one rating costs."""
    lines = tuple((case.name, spelled(taken_us), f"{case.budget_us:.0f}") for case, taken_us in ratings)
    return Table("Rating a question", ("question", "CPU µs", "budget µs"), lines)


def routing_table(routing: Mapping[str, Mapping[str, Figures]]) -> Table:
    """Return what the routers made of the traces."""
    heads = ("trace", "router", "p50 s", "p95 s", "tier reached", "tokens read again", "max ÷ mean load", "loads")
    lines = tuple(
        (
            trace, router, number(one.p50_s), number(one.p95_s), number(one.quality), str(one.read_again),
            number(one.skew), str(one.loads),
        )
        for trace, found in routing.items() for router, one in found.items()
    )  # fmt: skip
    note = (
        "Simulated, without servers: the product's own placement over four nodes with slots, rates, load times, memory "
        "that evicts and a prompt cache. `tier first` takes the model of the tier and the node with the fewest calls; "
        "`blind` is ours without knowing who has read what. `python -m ops.bench.routing` prints it alone."
    )
    return Table("Routing on seeded traces", heads, lines, (note,))


def document(found: Found, plan: Plan, circumstances: Circumstances) -> str:
    """Return the whole report as a document."""
    points = len(found.points) + len(found.durable)
    requests = sum(point.requests for point in found.points)
    peers = f" Peers: {'; '.join(circumstances.peers)}." if circumstances.peers else ""
    if circumstances.lost:
        peers += f" Without rows, since they could not be measured: {', '.join(circumstances.lost)}."
    intro = (
        "# What a request costs, side by side",
        "Written by `make bench`. Everything runs on loopback against one fake node that always answers the same 20 "
        "tokens; every answer was compared with them, and a wrong or short one would have ended the run. The paths "
        f"take turns in a new order each round; a figure is the median of {plan.rounds} rounds with the least and the "
        "most in parentheses: their distance is the machine's noise. Ratios are made round by round. Compare ratios, "
        "not figures, with another machine's, and CPU before latency.",
        f"{circumstances.date}, commit {circumstances.commit}; seed {plan.seed}; {points} points, {requests:,} checked "
        "requests; "
        f"{circumstances.cores} cores of {circumstances.cpu}, shared with the load generator and the fake node; "
        f"nginx {circumstances.nginx}, one worker; LangGraph {circumstances.langgraph}; data on "
        f"{circumstances.filesystem}.{peers}",
        "`direct` asks the node itself. `nginx` does nothing but proxy. `pass-through` is one replica process that "
        "authenticates, rates, places, leases, settles, counts and logs a single call. `openai` is POST "
        "/v1/chat/completions on a replica as it is deployed, which keeps the route too. `agent` is POST /api/v1/chat "
        "there: a new session and run, embedding, search over one document, prompt, call, event log, and the end in "
        "one transaction.",
    )
    return wrap(intro) + "\n" + "\n".join(table.markdown() for table in tables(found, plan))
