"""The monitoring programs' own judgement: rules, their cases, both configurations, and where an alert goes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.ops.alert_rules import CASE_FILES, FOLDER, ROOT, rules
from tests.ops.monitoring_programs import alertmanager_file, program

requirement = pytest.mark.requirement
OF_THE_CASES = {
    "agents": requirement("FIN-71.threshold", "FIN-71.processes", "FIN-71.duration", "ORC-04.fires"),
    "api": requirement(
        *("FIN-70.threshold", "FIN-70.duration", "FIN-70.failures", "ORC-04.fires"),
        *("FAM-18.errors", "ORC-40.share", "ORC-40.lasts"),
    ),
    "api_service_down": requirement(
        *("FIN-72.replica", "FIN-72.gone", "FIN-72.duration", "ORC-04.fires"),
        *("ORC-44.silent", "ORC-44.gone", "ORC-44.lasts", "ORC-46.any"),
        *("UPL-33.down", "UPL-33.database", "FAM-14.instances"),
    ),
    "inference": requirement("FIN-73.threshold", "FIN-73.all", "FIN-73.duration", "ORC-04.fires"),
    "postgres": requirement("FIN-74.threshold", "FIN-74.process", "FIN-74.duration", "ORC-04.fires", "FIN-92.alert"),
    "retrieval": requirement("FIN-75.threshold", "FIN-75.processes", "FIN-75.duration", "ORC-04.fires"),
}


def run(*command: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a program; bounded in time."""
    return subprocess.run(  # noqa: S603 - programs that this machine has
        command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=120, check=False
    )


@requirement("ORC-48.fires", "ORC-48.clears")
@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=OF_THE_CASES.get(path.stem, ()), id=path.stem) for path in CASE_FILES]
)
def test_the_cases_of_a_component_hold(path: Path) -> None:
    done = run(program("promtool"), "test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_does_not_hold_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    rule = tmp_path / "rules" / "api.yml"
    rule.write_text(rule.read_text().replace("ratio5m > 0.05", "ratio5m > 0.5"))
    done = run(program("promtool"), "test", "rules", str(tmp_path / "tests" / "api.yml"))
    assert done.returncode == 1
    assert "HighErrorRate" in done.stdout + done.stderr


def test_the_script_of_make_check_finds_everything_right() -> None:
    program("promtool")
    program("amtool")
    done = run(str(ROOT / "ops" / "prometheus.sh"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" are right\n") == 2


BREAKS = (
    ("prometheus.yml", "scrape_interval: 15s", "scrape_interval: 15"),
    ("prometheus.local.yml.template", "job_name: workers", "jobname: workers"),
    ("rules/agents.yml", "for: 10m", "for: ten"),
    ("tests/retrieval.yml", "Qdrant takes 3.5s", "Qdrant takes 3.6s"),
    ("alertmanager.yml", "receiver: critical", "receiver: nobody"),
    ("alertmanager.local.yml.template", "receiver: page", "receiver: nobody"),
)


@pytest.mark.parametrize(("name", "right", "wrong"), BREAKS, ids=[name for name, _, _ in BREAKS])
def test_the_script_of_make_check_stops_at_what_is_wrong(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    # Programs outside of .venv are found by PATH: a copy of the repository has none of its own.
    path = os.pathsep.join(
        [os.environ["PATH"], str(Path(program("promtool")).parent), str(Path(program("amtool")).parent)]
    )
    (tmp_path / "ops").mkdir()
    for script in ("prometheus.sh", "debian.sh"):
        shutil.copy(ROOT / "ops" / script, tmp_path / "ops")
    shutil.copytree(FOLDER, tmp_path / "prometheus")
    broken = tmp_path / "prometheus" / name
    assert right in broken.read_text()
    broken.write_text(broken.read_text().replace(right, wrong, 1))
    done = run(str(tmp_path / "ops" / "prometheus.sh"), PATH=path)
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        pytest.param(("severity=critical", "alertname=ServiceDown"), "critical", marks=requirement("FIN-72.told")),
        pytest.param(("severity=critical", "component=postgres"), "critical", marks=requirement("FIN-74.told")),
        pytest.param(("severity=warning", "alertname=HighErrorRate"), "warning", marks=requirement("FIN-70.told")),
        pytest.param(("alertname=SomethingNew",), "warning"),
        pytest.param(("severity=none", "alertname=Watchdog"), "heartbeat"),
    ],
)
def test_an_alert_goes_where_its_severity_says(tmp_path: Path, labels: tuple[str, ...], receiver: str) -> None:
    file = alertmanager_file(tmp_path)
    done = run(program("amtool"), "config", "routes", "test", f"--config.file={file}", *labels)
    assert (done.returncode, done.stdout.strip()) == (0, receiver)


@pytest.mark.requirement("UPL-08.outside")
def test_the_address_that_alerts_go_to_is_a_secret_and_in_no_file() -> None:
    told = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    hooks = [hook for receiver in told["receivers"] for hook in receiver["webhook_configs"]]
    assert [hook["url_file"] for hook in hooks] == [
        *["/run/secrets/alert_webhook_url"] * 2,
        "/run/secrets/alert_heartbeat_url",
    ]
    assert "http" not in str(told)


def test_alerts_of_the_local_stack_go_nowhere() -> None:
    told = yaml.safe_load((FOLDER / "alertmanager.local.yml.template").read_text())
    assert told["receivers"] == [{"name": told["route"]["receiver"]}]
    assert "routes" not in told["route"]


def test_every_severity_has_a_route_of_its_own() -> None:
    told = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())["route"]
    severities = {rule.labels["severity"] for rule in rules() if rule.alert}
    assert {route["matchers"][0] for route in told["routes"]} == {f'severity="{one}"' for one in severities}
    assert (told["group_by"], told["group_interval"]) == (["alertname"], "30s")
