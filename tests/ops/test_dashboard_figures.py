"""What panels show of a made-up hour: each figure in its unit, over all processes, as Prometheus computes it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.ops.alert_rules import RULE_FILES, rules
from tests.ops.dashboards import FILES, expressions, panels
from tests.ops.monitoring_programs import program

requirement = pytest.mark.requirement
Figures = Mapping[str, float]
"""A value by its labels, as PromQL writes them: `{model="m"}`."""

CHAT = 'method="POST", endpoint="/api/v1/chat"'
# Two replicas. The number is what a counter grows by in 15 s, a scrape.
GROWING = {
    f'http_requests_total{{instance="a", {CHAT}, status="200"}}': 15,
    f'http_requests_total{{instance="b", {CHAT}, status="200"}}': 6,
    f'http_requests_total{{instance="b", {CHAT}, status="503"}}': 3,
    'http_requests_total{instance="a", method="GET", endpoint="/api/v1/sessions", status="404"}': 6,
    # Machines ask far more often than people.
    'http_requests_total{instance="a", method="GET", endpoint="/livez", status="200"}': 150,
    'http_requests_total{instance="b", method="GET", endpoint="/metrics", status="500"}': 150,
    # Of 100 runs of a step 90 take up to 10 s, all on `a`, and 10 up to 20 s, all on `b`.
    'agent_execution_duration_seconds_bucket{instance="a", query_type="simple", le="10.0"}': 90,
    'agent_execution_duration_seconds_bucket{instance="a", query_type="simple", le="20.0"}': 90,
    'agent_execution_duration_seconds_bucket{instance="a", query_type="simple", le="+Inf"}': 90,
    'agent_execution_duration_seconds_bucket{instance="b", query_type="complex", le="10.0"}': 0,
    'agent_execution_duration_seconds_bucket{instance="b", query_type="complex", le="20.0"}': 10,
    'agent_execution_duration_seconds_bucket{instance="b", query_type="complex", le="+Inf"}': 10,
    'switchyard_input_tokens_total{instance="a", tier="simple", node="n1", model="m"}': 300,
    'switchyard_output_tokens_total{instance="a", tier="simple", node="n1", model="m"}': 75,
    'switchyard_input_tokens_total{instance="b", tier="complex", node="n2", model="l"}': 150,
    'switchyard_output_tokens_total{instance="b", tier="complex", node="n2", model="l"}': 45,
    'switchyard_cost_usd_total{instance="a", tier="simple", node="n1", model="m"}': 0.0005,
    'switchyard_cost_usd_total{instance="b", tier="complex", node="n2", model="l"}': 0.001,
    'agent_token_usage_sum{instance="a", agent_name="assistant", model="m"}': 1200,
    'agent_token_usage_count{instance="a", agent_name="assistant", model="m"}': 4,
    'agent_token_usage_sum{instance="b", agent_name="assistant", model="l"}': 900,
    'agent_token_usage_count{instance="b", agent_name="assistant", model="l"}': 1,
    'switchyard_runs_total{instance="a", team="assistant", outcome="done"}': 90,
    'agent_errors_total{instance="a", agent_name="assistant", error_type="node_failed"}': 1,
    'agent_errors_total{instance="b", agent_name="assistant", error_type="node_failed"}': 2,
    'agent_errors_total{instance="b", agent_name="billing_agent", error_type="run_failed"}': 5,
    'tool_calls_total{instance="a", tool_name="document_search", success="true"}': 6,
    'tool_calls_total{instance="b", tool_name="document_search", success="false"}': 2,
    'tool_calls_total{instance="b", tool_name="calculator", success="true"}': 3,
}
STEADY = {
    'active_queries{instance="a"}': 3,
    'active_queries{instance="b"}': 4,
    'switchyard_db_pool_taken{instance="a"}': 9,
    'switchyard_db_pool_limit{instance="a"}': 10,
    'switchyard_db_pool_taken{instance="b"}': 1,
    'switchyard_db_pool_limit{instance="b"}': 4,
}
ANY = "{}"
EVERY_15_S = 300
SYSTEM, COST = "System Overview", "Cost & Tokens"


def asked(board: str, title: str) -> tuple[str, list[str]]:
    """Return a panel's unit and its expressions."""
    unit = next(
        panel["fieldConfig"]["defaults"]["unit"] for path in FILES for panel in panels(path) if panel["title"] == title
    )
    return unit, [one.text for one in expressions() if (one.dashboard, one.panel) == (board, title)]


def world() -> list[dict[str, str]]:
    """Return the series as promtool takes them."""
    growing = {series: f"0+{step}x{EVERY_15_S}" for series, step in GROWING.items()}
    return [
        {"series": series, "values": values}
        for series, values in (growing | {series: f"{value}x{EVERY_15_S}" for series, value in STEADY.items()}).items()
    ]


def judge(folder: Path, told: Mapping[str, Figures]) -> "subprocess.CompletedProcess[str]":
    """Ask promtool whether each expression has those figures, to four places, after seventy minutes."""
    looks: list[dict[str, Any]] = [
        {
            "expr": f"round({expression}, 0.0001)",
            "eval_time": "70m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in figures.items()],
        }
        for expression, figures in told.items()
    ]
    recorded = [path for path in RULE_FILES if any(one.record and one.record in "".join(told) for one in rules(path))]
    file = folder / "figures.yml"
    case = {"interval": "15s", "input_series": world(), "promql_expr_test": looks}
    # JSON is YAML.
    file.write_text(
        json.dumps({"rule_files": [str(path) for path in recorded], "evaluation_interval": "30s", "tests": [case]}),
        encoding="utf-8",
    )
    return subprocess.run(  # noqa: S603 - a program that this machine has
        [program("promtool"), "test", "rules", str(file)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("board", "panel", "unit", "figures"),
    [
        pytest.param(
            SYSTEM, "Request Rate", "reqps", [{ANY: 2.0}], marks=requirement("FIN-68.requests", "FIN-77.requests")
        ),
        pytest.param(
            SYSTEM, "Success Rate", "percentunit", [{ANY: 0.9}], marks=requirement("FIN-68.success", "FIN-77.requests")
        ),
        pytest.param(SYSTEM, "Error Rate", "percentunit", [{ANY: 0.1}], marks=requirement("FIN-68.errors")),
        pytest.param(SYSTEM, "P95 Latency", "s", [{ANY: 15.0}], marks=requirement("FIN-68.p95", "FIN-77.latency")),
        pytest.param(
            SYSTEM,
            "Latency of Runs",
            "s",
            [{ANY: 5.5556}, {ANY: 15.0}, {ANY: 19.0}],
            marks=requirement("FIN-77.latency"),
        ),
        pytest.param(SYSTEM, "Active Queries", "short", [{ANY: 7.0}], marks=requirement("FIN-68.active")),
        pytest.param(
            COST,
            "Tokens per Minute",
            "suffix: tokens/min",
            [{ANY: 2280.0}],
            marks=requirement("FIN-69.tokens", "FIN-77.tokens"),
        ),
        pytest.param(
            COST, "Cost per Hour", "currencyUSD", [{ANY: 0.36}], marks=requirement("FIN-69.cost", "FIN-77.cost")
        ),
        pytest.param(
            COST,
            "Token Distribution by Model",
            "suffix: tokens",
            [{'{model="m"}': 90_000.0, '{model="l"}': 46_800.0}],
            marks=requirement("FIN-69.models"),
        ),
        pytest.param(
            COST, "Average Tokens per Query", "suffix: tokens", [{ANY: 420.0}], marks=requirement("FIN-69.query")
        ),
        pytest.param(
            SYSTEM,
            "Agent Errors",
            "cpm",
            [
                {
                    '{agent_name="assistant", error_type="node_failed"}': 12.0,
                    '{agent_name="billing_agent", error_type="run_failed"}': 20.0,
                }
            ],
            marks=requirement("FIN-77.agents"),
        ),
        pytest.param(
            SYSTEM,
            "Failed Tool Calls",
            "percentunit",
            [{'{tool_name="document_search"}': 0.25, '{tool_name="calculator"}': 0.0}],
            marks=requirement("FIN-77.tools"),
        ),
        pytest.param(
            SYSTEM,
            "Database Pool",
            "percentunit",
            [{'{instance="a"}': 0.9, '{instance="b"}': 0.25}],
            marks=requirement("FIN-77.pool"),
        ),
    ],
)
def test_a_panel_shows_its_figure_in_its_unit(
    tmp_path: Path, board: str, panel: str, unit: str, figures: list[Figures]
) -> None:
    shown, texts = asked(board, panel)
    assert (shown, len(texts)) == (unit, len(figures))
    done = judge(tmp_path, dict(zip(texts, figures, strict=True)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_figure_that_is_not_shown_is_noticed(tmp_path: Path) -> None:
    _, (text,) = asked(COST, "Cost per Hour")
    done = judge(tmp_path, {text: {ANY: 0.0001}})
    assert done.returncode == 1
    assert "3.6E-01" in done.stdout + done.stderr
