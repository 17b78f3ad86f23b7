"""The secrets of the deployment: random, kept, readable by the containers and by nobody else."""

import hashlib
import json
import re
import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.ops.compose import ROOT, load
from tests.ops.made_secrets import make_secrets, read_secrets

COMPOSE = load()
# Parts of other secrets; no container gets them.
NOT_MOUNTED = {"redis_exporter_password"}
_RANDOM = re.compile(r"[0-9a-f]{64}")


def test_every_secret_of_the_compose_file_is_made_and_none_besides(secrets_folder: Path) -> None:
    assert {path.name for path in secrets_folder.iterdir()} - NOT_MOUNTED == COMPOSE.secrets.keys()
    for name, secret in COMPOSE.secrets.items():
        assert secret == {"file": f"./secrets/{name}"}


def test_nobody_else_may_enter_the_folder_and_containers_may_read_the_files(secrets_folder: Path) -> None:
    """Compose mounts a secret with the mode that it has, and each image reads it as a user of its own."""
    assert stat.S_IMODE(secrets_folder.stat().st_mode) == 0o700
    for path in secrets_folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o400 if path.name == "tls_key" else 0o444), path.name
    readers = [name for name, service in COMPOSE.services.items() if "tls_key" in {s.source for s in service.secrets}]
    assert readers == ["nginx"]
    assert "DAC_OVERRIDE" in COMPOSE.services["nginx"].cap_add, "root reads a file of another user by this alone"


def test_git_ignores_the_secrets_and_the_settings_of_a_deployment() -> None:
    assert {"/secrets/", "/.env"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    assert make_secrets(folder).returncode == 0
    before = {path.name: (path.read_text(), path.stat().st_ino) for path in folder.iterdir()}
    again = make_secrets(folder, PUBLIC_NAME="another.example", ALERT_WEBHOOK_URL="https://another.example")
    assert again.returncode == 0
    assert "made " not in again.stdout
    assert {path.name: (path.read_text(), path.stat().st_ino) for path in folder.iterdir()} == before


def test_no_two_deployments_share_a_secret(tmp_path: Path, secrets_folder: Path) -> None:
    assert make_secrets(tmp_path / "other").returncode == 0
    one, other = read_secrets(secrets_folder), read_secrets(tmp_path / "other")
    assert [name for name in one if one[name] == other[name]] == [
        "alert_webhook_url",
        "alert_heartbeat_url",
    ]
    for name in one:
        if name.endswith(("_password", "_key")) and name != "tls_key":
            assert _RANDOM.fullmatch(one[name]), name


def test_what_is_made_from_another_secret_holds_it(secrets_folder: Path) -> None:
    made = read_secrets(secrets_folder)
    assert urlsplit(made["database_url"]).password == made["postgres_application_password"]
    assert yaml.safe_load(made["qdrant_config"]) == {"service": {"api_key": made["qdrant_api_key"]}}
    assert json.loads(made["redis_exporter_passwords"]) == {
        f"redis://exporter@redis-{role}:6379": made["redis_exporter_password"] for role in ("cache", "coordination")
    }
    for role in ("cache", "coordination"):
        for user, password in (
            ("switchyard", urlsplit(made[f"{role}_url"]).password or ""),
            ("exporter", made["redis_exporter_password"]),
        ):
            digest = hashlib.sha256(password.encode()).hexdigest()
            assert f"user {user} on #{digest} " in made[f"redis_{role}_users"], f"{role}: {user}"
            assert password not in made[f"redis_{role}_users"]


@pytest.mark.parametrize("lost", ["database_url", "redis_cache_users", "redis_exporter_passwords", "qdrant_config"])
def test_a_secret_that_was_lost_is_made_again_from_what_is_left(tmp_path: Path, lost: str) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder).returncode == 0
    before = read_secrets(folder)
    (folder / lost).unlink()
    assert make_secrets(folder).returncode == 0
    assert read_secrets(folder) == before


def test_a_certificate_without_its_key_is_told_and_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder).returncode == 0
    (folder / "tls_key").unlink()
    again = make_secrets(folder)
    assert again.returncode == 1
    assert "tls_certificate and tls_key belong together" in again.stderr


def test_the_first_certificate_is_for_the_public_names(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder, PUBLIC_NAME="one.example two.example").returncode == 0
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "tls_certificate", folder / "tls_key")
    trusted = ssl.create_default_context(cafile=folder / "tls_certificate")
    names = trusted.get_ca_certs()[0]["subjectAltName"]
    assert names == (("DNS", "one.example"), ("DNS", "two.example"))


def test_alerts_go_where_the_operator_says(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    given = {"ALERT_WEBHOOK_URL": "https://hooks.example/x", "ALERT_HEARTBEAT_URL": "https://beat.example/y"}
    assert make_secrets(folder, **given).returncode == 0
    for name, url in given.items():
        assert (folder / name.lower()).read_text() == url


@pytest.mark.requirement("UPL-08.database")
def test_no_secret_is_written_in_the_files_of_the_deployment(secrets_folder: Path) -> None:
    """Neither a password in an address nor a variable that would hold one."""
    for name, service in COMPOSE.services.items():
        for variable, value in service.environment.items():
            assert not re.search(r"://[^/@]*:[^/@]*@", value), f"{name}: {variable}"
            if re.search(r"PASS|SECRET|API_KEY", variable):
                assert value.startswith("/run/secrets/"), f"{name}: {variable}"
    assert all((secrets_folder / name).exists() for name in COMPOSE.secrets)


def test_every_secret_that_a_service_names_is_mounted_there() -> None:
    for name, service in COMPOSE.services.items():
        mounted = {secret.target for secret in service.secrets}
        words = [*service.environment.values(), *service.command]
        named = {word for word in words if word.startswith("/run/secrets/")}
        assert named <= mounted, f"{name}: {named - mounted}"


@pytest.mark.requirement("ORC-06.secrets")
def test_the_page_tells_how_each_secret_is_changed_and_names_no_other() -> None:
    page = (ROOT / "docs" / "how-to" / "keep-secrets.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 5]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[2])}
    assert named == COMPOSE.secrets.keys() | NOT_MOUNTED
    for row in rows:
        files, services = (
            set(re.findall(r"`([a-z_]+)`", row.split("|")[2])),
            re.findall(r"`([^`]+)`", row.split("|")[4]),
        )
        if services and services != ["start anew"]:
            readers = {
                name
                for name, service in COMPOSE.services.items()
                if files & {secret.source for secret in service.secrets} and name not in {"migrate", "postgres"}
            }
            assert set(" ".join(services).split()) >= readers, row


@pytest.mark.parametrize("role", ["cache", "coordination"])
def test_a_redis_secret_is_changed_by_removing_its_files(tmp_path: Path, role: str) -> None:
    assert make_secrets(tmp_path / "s").returncode == 0
    before = read_secrets(tmp_path / "s")
    for name in (f"{role}_url", f"redis_{role}_users"):
        (tmp_path / "s" / name).unlink()
    assert make_secrets(tmp_path / "s").returncode == 0
    after = read_secrets(tmp_path / "s")
    assert {name for name in after if after[name] != before[name]} == {f"{role}_url", f"redis_{role}_users"}
    password = urlsplit(after[f"{role}_url"]).password or ""
    assert f"user switchyard on #{hashlib.sha256(password.encode()).hexdigest()} " in after[f"redis_{role}_users"]
