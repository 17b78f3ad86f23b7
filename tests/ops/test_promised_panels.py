"""Panels that are promised: each asks for what its title says, in the promised unit and by the promised label."""

import json

import pytest

from grafana.dashboards import cost, system
from grafana.dashboards.board import to_json
from grafana.dashboards.panel import Panel, Unit
from tests.ops.dashboards import filled

requirement = pytest.mark.requirement
BOARDS = (system.board(), cost.board())
SHOWN = {panel.title: panel for board in BOARDS for row in board.rows for panel in row.panels}
REQUESTS = 'instance=~".*", endpoint!~"/livez|/readyz|/health|/metrics"'
EVERYWHERE = 'instance=~".*"'
RUNS = 'sum(rate(switchyard_runs_total{instance=~".*"}[1m]))'


def p95(histogram: str, label: str, where: str) -> str:
    """Return the expression for the p95 of all processes, by a label."""
    return f"histogram_quantile(0.95, sum by (le, {label}) (rate({histogram}_bucket{{{where}}}[1m]))) >= 0"


def of_runs(share: str) -> str:
    """Return the expression for a quantile of the time that runs take."""
    buckets = 'rate(agent_execution_duration_seconds_bucket{instance=~".*"}[1m])'
    return f"histogram_quantile({share}, sum by (le) ({buckets})) >= 0"


SLOW_QUERIES = p95("db_query_duration_seconds", "operation", EVERYWHERE)


def asked(title: str) -> dict[str, str]:
    """Return what a panel asks, by what its lines are called."""
    return {query.legend: filled(query.expr) for query in SHOWN[title].queries}


PANELS = (
    pytest.param(
        "Request Rate",
        Unit.REQUESTS_PER_S,
        {"requests": f"sum(rate(http_requests_total{{{REQUESTS}}}[1m]))"},
        marks=requirement("FAM-17.rate"),
        id="requests",
    ),
    pytest.param(
        "P95 Latency by Endpoint",
        Unit.SECONDS,
        {"{{endpoint}}": p95("api_request_duration_seconds", "endpoint", REQUESTS)},
        marks=requirement("FAM-17.latency", "UPL-35.times"),
        id="latency of endpoints",
    ),
    pytest.param(
        "Latency of Runs",
        Unit.SECONDS,
        {"p50": of_runs("0.5"), "p95": of_runs("0.95"), "p99": of_runs("0.99")},
        marks=requirement("ORC-30.p50", "ORC-30.p95", "ORC-30.p99"),
        id="latency of runs",
    ),
    pytest.param(
        "Runs by Outcome",
        Unit.PER_MINUTE,
        {"{{outcome}}": '60 * sum by (outcome) (rate(switchyard_runs_total{instance=~".*"}[1m]))'},
        marks=requirement("ORC-30.rate", "ORC-36.volume", "UPL-36.queries"),
        id="queries",
    ),
    pytest.param(
        "Error Rate",
        Unit.RATIO,
        {"errors": "switchyard:http_errors:ratio5m"},
        marks=requirement("ORC-30.errors", "UPL-35.errors"),
        id="errors",
    ),
    pytest.param(
        "Agent Errors",
        Unit.PER_MINUTE,
        {
            "{{agent_name}} {{error_type}}": "60 * (sum by (agent_name, error_type)"
            ' (rate(agent_errors_total{instance=~".*"}[1m])) > 0 or on () label_replace(label_replace('
            f'0 * {RUNS}, "agent_name", "none", "", ""), "error_type", "none", "", ""))'
        },
        marks=requirement("FAM-17.errors", "ORC-34.agents"),
        id="errors by agent",
    ),
    pytest.param(
        "Broken Calls",
        Unit.PER_MINUTE,
        {
            "{{node}} {{failure}}": "60 * (sum by (node, failure)"
            ' (rate(switchyard_call_failures_total{node=~".*"}[1m])) > 0 or on () label_replace(label_replace('
            '0 * sum(rate(switchyard_model_calls_total{node=~".*"}[1m])), "node", "none", "", ""),'
            ' "failure", "none", "", ""))'
        },
        marks=requirement("ORC-34.providers", "UPL-37.outside-errors"),
        id="calls that break",
    ),
    pytest.param(
        "Time to First Token",
        Unit.SECONDS,
        {
            f"p{name}": f"histogram_quantile({share}, sum by (le)"
            " (rate(switchyard_first_token_seconds_bucket[1m]))) >= 0"
            for name, share in (("50", "0.5"), ("95", "0.95"))
        },
        marks=requirement("UPL-37.outside-times"),
        id="time of calls",
    ),
    pytest.param(
        "Node States",
        Unit.NONE,
        {
            "{{node}}": "max by (node) ("
            + " or ".join(
                f'{number} * (switchyard_node_state{{state="{state}", node=~".*"}} == 1)'
                for number, state in enumerate(("ready", "warming", "draining", "misconfigured", "down"), start=1)
            )
            + ")"
        },
        marks=requirement("UPL-37.health"),
        id="nodes",
    ),
    pytest.param(
        "Services Up",
        Unit.RATIO,
        {"{{job}}": "avg by (job) (up)"},
        marks=requirement("UPL-35.status"),
        id="services",
    ),
    pytest.param(
        "Database Pool",
        Unit.RATIO,
        {"{{instance}}": 'switchyard:db_pool:taken_ratio{instance=~".*"}'},
        marks=requirement("FAM-17.pool", "UPL-37.connections"),
        id="pool",
    ),
    pytest.param(
        "PostgreSQL Latency",
        Unit.SECONDS,
        {
            "all": 'histogram_quantile(0.95, sum by (le) (rate(db_query_duration_seconds_bucket{instance=~".*"}[1m])))'
            " >= 0",
            "{{operation}}": f"topk(5, {SLOW_QUERIES})",
        },
        marks=requirement("UPL-37.queries"),
        id="postgresql",
    ),
    pytest.param(
        "Qdrant Latency",
        Unit.SECONDS,
        {
            "all": "switchyard:qdrant_seconds:p95_5m",
            "{{operation}}": p95("switchyard_qdrant_request_seconds", "operation", EVERYWHERE),
        },
        marks=requirement("ORC-33.vector-store"),
        id="qdrant",
    ),
    pytest.param(
        "Redis Latency",
        Unit.SECONDS,
        {"{{store}}": p95("switchyard_redis_request_seconds", "store", EVERYWHERE)},
        marks=requirement("ORC-33.redis"),
        id="redis",
    ),
    pytest.param(
        "Background Jobs",
        Unit.PER_MINUTE,
        {"{{kind}} {{outcome}}": "60 * sum by (kind, outcome) (rate(switchyard_jobs_total[1m]))"},
        marks=requirement("UPL-36.processing"),
        id="jobs",
    ),
    pytest.param(
        "Cost per Hour",
        Unit.USD,
        {"cost": '3600 * sum(rate(switchyard_cost_usd_total{node=~".*", model=~".*"}[1m]))'},
        marks=requirement("FAM-17.cost", "ORC-35.burn"),
        id="cost",
    ),
    pytest.param(
        "Cost by Node",
        Unit.USD,
        {"{{node}}": '3600 * sum by (node) (rate(switchyard_cost_usd_total{node=~".*", model=~".*"}[1m]))'},
        marks=requirement("ORC-35.providers"),
        id="cost by node",
    ),
)


def none_of(labels: tuple[str, ...], present: str) -> str:
    """Return what a panel shows while nothing of its kind has happened."""
    text = f"0 * sum({present})"
    for label in labels:
        text = f'label_replace({text}, "{label}", "none", "", "")'
    return text


NOTICES = 'switchyard_node_notice{node=~".*"}'
WARM_LOADS = 'increase(switchyard_warm_loads_total{node=~".*"}[1h])'
PROMOTIONS = "increase(switchyard_queue_promotions_total[1h])"
REFUSED = none_of(("tier", "reason"), "rate(switchyard_model_calls_total[1m])")
QUEUE = (
    pytest.param(
        "Calls Waiting by Queue",
        Unit.COUNT,
        {"{{tier}}": "sum by (tier) (max by (tier, lane) (switchyard_queue_calls))"},
        id="waiting",
    ),
    pytest.param(
        "Calls Waiting by Lane",
        Unit.COUNT,
        {"{{lane}}": "sum by (lane) (max by (tier, lane) (switchyard_queue_calls))"},
        id="waiting by lane",
    ),
    pytest.param(
        "Wait for a Slot by Lane",
        Unit.SECONDS,
        {
            "{{lane}}": "histogram_quantile(0.95, sum by (le, lane)"
            " (rate(switchyard_slot_wait_seconds_bucket[1m]))) >= 0"
        },
        id="wait by lane",
    ),
    pytest.param(
        "Turns for Having Waited Too Long",
        Unit.COUNT,
        {"{{lane}}": f"(sum by (lane) ({PROMOTIONS}) > 0 or on () {none_of(('lane',), PROMOTIONS)})"},
        id="promotions",
    ),
    pytest.param(
        "Time to Empty the Queue",
        Unit.SECONDS,
        {"{{tier}}": "max by (tier) (switchyard_queue_drain_seconds)"},
        id="drain",
    ),
    pytest.param(
        "Wait for a Slot",
        Unit.SECONDS,
        {
            f"p{name} {{{{tier}}}}": f"histogram_quantile({share}, sum by (le, tier)"
            " (rate(switchyard_slot_wait_seconds_bucket[1m]))) >= 0"
            for name, share in (("50", "0.5"), ("95", "0.95"))
        },
        id="wait",
    ),
    pytest.param(
        "Refused Calls",
        Unit.PER_MINUTE,
        {
            "{{tier}} {{reason}}": "60 * (sum by (tier, reason) (rate(switchyard_queue_refused_total[1m])) > 0"
            f" or on () {REFUSED})"
        },
        id="refused",
    ),
    pytest.param(
        "Processes That Queue Alone",
        Unit.COUNT,
        {"alone": 'sum(1 - switchyard_store_up{store="coordination"})'},
        id="alone",
    ),
    pytest.param(
        "Furthest Beyond Its Turn",
        Unit.SECONDS,
        {"{{lane}}": "max by (lane) (switchyard_queue_deficit_seconds)"},
        id="turns",
    ),
    pytest.param(
        "Node Notices",
        Unit.COUNT,
        {
            "{{node}} {{notice}}": f"(sum by (node, notice) ({NOTICES}) > 0"
            f" or on () {none_of(('node', 'notice'), NOTICES)})"
        },
        id="notices",
    ),
    pytest.param(
        "Warm Loads",
        Unit.COUNT,
        {
            "{{node}} {{outcome}}": f"(sum by (node, outcome) ({WARM_LOADS}) > 0"
            f" or on () {none_of(('node', 'outcome'), WARM_LOADS)})"
        },
        id="warm loads",
    ),
)


@pytest.mark.parametrize(("title", "unit", "lines"), [*PANELS, *QUEUE])
def test_a_promised_panel_asks_for_what_its_title_says(title: str, unit: Unit, lines: dict[str, str]) -> None:
    panel: Panel = SHOWN[title]
    assert (panel.unit, asked(title)) == (unit, lines)


@requirement("ORC-03.live")
def test_a_dashboard_shows_the_last_hour_and_loads_anew_every_half_minute() -> None:
    for board in BOARDS:
        drawn = json.loads(to_json(board))
        assert (drawn["time"], drawn["refresh"]) == ({"from": "now-1h", "to": "now"}, "30s"), board.title
