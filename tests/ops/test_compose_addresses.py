"""Every address in docker-compose.yml and in the files it mounts leads to somebody who listens, in a shared network."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.sources import none
from tests.ops.compose import PROFILES, ROOT, Service, load, read_variables
from tests.ops.yaml_files import parse

# host:port after a blank, a quotation mark, a slash, an equals sign, a comma, an @ or a bracket.
_ADDRESS = re.compile(r"(?:^|[\s\"'/@=,(\[])([a-z][a-z0-9-]*):(\d{2,5})(?![\w.-])", re.MULTILINE)
_COMMENT = re.compile(r"(?m)(^|\s)(#|//|--) .*$")
_SECRET = re.compile(r"/run/secrets/([a-z0-9_]+)")
_LOOPBACK = re.compile(r"127\.0\.0\.1[:/](\d+)")
PORTS = {
    "replica": {"8000"},
    "worker": {"9100"},
    "nginx": {"8081"},
    "postgres": {"5432"},
    "redis-cache": {"6379"},
    "redis-coordination": {"6379"},
    **{f"qdrant-{number}": {"6333", "6335"} for number in (1, 2, 3)},
    **{f"ollama-{node}-{profile}": {"11434"} for node in "ab" for profile in PROFILES},
    "prometheus": {"9090"},
    "alertmanager": {"9093"},
    "loki": {"3100"},
    "alloy": {"12345"},
    "grafana": {"3000"},
    "postgres-exporter": {"9187"},
    "redis-exporter": {"9121"},
    "nginx-exporter": {"9113"},
    "docker-proxy": {"2375"},
}


def _files(service: Service) -> Iterator[Path]:
    """The files of the repository that a service is given."""
    for source in [source for source, _, _ in service.mounts() if source.startswith("./")] + [*service.env_file]:
        path = ROOT / source
        # Dashboards ask Prometheus, which is a data source's address; their JSON has none.
        yield from sorted(path.rglob("*.yml")) if path.is_dir() else [path]


def _texts(service: Service, secrets: Path) -> Iterator[tuple[str, str]]:
    """Everything that a service reads: where it stands, and what it says (without comments)."""
    yield "environment", "\n".join(service.environment.values())
    yield "command", "\n".join([*service.command, *service.entrypoint])
    for path in _files(service):
        yield path.relative_to(ROOT).as_posix(), _COMMENT.sub("", path.read_text())
    for secret in service.secrets:
        if not secret.source.startswith("tls_"):
            yield secret.source, (secrets / secret.source).read_text()


def _wrong(services: dict[str, Service], secrets: Path) -> Iterator[str]:
    listeners = {host: service for name, service in services.items() for host in {name, *service.names()}}
    for name, service in services.items():
        for where, text in _texts(service, secrets):
            for host, port in _ADDRESS.findall(text):
                listener = service if host == "localhost" else listeners.get(host)
                if listener is None:
                    yield f"{name}: {where}: there is no {host}"
                elif port not in listener.expose:
                    yield f"{name}: {where}: {host} does not listen on {port}"
                elif not set(listener.networks) & set(service.networks):
                    yield f"{name}: {where}: {host} is in no network of it"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_address_is_one_that_a_service_listens_on(profile: str, secrets_folder: Path) -> None:
    compose = load(variables=read_variables() | {"COMPOSE_PROFILES": profile})
    none(sorted(set(_wrong(compose.of_profile(profile), secrets_folder))))


def test_addresses_are_found_where_they_are_known_to_be(secrets_folder: Path) -> None:
    """The search above sees what it should: one address of each kind."""
    services = load().services
    found = {
        (name, host, port)
        for name, service in services.items()
        for _, text in _texts(service, secrets_folder)
        for host, port in _ADDRESS.findall(text)
    }
    assert found >= {
        ("replica", "qdrant-3", "6333"),
        ("replica", "ollama-b", "11434"),
        ("replica", "postgres", "5432"),
        ("worker", "redis-coordination", "6379"),
        ("qdrant-2", "qdrant-1", "6335"),
        ("postgres-exporter", "postgres", "5432"),
        ("redis-exporter", "redis-cache", "6379"),
        ("nginx-exporter", "nginx", "8081"),
        ("nginx", "replica", "8000"),
        ("nginx", "grafana", "3000"),
        ("alloy", "loki", "3100"),
        ("alloy", "docker-proxy", "2375"),
        ("grafana", "prometheus", "9090"),
        ("prometheus", "alertmanager", "9093"),
        ("prometheus", "redis-exporter", "9121"),
        ("prometheus", "redis-cache", "6379"),
    }


@pytest.mark.requirement("FIN-32.http")
@pytest.mark.requirement("FAM-11.port")
def test_services_listen_on_the_ports_that_everybody_counts_on() -> None:
    assert {name: set(service.expose) for name, service in load().services.items() if service.expose} == PORTS


def test_a_health_check_asks_its_own_service() -> None:
    for name, service in load().services.items():
        if service.healthcheck is not None:
            asked = set(_LOOPBACK.findall(" ".join(service.healthcheck.test)))
            assert asked <= set(service.expose), name


def test_what_nginx_answers_itself_is_at_the_paths_that_are_asked() -> None:
    services = load().services
    text = (ROOT / "nginx" / "status.conf.template").read_text()
    check = services["nginx"].healthcheck
    assert check is not None
    for word in (check.test[-1], services["nginx-exporter"].command[0]):
        path = word.rpartition(":8081")[2]
        assert f"location = {path} " in text, path


def test_a_peer_calls_itself_by_its_own_name_and_all_join_the_first() -> None:
    for name in ("qdrant-1", "qdrant-2", "qdrant-3"):
        command = load().services[name].command
        options = dict(zip(command[1::2], command[2::2], strict=True))
        assert options["--uri"] == f"http://{name}:6335"
        assert options.get("--bootstrap") == (None if name == "qdrant-1" else "http://qdrant-1:6335")


def test_every_secret_that_a_mounted_file_names_is_mounted_too(secrets_folder: Path) -> None:
    for name, service in load().services.items():
        mounted = {secret.source for secret in service.secrets}
        for where, text in _texts(service, secrets_folder):
            assert set(_SECRET.findall(text)) <= mounted, f"{name}: {where}"


def _yaml(path: str) -> dict[str, Any]:
    return parse((ROOT / path).read_text())


@pytest.mark.requirement("FIN-01.figures")
def test_prometheus_finds_every_replica_by_name_and_its_rules_where_they_are_mounted() -> None:
    configuration, services = _yaml("prometheus/prometheus.yml"), load().services
    by_dns = [sd for job in configuration["scrape_configs"] for sd in job.get("dns_sd_configs", [])]
    assert ("replica", 8000, "A") in [(sd["names"][0], sd["port"], sd["type"]) for sd in by_dns]
    for sd in by_dns:
        assert all(str(sd["port"]) in services[name].expose for name in sd["names"])
    targets = {target for _, target, _ in services["prometheus"].mounts()}
    # Relative to the folder of the configuration.
    rules = {str(Path("/etc/prometheus") / Path(pattern).parent) for pattern in configuration["rule_files"]}
    assert rules <= targets


def test_the_exporter_knows_the_password_of_every_redis_that_prometheus_names(secrets_folder: Path) -> None:
    words: dict[str, str] = json.loads((secrets_folder / "redis_exporter_passwords").read_text())
    known = {address.replace("exporter@", "") for address in words}
    jobs = {job["job_name"]: job for job in _yaml("prometheus/prometheus.yml")["scrape_configs"]}
    asked = {target for group in jobs["redis"]["static_configs"] for target in group["targets"]}
    assert asked == known
    assert load().services["redis-exporter"].environment["REDIS_USER"] == "exporter"


@pytest.mark.requirement("FIN-36.dashboards")
def test_grafana_reads_dashboards_where_they_are_mounted() -> None:
    providers = _yaml("grafana/provisioning/dashboards/switchyard.yml")["providers"]
    targets = {target: source for source, target, _ in load().services["grafana"].mounts()}
    assert [targets[provider["options"]["path"]] for provider in providers] == ["./grafana/json"]


@pytest.mark.requirement("FIN-52.peers", "FIN-52.cluster")
def test_three_peers_are_one_cluster_that_each_process_knows_whole() -> None:
    services = load().services
    joined = {name: dict(pairwise(peer.command)) for name, peer in services.items() if name.startswith("qdrant-")}
    assert {name: (flags.get("--bootstrap"), flags["--uri"]) for name, flags in joined.items()} == {
        "qdrant-1": (None, "http://qdrant-1:6335"),
        "qdrant-2": ("http://qdrant-1:6335", "http://qdrant-2:6335"),
        "qdrant-3": ("http://qdrant-1:6335", "http://qdrant-3:6335"),
    }
    for name in ("replica", "worker", "migrate"):
        urls = services[name].environment["SWITCHYARD_QDRANT_URLS"].split(",")
        assert sorted(urls) == ["http://qdrant-1:6333", "http://qdrant-2:6333", "http://qdrant-3:6333"]
