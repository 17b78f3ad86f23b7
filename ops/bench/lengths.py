"""How long a measurement takes, told before it begins, and how long each of its rows may take."""

from ops.bench.plan import Plan, Row, Sizes

START_S = 20.0
"""Servers start and end: once for paths and durable runs, for the overload, for shards, twice to read documents in."""
ABOUT_S: dict[Sizes, dict[Row, float]] = {
    Sizes.FULL: {
        Row.RATING: 2, Row.ROUTING: 5, Row.TURNS: 15, Row.PATHS: 55, Row.DURABLE: 30, Row.OVERLOAD: 165,
        Row.INGEST: 420, Row.SHARDS: 420,
    },
    Sizes.QUICK: {
        Row.RATING: 1, Row.ROUTING: 2, Row.TURNS: 15, Row.PATHS: 20, Row.DURABLE: 15, Row.OVERLOAD: 45,
        Row.INGEST: 240, Row.SHARDS: 60,
    },
    Sizes.SMOKE: {
        Row.RATING: 1, Row.ROUTING: 1, Row.TURNS: 15, Row.PATHS: 3, Row.DURABLE: 5, Row.OVERLOAD: 12,
        Row.INGEST: 10, Row.SHARDS: 5,
    },
}  # fmt: skip
"""Without a peer, on two cores that do nothing else."""
PEER_S = {Row.PATHS: 60.0, Row.OVERLOAD: 110.0}
"""What LiteLLM adds, its start included."""
SLOWER = 4.0
"""A row that takes so many times longer than it should ends the measurement: another machine, or one that is busy."""
LEAST_LIMIT_S = 120.0


def about_s(row: Row, plan: Plan) -> float:
    """Return how long a row takes."""
    per_round = plan.rounds / 5 if row in {Row.PATHS, Row.DURABLE} and plan.sizes is not Sizes.SMOKE else 1.0
    peers = len(plan.peers) + len(plan.installed) if row is Row.PATHS else len(plan.installed)
    return (ABOUT_S[plan.sizes][row] + PEER_S.get(row, 0.0) * bool(peers)) * per_round


def limit_s(row: Row, plan: Plan) -> float:
    """Return how long a row may take."""
    return max(LEAST_LIMIT_S, SLOWER * about_s(row, plan))


def told(plan: Plan) -> str:
    """Return what is said before it begins."""
    starts = bool({Row.PATHS, Row.DURABLE} & set(plan.rows)) + (Row.OVERLOAD in plan.rows)
    starts += 2 * (Row.INGEST in plan.rows) + (Row.SHARDS in plan.rows)
    whole_s = sum(about_s(row, plan) for row in plan.rows) + START_S * starts
    most_s = sum(limit_s(row, plan) for row in plan.rows) + SLOWER * START_S * starts
    return (
        f"bench: {', '.join(plan.rows)}: about {_minutes(whole_s)} where the machine does nothing else, at most "
        f"{_minutes(most_s)}\n"
    )


def _minutes(seconds: float) -> str:
    whole = max(1, round(seconds / 60))
    return f"{whole} minute{'s' if whole > 1 else ''}"
