"""Alerts: each reads what exists, has cases that fire, clear and stay silent, and a page that says what to do."""

import re
from pathlib import Path

import promql_parser as promql
import pytest

from tests.ops.alert_rules import (
    CASE_FILES,
    COMPOSE,
    LOCAL,
    RULE_FILES,
    RUNBOOKS,
    AlertCase,
    alerts,
    cases,
    groups,
    problems,
    queries,
    read,
    rules,
    runbook,
    selectors,
)

requirement = pytest.mark.requirement
ALERTS = (
    "HighErrorRate",
    "HighLatency",
    "ServiceDown",
    "HighTokenUsage",
    "DatabaseConnectionPoolExhausted",
    "QdrantHighLatency",
    "RunsFailing",
    "NodeDown",
    "NoNodeRoutable",
    "Watchdog",
    "LoopFailing",
    "NodeModelMisconfigured",
    "CollectionCopiesMissing",
    "QueueSaturated",
    "QueueAlone",
    "TasksWaiting",
    "NodeNoticeStanding",
)
# What the alerts are to say, in the units of their expressions: severity, threshold, and how long.
PROMISED = (
    pytest.param(
        "HighErrorRate",
        "warning",
        0.05,
        "5m",
        marks=requirement(
            *("FIN-70.threshold", "FIN-70.duration", "FIN-70.severity", "ORC-04.configured"),
            *("ORC-40.share", "ORC-40.lasts", "FAM-18.errors"),
        ),
    ),
    pytest.param(
        "HighLatency",
        "warning",
        30,
        "10m",
        marks=requirement(
            "FIN-71.threshold", "FIN-71.duration", "FIN-71.severity", "ORC-04.configured", "FIN-90.alert"
        ),
    ),
    pytest.param(
        "ServiceDown",
        "critical",
        0,
        "2m",
        marks=requirement("FIN-72.replica", "FIN-72.duration", "FIN-72.severity", "ORC-04.configured"),
    ),
    pytest.param(
        "HighTokenUsage",
        "warning",
        1_000_000,
        "30m",
        marks=requirement("FIN-73.threshold", "FIN-73.duration", "FIN-73.severity", "ORC-04.configured"),
    ),
    pytest.param(
        "DatabaseConnectionPoolExhausted",
        "critical",
        0.9,
        "5m",
        marks=requirement(
            "FIN-74.threshold", "FIN-74.duration", "FIN-74.severity", "ORC-04.configured", "FIN-92.alert"
        ),
    ),
    pytest.param(
        "QdrantHighLatency",
        "warning",
        2,
        "5m",
        marks=requirement("FIN-75.threshold", "FIN-75.duration", "FIN-75.severity", "ORC-04.configured"),
    ),
    pytest.param("TasksWaiting", "warning", 50, "5m", marks=requirement("FAM-18.queue")),
)
SECTIONS = ("**What users see.**", "## Look", "## Mend", "## Wake someone")
_SECTION = re.compile("|".join(f"^{re.escape(section)}" for section in SECTIONS), re.MULTILINE)
BOUND_JOBS = {"replicas", "workers"}
SCRAPES = 4
_UNITS_S = {"s": 1, "m": 60, "h": 3600}

ALWAYS = "Watchdog"
"""The alert whose absence is the alarm: it has no threshold, and never clears."""
UNCOUNTED = {"NodeDown", "NodeModelMisconfigured", "NodeNoticeStanding", ALWAYS}
"""Alerts whose value says nothing: it is, or it is not."""
SILENT = [one for one in ALERTS if one != ALWAYS]

each_alert = pytest.mark.parametrize("name", ALERTS)
each_alert_that_may_be_silent = pytest.mark.parametrize("name", SILENT)
each_file = pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)


def seconds(text: str) -> int:
    """Return a duration of Prometheus' in seconds."""
    return sum(int(number) * _UNITS_S[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def expected(name: str) -> list[list[AlertCase]]:
    """Return what each case says of an alert, in the order of time."""
    found = [[one for one in case.alert_rule_test if one.alertname == name] for case in cases()]
    return [sorted(one, key=lambda look: seconds(look.eval_time)) for one in found if one]


def test_every_alert_is_listed_here() -> None:
    assert {rule.alert for rule in rules() if rule.alert} == set(ALERTS)


@pytest.mark.parametrize(("name", "severity", "threshold", "lasts"), PROMISED)
def test_an_alert_fires_at_the_promised_threshold(name: str, severity: str, threshold: float, lasts: str) -> None:
    rule = alerts(name)[0]
    assert (rule.labels["severity"], rule.for_) == (severity, lasts)
    compared = promql.parse(rule.expr)
    while isinstance(compared, promql.BinaryExpr) and str(compared.op) == "or":
        compared = compared.rhs
    assert isinstance(compared, promql.BinaryExpr)
    assert isinstance(compared.rhs, promql.NumberLiteral)
    assert compared.rhs.val == threshold


@requirement("FIN-70.interval")
def test_alerts_are_looked_at_every_30_seconds() -> None:
    for path in RULE_FILES:
        for group in groups(path):
            assert group.interval == ("30s" if any(rule.alert for rule in group.rules) else ""), group.name


@each_alert
def test_an_alert_says_what_is_wrong_how_bad_and_where_to_read_on(name: str) -> None:
    for rule in alerts(name):
        assert rule.labels["severity"] in ({"none"} if name == ALWAYS else {"critical", "warning"})
        assert rule.labels["component"]
        assert rule.annotations.keys() == {"summary", "description", "runbook_url"}
        assert rule.annotations["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{name}.html"
        told = rule.annotations["summary"] + rule.annotations["description"]
        if not rule.expr.rstrip().endswith("== 0") and name not in UNCOUNTED:
            assert re.search(r"\$value \| humanize", told), told


@requirement("ORC-48.fires", "ORC-48.clears")
@each_alert_that_may_be_silent
def test_an_alert_has_cases_that_fire_that_clear_and_that_stay_silent(name: str) -> None:
    lasts = max(seconds(rule.for_) for rule in alerts(name))
    told = expected(name)
    assert any(look.exp_alerts for case in told for look in case)
    cleared = (case for case in told if any(look.exp_alerts for look in case))
    assert any(not case[-1].exp_alerts and not case[0].exp_alerts for case in cleared), "no case before, in and after"
    silent = [case[-1] for case in told if not any(look.exp_alerts for look in case)]
    assert any(seconds(look.eval_time) > lasts for look in silent), "no case that stays silent for long enough"


@each_alert_that_may_be_silent
def test_an_alert_fires_at_the_first_data_of_a_process_that_meet_its_threshold(name: str) -> None:
    born = [case for case in cases() if case.name.startswith("from an empty world")]
    looks = [look for case in born for look in case.alert_rule_test if look.alertname == name]
    assert any(look.exp_alerts for look in looks), "no case that begins with the process and fires"


@requirement("ORC-49.meaning", "ORC-49.look", "ORC-49.mend", "ORC-49.on-call")
@requirement("ORC-06.alerts", "UPL-49.runbooks")
@each_alert
def test_an_alert_has_a_page_whose_queries_would_be_answered(name: str) -> None:
    page = runbook(name)
    assert page.startswith(f"# {name}\n")
    assert tuple(_SECTION.findall(page)) == SECTIONS
    assert [told for told in _SECTION.split(page) if len(told.split()) < 2] == []
    assert queries(page)
    assert [f"{query}: {wrong}" for query in queries(page) for wrong in problems(query)] == []


@each_alert
def test_a_page_links_to_pages_that_exist(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", runbook(name))
    assert [link for link in links if not (RUNBOOKS / link).exists()] == []


def test_no_page_is_left_of_an_alert_that_went() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {rule.alert for rule in rules() if rule.alert}


@each_file
def test_rules_read_only_what_exists(path: Path) -> None:
    assert [f"{rule.record or rule.alert}: {wrong}" for rule in rules(path) for wrong in problems(rule.expr)] == []


@each_file
def test_rules_work_at_a_scrape_interval_of_15_seconds(path: Path) -> None:
    windows = {rule.record: re.findall(r"\[(\w+)\]", rule.expr) for rule in rules(path)}
    least = SCRAPES * seconds(read(COMPOSE)["global"]["scrape_interval"])
    short = [f"{name} [{window}]" for name, found in windows.items() for window in found if seconds(window) < least]
    assert short == []


@each_file
def test_every_recorded_series_has_a_case(path: Path) -> None:
    shown = " ".join(str(look["expr"]) for case in cases() for look in case.promql_expr_test)
    assert [rule.record for rule in rules(path) if rule.record and rule.record not in shown] == []


def test_a_component_has_its_name_in_both_places() -> None:
    assert {path.stem.partition("_")[0] for path in CASE_FILES} == {path.stem for path in RULE_FILES}
    assert all([group.name for group in groups(path)] == [path.stem, f"{path.stem}-alerts"] for path in RULE_FILES)


def test_rules_name_jobs_that_are_scraped() -> None:
    compose = {job["job_name"] for job in read(COMPOSE)["scrape_configs"]}
    local = set(re.findall(r"job_name: (\w+)", LOCAL.read_text(encoding="utf-8")))
    assert local == BOUND_JOBS < compose
    named: set[str] = set()
    for rule in rules():
        for selector in selectors(rule.expr):
            for matcher in selector.matchers.matchers:
                if matcher.name == "job":
                    named |= set(matcher.value.split("|"))
    assert named <= compose


@pytest.mark.parametrize(
    "expr",
    [
        "rate(active_queries[5m])",
        "http_request_total",
        'http_requests_total{code="200"}',
        "sum by (team) (rate(http_requests_total[5m]))",
        "histogram_quantile(0.95, rate(agent_execution_duration_seconds_bucket[5m]))",
        "agent_execution_duration_seconds > 30",
        "qdrant_search_duration_seconds > 2",
    ],
)
def test_what_these_tests_look_for_they_find(expr: str) -> None:
    assert problems(expr) != []
