"""An alert's whole way, on real programs: a target that falls silent, Prometheus, Alertmanager, a webhook."""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.local.process import poll_until
from tests.integration.monitoring import RUNBOOKS, Target, alertmanager, prometheus
from tests.ops.monitoring_programs import alertmanager_file

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

TOLD_S = 40.0


@pytest.fixture
def webhook() -> Generator[Target]:
    """Where alerts are sent."""
    with Target() as webhook:
        yield webhook


@pytest.fixture
def replica() -> Generator[Target]:
    """A replica that Prometheus scrapes."""
    with Target("switchyard_replicas_configured 1\n") as replica:
        yield replica


@pytest.fixture
def quick(tmp_path: Path, webhook: Target) -> Path:
    """The configuration of compose, which tells after a second what it tells after half a minute."""
    file = alertmanager_file(tmp_path, f"http://{webhook.address}/")
    text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
    return file


def told(webhook: Target, instance: str, status: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the alerts of an instance that were sent with that status, each with its receiver."""
    return [
        (message["receiver"], alert)
        for message in webhook.received
        for alert in message["alerts"]
        if alert["status"] == status and alert["labels"].get("instance") == instance
    ]


@pytest.mark.requirement("FIN-72.told", "ORC-04.told")
def test_a_replica_that_falls_silent_is_told_to_somebody_and_so_is_its_return(
    tmp_path: Path, quick: Path, webhook: Target, replica: Target
) -> None:
    replica.is_up = False
    with (
        Target() as worker,
        alertmanager(tmp_path, quick) as alerts_go_to,
        prometheus(tmp_path, replicas=[replica.address], workers=[worker.address], alertmanagers=[alerts_go_to]),
    ):
        assert poll_until(lambda: bool(told(webhook, replica.address, "firing")), limit_s=TOLD_S)
        receiver, alert = told(webhook, replica.address, "firing")[0]
        assert (receiver, alert["labels"]["alertname"], alert["labels"]["component"]) == (
            "critical",
            "ServiceDown",
            "api",
        )
        assert alert["annotations"]["runbook_url"] == f"{RUNBOOKS}/ServiceDown.html"
        assert "runbooks" not in alert["labels"]
        assert replica.address in alert["annotations"]["description"]
        replica.is_up = True
        assert poll_until(lambda: bool(told(webhook, replica.address, "resolved")), limit_s=TOLD_S)


def beats(webhook: Target) -> list[dict[str, Any]]:
    """Return the messages that came to the heartbeat's receiver."""
    return [message for message in webhook.received if message["receiver"] == "heartbeat"]


def test_that_alerts_arrive_is_told_again_and_again(tmp_path: Path, quick: Path, webhook: Target) -> None:
    text = quick.read_text(encoding="utf-8")
    assert text.count("repeat_interval: 50s") == 1
    quick.write_text(text.replace("repeat_interval: 50s", "repeat_interval: 500ms"), encoding="utf-8")
    with (
        alertmanager(tmp_path, quick) as alerts_go_to,
        prometheus(tmp_path, replicas=[], workers=[], alertmanagers=[alerts_go_to]),
    ):
        assert poll_until(lambda: len(beats(webhook)) >= 3, limit_s=TOLD_S)
    assert {alert["labels"]["alertname"] for message in beats(webhook) for alert in message["alerts"]} == {"Watchdog"}


def states(address: str) -> dict[str, str]:
    """Return by name what Alertmanager does with each alert that it has: `active` or `suppressed`."""
    found = httpx.get(f"http://{address}/api/v2/alerts").raise_for_status().json()
    return {alert["labels"]["alertname"]: alert["status"]["state"] for alert in found}


ERRORS, SLOW, RUNS, NODE = (
    ("HighErrorRate", "api"),
    ("QdrantHighLatency", "retrieval"),
    ("RunsFailing", "agents"),
    ("NodeDown", "inference"),
)


@pytest.mark.parametrize(
    ("cause", "silenced", "loud"),
    [
        pytest.param(("ServiceDown", "critical", "api"), None, ERRORS, id="one replica of several silences nothing"),
        pytest.param(("ServiceDown", "critical", "postgres"), ERRORS, SLOW, id="PostgreSQL"),
        pytest.param(("ServiceDown", "critical", "retrieval"), SLOW, ERRORS, id="Qdrant"),
        pytest.param(("NoNodeRoutable", "critical", "inference"), NODE, SLOW, id="every node"),
        pytest.param(("DatabaseConnectionPoolExhausted", "critical", "postgres"), RUNS, SLOW, id="the pool"),
        pytest.param(("ServiceDown", "warning", "monitoring"), None, RUNS, id="an exporter silences nothing"),
    ],
)
def test_what_follows_from_a_told_cause_is_not_told_too(
    tmp_path: Path,
    cause: tuple[str, str, str],
    silenced: tuple[str, str] | None,
    loud: tuple[str, str],
) -> None:
    name, severity, component = cause
    sent = [{"alertname": name, "severity": severity, "component": component}]
    sent += [{"alertname": of, "severity": "warning", "component": where} for of, where in (silenced or loud, loud)]
    expected = {name: "active", loud[0]: "active"} | ({silenced[0]: "suppressed"} if silenced else {})
    with alertmanager(tmp_path, alertmanager_file(tmp_path)) as address:
        httpx.post(f"http://{address}/api/v2/alerts", json=[{"labels": labels} for labels in sent]).raise_for_status()
        # What a cause silences is noted beside the answer to whoever tells of it, perhaps a moment later.
        poll_until(lambda: states(address) == expected, limit_s=TOLD_S)
        assert states(address) == expected
