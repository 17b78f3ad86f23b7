"""The dashboards: built from Python, whole, and asking only for what is there."""

import re
from pathlib import Path
from typing import Any, cast

import promql_parser as promql
import pytest
from prometheus_client import CollectorRegistry

from app.telemetry.metrics import Metrics
from grafana.__main__ import DASHBOARDS
from grafana.dashboards.alerts import RULES, AlertUnreadable, alert, threshold_of
from grafana.dashboards.draw import panel_id
from tests.ops.dashboards import FILES, ROOT, Expression, dashboard, expressions, panels
from tests.ops.yaml_files import parse

# Labels that Prometheus adds, and the metrics that are its own.
ADDED = {"instance", "job", "le"}
OF_PROMETHEUS = {"up": {"instance", "job"}, "ALERTS": {"alertname", "alertstate", "severity"}}
OVERVIEW = {"Request Rate", "Success Rate", "P95 Latency", "Active Queries", "Error Rate"}
COST = {"Tokens per Minute", "Cost per Hour", "Token Distribution by Model", "Average Tokens per Query"}
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
ASKING = pytest.mark.parametrize("path", [path for path in FILES if panels(path)], ids=lambda path: path.stem)


def declared() -> dict[str, set[str]]:
    """Return every sample name that the application can expose, with its labels."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    found = dict(OF_PROMETHEUS)
    for metric in vars(metrics).values():
        if metric is registry:
            continue
        labels = set(cast("tuple[str, ...]", metric._labelnames)) | ADDED
        for family in metric.describe():
            found |= {f"{family.name}{end}": labels for end in ("", "_total", "_bucket", "_sum", "_count")}
    return found


def recorded() -> set[str]:
    """Return the names of the recording rules."""
    return {rule["record"] for path in RULES.glob("*.yml") for rule in rules_of(path) if "record" in rule}


def rules_of(path: Path) -> list[dict[str, Any]]:
    groups = parse(path.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def nodes(expr: promql.Expr) -> list[promql.Expr]:
    """Return an expression and all its parts."""
    found: list[promql.Expr] = []
    promql.walk(expr, lambda node: found.append(node))
    return found


def selectors(expr: promql.Expr) -> list[promql.VectorSelector]:
    """Return what an expression reads."""
    return [node for node in nodes(expr) if isinstance(node, promql.VectorSelector)]


def unknown_labels(expr: promql.Expr, metrics: dict[str, set[str]]) -> set[str]:
    """Return the labels by which an expression chooses or sums and that what it reads does not have.

    What a recording rule's result has, only Prometheus knows: the acceptance test asks it.
    """
    wrong: set[str] = set()
    for node in nodes(expr):
        if isinstance(node, promql.VectorSelector) and node.name in metrics:
            wrong |= {matcher.name for matcher in node.matchers.matchers} - metrics[node.name]
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            wrong |= set(node.modifier.labels).difference(*(metrics.get(s.name or "", set()) for s in selectors(node)))
    return wrong


def test_the_committed_dashboards_are_what_the_code_builds() -> None:
    assert DASHBOARDS.old(DASHBOARDS.folder) == []


def test_a_dashboard_changed_by_hand_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert DASHBOARDS.run(["--directory", str(tmp_path)]) == 0
    assert DASHBOARDS.run(["--check", "--directory", str(tmp_path)]) == 0
    (tmp_path / "cost.json").write_text(FILES[0].read_text(encoding="utf-8").replace("3600", "1"), encoding="utf-8")
    (tmp_path / "stray.json").write_text("{}", encoding="utf-8")
    assert DASHBOARDS.run(["--check", "--directory", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "stray.json is old" in shown
    assert "cost.json is old" in shown


@pytest.mark.parametrize("expression", [*expressions()], ids=str)
def test_an_expression_reads_only_metrics_and_labels_that_exist(expression: Expression) -> None:
    parsed = promql.parse(expression.text)
    metrics = declared()
    assert "$" not in expression.text, "a variable that the tests do not know"
    assert {selector.name for selector in selectors(parsed)} <= set(metrics) | recorded()
    assert not unknown_labels(parsed, metrics)


@pytest.mark.parametrize("text", ['up{node="a"}', "sum by (node) (rate(http_requests_total[1m]))"])
def test_a_label_that_a_metric_does_not_have_is_found(text: str) -> None:
    assert unknown_labels(promql.parse(text), declared()) == {"node"}


@pytest.mark.requirement("FIN-68.processes")
@pytest.mark.parametrize("expression", [*expressions()], ids=str)
def test_a_quantile_is_of_all_processes_and_a_counter_is_never_shown_raw(expression: Expression) -> None:
    for node in nodes(promql.parse(expression.text)):
        if isinstance(node, promql.Call) and node.func.name == "histogram_quantile":
            summed = node.args[1]
            assert isinstance(summed, promql.AggregateExpr)
            assert summed.modifier is not None
            assert "le" in summed.modifier.labels
    counters = re.findall(r"\w+(?:_total|_bucket|_sum|_count)\b(?:\{[^}]*\})?(\[?)", expression.text)
    assert all(counters), "a counter only rises: show its rate or increase"


@ASKING
def test_every_panel_says_what_it_shows_and_what_to_do(path: Path) -> None:
    for panel in panels(path):
        assert panel["title"]
        assert len(panel["description"].split()) >= 10, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]
        assert all(target["expr"] for target in panel["targets"]), panel["title"]


@EVERY
def test_ids_and_titles_are_unique_and_panels_do_not_overlap(path: Path) -> None:
    every = dashboard(path)["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in panels(path)}) == len(panels(path))
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.requirement("FIN-36.sources")
@ASKING
def test_every_data_source_is_provisioned(path: Path) -> None:
    provisioned = parse((ROOT / "grafana/provisioning/datasources/switchyard.yml").read_text())
    known = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    board = dashboard(path)
    asked = [target["datasource"] for panel in panels(path) for target in panel["targets"]]
    asked += [panel["datasource"] for panel in panels(path)]
    asked += [choice["datasource"] for choice in board["templating"]["list"]]
    asked += [mark["datasource"] for mark in board["annotations"]["list"]]
    assert {(source["type"], source["uid"]) for source in asked} <= known
    assert {"prometheus", "loki", "alertmanager"} == {uid for _, uid in known}


@ASKING
def test_a_choice_at_the_top_is_of_a_label_that_its_metric_has(path: Path) -> None:
    metrics = declared()
    for choice in dashboard(path)["templating"]["list"]:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", choice["query"]["query"])
        assert found is not None
        assert found[2] == choice["name"]
        assert found[2] in metrics[found[1]]
        assert any(f"${choice['name']}" in expression.raw for expression in expressions()), choice["name"]


@pytest.mark.requirement("FIN-68.panels")
def test_the_overview_has_its_five_panels() -> None:
    overview = ROOT / "grafana/json/system.json"
    assert dashboard(overview)["title"] == "System Overview"
    assert {panel["title"] for panel in panels(overview)} >= OVERVIEW


@pytest.mark.requirement("FIN-69.panels", "FIN-69.measured")
def test_the_cost_dashboard_has_its_four_panels_and_prices_nothing_by_the_token() -> None:
    cost = ROOT / "grafana/json/cost.json"
    assert dashboard(cost)["title"] == "Cost & Tokens"
    assert {panel["title"] for panel in panels(cost)} >= COST
    dollars = [panel for panel in panels(cost) if panel["fieldConfig"]["defaults"]["unit"] == "currencyUSD"]
    assert len(dollars) >= 5
    for panel in dollars:
        for target in panel["targets"]:
            assert "switchyard_cost_usd_total" in target["expr"], panel["title"]
            assert not re.search(r"\b0\.\d", target["expr"]), "a price belongs into nodes.toml"


def test_finish_reasons_and_thinking_have_panels_by_what_tells_them_apart() -> None:
    shown = {expression.panel: expression.text for expression in expressions()}
    assert shown["Answers by Finish Reason"] == (
        '60 * sum by (finish_reason) (rate(switchyard_answers_total{node=~".*"}[1m]))'
    )
    assert shown["Thinking Tokens by Model"] == (
        '60 * sum by (model) (rate(switchyard_thinking_tokens_total{node=~".*", model=~".*"}[1m]))'
    )


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Error Rate", "HighErrorRate"),
        ("P95 Latency", "HighLatency"),
        ("Database Pool", "DatabaseConnectionPoolExhausted"),
        ("Qdrant Latency", "QdrantHighLatency"),
        ("Tokens in the Last Hour", "HighTokenUsage"),
        ("Missing Copies", "CollectionCopiesMissing"),
    ],
)
def test_a_line_is_drawn_where_the_alert_fires_and_its_runbook_is_linked(title: str, name: str) -> None:
    panel = next(panel for path in FILES for panel in panels(path) if panel["title"] == title)
    rule = next(rule for path in RULES.glob("*.yml") for rule in rules_of(path) if rule.get("alert") == name)
    red = next(step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"])
    assert red in [float(number) for number in re.findall(r"[<>=]\s*([\d.e+]+)", rule["expr"])]
    assert name in panel["description"]
    assert panel["links"][0]["url"] == f"/d/switchyard-runbooks?viewPanel={panel_id(name)}"
    pages = {page["id"]: page for page in dashboard(ROOT / "grafana/json/runbooks.json")["panels"]}
    assert pages[panel_id(name)]["title"] == name
    assert pages[panel_id(name)]["options"]["content"].startswith(f"# {name}\n")


def test_links_between_runbooks_lead_to_their_panels() -> None:
    pages = {page["id"]: page for page in dashboard(ROOT / "grafana/json/runbooks.json")["panels"]}
    texts = [page["options"]["content"] for page in pages.values() if page["type"] == "text"]
    targets = [target for text in texts for target in re.findall(r"\]\(([^)]*)\)", text)]
    assert targets
    for target in targets:
        found = re.fullmatch(r"\?viewPanel=(\d+)", target)
        assert found is not None, target
        assert int(found[1]) in pages


def test_a_threshold_is_the_number_of_the_first_comparison() -> None:
    assert threshold_of("sum(a) / sum(b) > 0.05 and sum(b) > 3") == 0.05
    with pytest.raises(AlertUnreadable):
        threshold_of("absent(up)")
    with pytest.raises(AlertUnreadable):
        alert("NoSuchAlert")
