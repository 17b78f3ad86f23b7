"""Rules, dashboards and the pages for operators name only metrics that exist."""

import re

from prometheus_client import CollectorRegistry

from app.telemetry.metrics import Metrics
from tests.architecture.sources import ROOT, none

FOLDERS = ("prometheus", "grafana", "docs/how-to", "ops/runbooks", "ops/load")
_OURS = re.compile(r"\b(?:switchyard|http_requests|api_request|db_query|agent|tool|active|response_quality)_[a-z_]+\b")
# Label names and file names that look like metrics.
NOT_METRICS = {"agent_name", "agent_used", "agent_chosen", "tool_name", "tool_call", "switchyard_recording"}


def declared() -> set[str]:
    """Return every sample name that the application can expose."""
    registry = CollectorRegistry()
    Metrics(registry)
    names: set[str] = set()
    for family in registry.collect():
        for suffix in ("", "_total", "_bucket", "_sum", "_count", "_created"):
            names.add(f"{family.name}{suffix}")
    return names


def test_metrics_of_rules_dashboards_and_pages_exist() -> None:
    names = declared() | NOT_METRICS
    found = [
        f"{path.relative_to(ROOT)} {name}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".yml", ".yaml", ".json", ".template", ".md", ".toml"}
        for name in sorted(set(_OURS.findall(path.read_text(encoding="utf-8"))))
        if name not in names
    ]
    none(found)


def test_the_names_that_operators_rely_on_are_declared() -> None:
    promised = {"http_requests_total", "api_requests_total", "api_request_duration_seconds_bucket", "active_sessions"}
    assert promised <= declared()


def test_label_names_are_bounded() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    unbounded = {"session_id", "run_id", "tenant_id", "key_id", "request_id", "user_id"}
    labels: set[str] = set()
    for metric in vars(metrics).values():
        labels |= set(getattr(metric, "_labelnames", ()))
    assert not labels & unbounded
    assert {"tier", "node", "model"} <= labels
