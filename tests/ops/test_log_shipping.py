"""Logs on their way: what Alloy labels, what Loki keeps, what Grafana asks, and what Grafana reads at its start."""

import re
from typing import Any, cast

import pytest
import yaml

from tests.ops.dashboards import ROOT, expressions

GRAFANA = ROOT / "grafana"
BOUNDED = {"service", "level"}
# {label="value", label=~"a|b"} and then stages or line filters, as far as our panels use LogQL.
SELECTOR = re.compile(r'\{\s*(?:\w+\s*(?:=|!=|=~|!~)\s*"[^"]*"\s*,?\s*)+\}')
STAGE = re.compile(r'\s*(?:\|\s*(?:json|logfmt|\w+\s*(?:=|!=|=~|!~)\s*"[^"]*")|(?:\|=|!=|\|~|!~)\s*"[^"]*")')


def yaml_of(path: str) -> dict[str, Any]:
    """Return a YAML file below grafana/."""
    return cast("dict[str, Any]", yaml.safe_load((GRAFANA / path).read_text(encoding="utf-8")))


def is_logql(text: str) -> bool:
    """Say whether a text is a stream selector with stages behind it. Strict: it knows less LogQL than Loki."""
    found = SELECTOR.match(text)
    if found is None:
        return False
    rest = text[found.end() :]
    while rest:
        stage = STAGE.match(rest)
        if stage is None:
            return False
        rest = rest[stage.end() :]
    return True


@pytest.mark.parametrize(
    "text", ['{service="a"', 'service="a"}', "{}", '{service="a"} | jsn', "{service=a}", '{a="b"} | json }']
)
def test_broken_logql_is_found(text: str) -> None:
    assert not is_logql(text)


def test_every_log_query_is_a_selector_of_labels_that_alloy_sets() -> None:
    queries = list(expressions("loki"))
    assert queries
    for query in queries:
        assert is_logql(query.text), str(query)
        selector = query.text[: query.text.index("}")]
        assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= BOUNDED, str(query)


def test_alloy_keeps_labels_that_are_bounded_and_leaves_ids_in_the_line() -> None:
    text = (GRAFANA / "alloy/config.alloy").read_text(encoding="utf-8")
    code = re.sub(r"(?m)^\s*//.*$", "", text)
    kept = re.search(r"stage\.label_keep\s*\{\s*values\s*=\s*\[([^\]]*)\]", code)
    assert kept is not None
    assert set(re.findall(r'"(\w+)"', kept[1])) == BOUNDED
    assert not re.search(r"run_id|request_id|session_id|tenant_id|container_id|container_name", code)
    assert "docker.sock" not in code, "only the proxy in front of the engine may be asked"
    for open_, close in ("{}", "()", "[]"):
        assert code.count(open_) == code.count(close)
    components = {f"{kind}.{name}" for kind, name in re.findall(r'^([\w.]+) "(\w+)" \{', code, re.MULTILINE)}
    used = set(re.findall(r"\b((?:loki|discovery)\.\w+(?:\.\w+)?)\.(?:targets|output|receiver)\b", code))
    assert used <= components
    assert "loki:3100/loki/api/v1/push" in code


def test_loki_forgets_after_thirty_days_and_has_limits() -> None:
    loki = yaml_of("loki/loki.yml")
    assert set(loki) == {
        "auth_enabled", "server", "common", "schema_config", "limits_config", "compactor", "analytics"
    }  # fmt: skip
    assert loki["limits_config"]["retention_period"] == "720h"
    assert loki["compactor"]["retention_enabled"] is True
    assert loki["compactor"]["delete_request_store"] == "filesystem"
    (schema,) = loki["schema_config"]["configs"]
    assert (schema["store"], schema["object_store"], schema["schema"]) == ("tsdb", "filesystem", "v13")
    assert schema["index"]["period"] == "24h"
    assert loki["limits_config"]["max_label_names_per_series"] <= 6
    assert loki["limits_config"]["ingestion_rate_mb"] <= loki["limits_config"]["ingestion_burst_size_mb"]
    assert loki["server"]["http_listen_port"] == 3100
    assert loki["analytics"]["reporting_enabled"] is False


@pytest.mark.requirement("FIN-36.dashboards")
def test_grafana_reads_the_dashboards_and_lets_nobody_change_them() -> None:
    provided = yaml_of("provisioning/dashboards/switchyard.yml")
    (provider,) = provided["providers"]
    assert provided["apiVersion"] == 1
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    assert provider["allowUiUpdates"] is False
    sources = yaml_of("provisioning/datasources/switchyard.yml")
    assert sources["apiVersion"] == 1
    assert [source["name"] for source in sources["datasources"] if source.get("isDefault")] == ["Prometheus"]
    assert not any(source["editable"] for source in sources["datasources"])
    text = str(sources)
    assert "password" not in text
    assert "secureJsonData" not in text
