"""Prometheus' rules, their cases and their runbooks, as tests read them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
import promql_parser as promql
from prometheus_client import CollectorRegistry

from app.telemetry.metrics import Metrics
from tests.ops.yaml_files import parse

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "prometheus"
RUNBOOKS = ROOT / "ops" / "runbooks"
COMPOSE = FOLDER / "prometheus.yml"
LOCAL = FOLDER / "prometheus.local.yml.template"
RULE_FILES = tuple(sorted((FOLDER / "rules").glob("*.yml")))
CASE_FILES = tuple(sorted((FOLDER / "tests").glob("*.yml")))

# Labels that Prometheus and the clients of every kind add.
ADDED = {"instance", "job", "le"}
# Metrics that are not ours: the name, whose it is, and the labels that rules and runbooks may choose by.
OF_OTHERS = {
    "up": ("Prometheus, of every target", set[str]()),
    "pg_up": ("postgres_exporter, collector of the server's own state", set[str]()),
    "redis_up": ("redis_exporter", set[str]()),
    "alertmanager_notifications_failed": ("Alertmanager", {"integration"}),
    "nginx_up": ("nginx-prometheus-exporter", set[str]()),
    "rest_responses_duration_seconds": ("Qdrant, /metrics of each peer", {"method", "endpoint", "status"}),
}
ENDS = ("_total", "_bucket", "_sum", "_count")
GROWING = {"rate", "irate", "increase"}
"""Functions that take a counter; of a gauge they make nonsense."""
_PROMQL = re.compile(r"^```promql\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """One rule: it has either `record` or `alert`."""

    expr: str
    record: str = ""
    alert: str = ""
    for_: str = "0s"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules that are evaluated together."""

    name: str
    rules: list[Rule]
    interval: str = ""


class Alerted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert that a case expects."""

    exp_labels: dict[str, str]
    exp_annotations: dict[str, str]


class AlertCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What alerts there are at a moment of a case."""

    eval_time: str
    alertname: str
    exp_alerts: list[Alerted]


class Case(msgspec.Struct, frozen=True):
    """One case of promtool's: series that are made up, and what follows from them."""

    name: str
    alert_rule_test: list[AlertCase] = []
    promql_expr_test: list[dict[str, Any]] = []


def read(path: Path) -> dict[str, Any]:
    """Return a YAML file."""
    return cast("dict[str, Any]", parse(path.read_text(encoding="utf-8")))


@cache
def groups(path: Path) -> list[Group]:
    """Return the groups of a file of rules."""
    return msgspec.convert(read(path)["groups"], list[Group])


def rules(path: Path | None = None) -> list[Rule]:
    """Return the rules of a file, or of all."""
    return [rule for one in ([path] if path else RULE_FILES) for group in groups(one) for rule in group.rules]


def alerts(name: str) -> list[Rule]:
    """Return the rules of an alert; one alert may have several."""
    return [rule for rule in rules() if rule.alert == name]


@cache
def cases() -> list[Case]:
    """Return every case of every file."""
    return [case for path in CASE_FILES for case in msgspec.convert(read(path)["tests"], list[Case])]


def nodes(expr: str) -> list[promql.Expr]:
    """Return an expression and all its parts."""
    found: list[promql.Expr] = []
    promql.walk(promql.parse(expr), lambda node: found.append(node))
    return found


def selectors(expr: str) -> list[promql.VectorSelector]:
    """Return what an expression reads."""
    return [node for node in nodes(expr) if isinstance(node, promql.VectorSelector)]


@cache
def declared() -> dict[str, set[str]]:
    """Return every sample name that may be read, with its labels: ours, other servers', and what rules record."""
    found = {name: labels | ADDED for name, (_, labels) in OF_OTHERS.items()}
    found |= {f"{name}{end}": labels | ADDED for name, (_, labels) in OF_OTHERS.items() for end in ENDS}
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for metric in vars(metrics).values():
        if metric is not registry:
            labels = set(cast("tuple[str, ...]", metric._labelnames)) | ADDED
            found |= {name: labels for family in metric.describe() for name in samples(family.type, family.name)}
    for rule in rules():
        if rule.record:
            found[rule.record] = {"job", "instance", "class", "endpoint", "node", "model", "tier", "direction"}
    return found


def samples(kind: str, name: str) -> Iterator[str]:
    """Yield the names of the samples of a metric."""
    match kind:
        case "counter":
            yield f"{name}_total"
        case "histogram":
            yield from (f"{name}{end}" for end in ("_bucket", "_sum", "_count"))
        case _:
            yield name


def problems(expr: str) -> list[str]:
    """Return what is wrong with an expression: names and labels nobody has, and functions of another kind of metric."""
    known, wrong = declared(), list[str]()
    for node in nodes(expr):
        if isinstance(node, promql.VectorSelector):
            if node.name not in known:
                wrong.append(f"nothing is called {node.name}")
            else:
                unknown = {matcher.name for matcher in node.matchers.matchers} - known[node.name]
                wrong.extend(f"{node.name} has no label {label}" for label in sorted(unknown))
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            read_there = [selector.name or "" for selector in selectors(node.prettify())]
            made = {"class", "direction", "job"} if "label_replace" in node.prettify() else set[str]()
            unknown = set(node.modifier.labels).difference(made, *(known.get(name, set()) for name in read_there))
            wrong.extend(f"sums by {label}, which {read_there} lack" for label in sorted(unknown))
        elif isinstance(node, promql.Call):
            wrong.extend(_misused(node))
    return wrong


def _misused(call: promql.Call) -> Iterator[str]:
    function, read_there = call.func.name, selectors(call.prettify())
    if function in GROWING:
        yield from (
            f"{function} of {one.name}, no counter" for one in read_there if not (one.name or "").endswith(ENDS)
        )
    if function == "histogram_quantile":
        aggregated = call.args[1]
        if not isinstance(aggregated, promql.AggregateExpr) or "le" not in set(aggregated.modifier.labels):  # pyright: ignore[reportOptionalMemberAccess]
            yield "histogram_quantile of series that are not summed by le"


def runbook(name: str) -> str:
    """Return the page of an alert, empty if there is none."""
    path = RUNBOOKS / f"{name}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def queries(page: str) -> list[str]:
    """Return the queries of a page."""
    return [str(found).strip() for found in _PROMQL.findall(page)]
