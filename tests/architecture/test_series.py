"""What is timed and counted is declared, so that every series can begin before its first event."""

import ast
from collections.abc import Iterator

from prometheus_client import CollectorRegistry

from app.telemetry import operations
from app.telemetry.metrics import Metrics
from tests.architecture.sources import dotted, none, sources

# How each store is told what it is used for; the leases tell their script too.
DATABASE = {"connection", "transaction"}
REDIS = {"use"}
SCRIPT = {"run"}
QDRANT = {"_ask", "_write"}
BEGINNING = {"app/telemetry/metrics.py", "app/series.py", "app/api/counted.py"}
COUNTING = {"inc", "dec", "observe", "set", "set_to_current_time", "time", "track_inprogress"}


def words(methods: set[str], place: str = "") -> set[str]:
    """Return the literal first arguments of calls of these methods, in the modules under a place."""
    found: set[str] = set()
    for source in sources("app"):
        if place not in source.path:
            continue
        for node in source.nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
                found |= {
                    one.value
                    for argument in node.args[:1]
                    for one in _chosen(argument)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return found


def _chosen(argument: ast.expr) -> list[ast.expr]:
    return [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]


def counted(tree: ast.AST) -> Iterator[str]:
    """Yield the metrics that something is added to or set, or that are handed on to whoever does."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node.value).split(".")[-1].lstrip("_") == "metrics":
            above = parents.get(node)
            if isinstance(above, ast.Attribute) and above.attr == "labels":
                above = parents.get(parents[above])
            if isinstance(above, ast.Attribute):
                yield from [node.attr] if above.attr in COUNTING else []
            elif _hands_on(above, parents):
                yield node.attr


def _hands_on(above: ast.AST | None, parents: dict[ast.AST, ast.AST]) -> bool:
    if isinstance(above, (ast.Tuple, ast.List)):
        above = parents.get(above)
    if isinstance(above, ast.Call):
        return dotted(above.func) != "begin"
    return isinstance(above, (ast.Assign, ast.For, ast.keyword, ast.comprehension, ast.Return))


def test_the_operations_that_are_timed_are_those_that_are_declared() -> None:
    assert words(DATABASE) == set(operations.DATABASE)
    assert words(REDIS) | words(SCRIPT, "inference/slots/") == {*operations.COORDINATION, *operations.CACHE}
    assert words(QDRANT, "app/retrieval/") == set(operations.QDRANT)


def test_every_metric_that_is_declared_is_counted_somewhere() -> None:
    declared = {name for name in vars(Metrics(CollectorRegistry())) if name != "registry"}
    assert len(declared) > 30
    counting = [source for source in sources("app") if source.path not in BEGINNING]
    none(sorted(declared - {name for source in counting for name in counted(source.tree)}))


def test_a_metric_that_is_only_spoken_of_or_begun_is_not_counted() -> None:
    text = """
metrics.inc_alone.inc()
self._metrics.labelled.labels("a", kind="b").observe(1.0)
platform.metrics.handed_on, 2
for counter in (metrics.in_a_row,): counter.labels("x").inc()
first = metrics.named
observe(metrics.given)
metrics.cleared.clear()
metrics.only_labelled.labels("a")
begin(metrics.begun, node=["a"])
'metrics.spoken_of.inc()'
"""
    assert set(counted(ast.parse(text))) == {"inc_alone", "labelled", "in_a_row", "named", "given"}
