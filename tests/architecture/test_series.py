"""What is timed and counted is declared, so that every series can begin before its first event."""

import ast
import re

from app.telemetry import operations
from tests.architecture.sources import ROOT, none

APP = sorted((ROOT / "app").rglob("*.py"))
# How each store is told what it is used for; the leases tell their script too.
DATABASE = {"connection", "transaction"}
REDIS = {"use"}
SCRIPT = {"_run"}
QDRANT = {"_ask", "_write"}
DECLARED_FOR_LATER = {"response_quality"}


def words(methods: set[str], place: str = "") -> set[str]:
    """Return the literal first arguments of calls of these methods, in the modules under a place."""
    found: set[str] = set()
    for path in APP:
        if place not in path.as_posix():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


def test_the_operations_that_are_timed_are_those_that_are_declared() -> None:
    assert words(DATABASE) == set(operations.DATABASE)
    assert words(REDIS) | words(SCRIPT, "inference/leases") == {*operations.COORDINATION, *operations.CACHE}
    assert words(QDRANT, "app/retrieval/") == set(operations.QDRANT)


def test_every_metric_that_is_declared_is_counted_somewhere() -> None:
    declaring = (ROOT / "app" / "telemetry" / "metrics.py").read_text(encoding="utf-8")
    declared = set(re.findall(r"self\.(\w+) = (?:Counter|Gauge|Histogram)\(", declaring))
    assert len(declared) > 30
    counting = "\n".join(
        path.read_text(encoding="utf-8") for path in APP if path.name not in {"metrics.py", "series.py", "counted.py"}
    )
    # Bound to a name first, or handed on: whoever touches it, counts it.
    none(
        sorted(
            name
            for name in declared
            if not re.search(rf"metrics\.{name}\b", counting) and not name.startswith(tuple(DECLARED_FOR_LATER))
        )
    )
