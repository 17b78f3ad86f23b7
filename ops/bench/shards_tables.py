"""The report of what three shards change for retrieval."""

from ops.bench.clustered import CLUSTERS, OTHERS, SIZE, SPREAD, TEXTS
from ops.bench.figures import Spread, paired, spread
from ops.bench.goals import Goal
from ops.bench.shards import K, Sharded, Way
from ops.bench.tables import Table, number, ratio, spelled


def shards_goals(sharded: Sharded) -> list[Goal]:
    """Return the goals of retrieval over three shards; that of a lost peer only where one was lost."""
    away = _column(sharded, Way.AWAY, "answered")
    lost = [
        Goal("G13", "share of questions answered with one of three peers away", 1, 1, spread(away), more=True)
    ] if away else []  # fmt: skip
    return [
        Goal("G13", f"recall@{K} over three shards ÷ exact", 0.98, 0.99,
             spread(_column(sharded, Way.THREE, "recall")), more=True),
        Goal("G13", "p95 of three shards ÷ one node", 1.6, 1.25, _times(sharded, Way.THREE, "nearest_p95_s")),
        Goal("G13", "the same, candidates by meaning and by words", 1.6, 1.25,
             _times(sharded, Way.THREE, "whole_p95_s")),
        *lost,
    ]  # fmt: skip


def shards_tables(sharded: Sharded) -> list[Table]:
    """Return what was found and how long it took, and of what."""
    extent = sharded.extent
    heads = (
        "asked", "answered", f"recall@{K}", "nearest p50, ms", "p95, ms", "p95 ÷ one", "whole p50, ms", "p95, ms",
        "p95 ÷ one",
    )  # fmt: skip
    of_what = (
        f"{extent.points:,} synthetic unit vectors of {SIZE} dimensions around {CLUSTERS} Gaussian centres (deviation "
        f"{SPREAD:g} of theirs), each with the BM25 vector of one of {TEXTS} texts; every second point is of the "
        f"tenant that asks, the others of {OTHERS} more; the {extent.questions} questions of a round are drawn like "
        f"points. Written in {number(sharded.written_s)} s, indexed in {number(sharded.indexed_s)} s, both at once."
    )
    how = (
        f"`nearest` asks for the tenant's {K} nearest points, `whole` is the application's question: 100 by meaning "
        f"and 100 by words. `recall` compares with the cosines of all its points. The store is {sharded.store}."
    )
    double = (
        "The double's three peers are one process, which asks the shards one after the other and not over a network. "
        "Each shard has two copies, so answers lack nothing while one peer is away; with one copy Qdrant answers no "
        "question then, and the application's answer is marked `retrieval`."
    )
    lines = tuple(_line(sharded, way) for way in Way if _column(sharded, way, "recall"))
    return [Table("Retrieval over three shards", heads, lines, (of_what, how, double))]


def _line(sharded: Sharded, way: Way) -> tuple[str, ...]:
    answered, found = (spread(_column(sharded, way, field)) for field in ("answered", "recall"))
    return (
        way,
        f"{answered.middle:.1%}",
        spelled(found),
        *_took(sharded, way, "nearest"),
        *_took(sharded, way, "whole"),
    )


def _took(sharded: Sharded, way: Way, what: str) -> tuple[str, str, str]:
    p50, p95 = (spread(_column(sharded, way, f"{what}_{rank}_s")) for rank in ("p50", "p95"))
    times = "" if way is Way.ONE else ratio(_times(sharded, way, f"{what}_p95_s"))
    return spelled(p50, times="ms"), spelled(p95, times="ms"), times


def _times(sharded: Sharded, way: Way, field: str) -> Spread:
    return paired(_column(sharded, way, field), _column(sharded, Way.ONE, field))


def _column(sharded: Sharded, way: Way, field: str) -> list[float]:
    return [float(getattr(one, field)) for one in sharded.asked if one.way is way]
