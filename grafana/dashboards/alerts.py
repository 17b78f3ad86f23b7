"""The alerts' thresholds, read from Prometheus' rules, so that the line on a panel is where the alert fires."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import promql_parser
import yaml

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
COMPARISONS = frozenset({">", ">=", "<", "<=", "=="})


class AlertUnreadable(Exception):
    """A dashboard needs an alert that the rules do not have, or whose expression does not compare with a number."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: its name, and the value where it fires."""

    name: str
    threshold: float


@cache
def alert(name: str, rules: Path = RULES) -> Alert:
    """Return the alert of that name. Raises AlertUnreadable."""
    for path in sorted(rules.glob("*.yml")):
        for rule in _rules(path):
            if rule.get("alert") == name:
                return Alert(name, threshold_of(str(rule["expr"])))
    raise AlertUnreadable(f"no rule of {rules} is called {name}")


def threshold_of(expr: str) -> float:
    """Return the number that an alert's expression compares with, the first from the left. Raises AlertUnreadable."""
    found: list[float] = []

    def look(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in COMPARISONS:
            side = node.rhs
            if isinstance(side, promql_parser.NumberLiteral):
                found.append(side.val)

    # Children first: of `a > 1 and b > 2` the leftmost comparison is the alert's own, the rest are conditions.
    promql_parser.walk(promql_parser.parse(expr), post_visit=look)
    if not found:
        raise AlertUnreadable(f"no comparison with a number: {expr}")
    return found[0]


def _rules(path: Path) -> list[dict[str, Any]]:
    groups = cast("dict[str, list[dict[str, Any]]]", yaml.safe_load(path.read_text(encoding="utf-8")))["groups"]
    return [rule for group in groups for rule in cast("list[dict[str, Any]]", group["rules"])]
