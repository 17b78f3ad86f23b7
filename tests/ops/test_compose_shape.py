"""What every service of docker-compose.yml must have, and what none may have."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import none
from tests.ops.compose import (
    EXAMPLE,
    FILE,
    PROFILES,
    ROOT,
    VariableMissing,
    fill,
    load,
    read_variables,
    variable_names,
)

COMPOSE = load()
ONE_SHOT = {"migrate", *(name for name in COMPOSE.services if name.startswith("pull-"))}
# Its image holds one program and nothing that could ask it.
CANNOT_CHECK_ITSELF = {"nginx-exporter"}
# Whose image asks by its own HEALTHCHECK.
CHECKED_BY_IMAGE = {"replica"}
# A GPU runtime writes into a container's root file system; Qdrant notes there that it has started.
WRITABLE = {"qdrant-1", "qdrant-2", "qdrant-3", *(name for name in COMPOSE.services if name.startswith("ollama-"))}
AGREED = {
    *("nginx", "replica", "worker", "migrate", "postgres", "redis-cache", "redis-coordination"),
    *("qdrant-1", "qdrant-2", "qdrant-3", "prometheus", "alertmanager", "loki", "alloy", "grafana"),
    *("postgres-exporter", "redis-exporter", "nginx-exporter"),
}
_PINNED = re.compile(r"[a-z0-9./_-]+:v?\d+\.\d+(\.\d+)?([.-][a-z0-9.]+)?")
_MEMORY = re.compile(r"(\d+)([MG])")


def test_the_file_follows_the_compose_specification() -> None:
    done = subprocess.run(  # noqa: S603 - our own tool and file
        [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.requirement("INS-51.parts", "FIN-01.stores", "FIN-01.nodes", "FIN-01.watch")
@pytest.mark.parametrize("profile", PROFILES)
def test_every_agreed_service_runs_and_each_node_has_one_that_answers_to_its_name(profile: str) -> None:
    services = COMPOSE.of_profile(profile)
    assert services.keys() >= AGREED
    for node in ("ollama-a", "ollama-b"):
        assert [name for name, service in services.items() if node in service.names()] == [f"{node}-{profile}"]


def test_every_variable_is_in_the_example_and_the_other_way_round() -> None:
    assert variable_names() == read_variables().keys()
    assert len(EXAMPLE.read_text().splitlines()) > len(read_variables()), "each variable needs its comment"


def test_the_file_says_what_it_would_say_without_any_variable_but_the_profile() -> None:
    """Defaults in the file and in the example do not drift apart."""
    assert load(variables={"COMPOSE_PROFILES": "cpu"}) == load()


def test_without_a_profile_compose_is_told_what_to_set() -> None:
    with pytest.raises(VariableMissing, match=r"COMPOSE_PROFILES: set it to cpu, gpu or gpu80 in .env"):
        load(variables={})


def test_every_image_has_an_exact_version() -> None:
    none([f"{n}: {s.image}" for n, s in COMPOSE.services.items() if not _PINNED.fullmatch(s.image)])
    versions: dict[str, set[str]] = {}
    for service in COMPOSE.services.values():
        image, _, tag = service.image.rpartition(":")
        versions.setdefault(image, set()).add(tag)
    none([f"{image}: {tags}" for image, tags in versions.items() if len(tags) > 1])


@pytest.mark.requirement("FIN-35.ports", "UPL-40.private", "ORC-20.network")
def test_only_nginx_publishes_ports_and_only_80_and_443() -> None:
    published = {name: service.ports for name, service in COMPOSE.services.items() if service.ports}
    assert published == {"nginx": ("80:80", "443:443")}


@pytest.mark.requirement("FIN-01.replicas", "FIN-30.replicas", "FIN-36.retention")
@pytest.mark.requirement("UPL-01.replicas", "UPL-03.replicas")
def test_three_replicas_run_and_figures_are_kept_for_30_days_unless_told_otherwise() -> None:
    for variables in (read_variables(), {"COMPOSE_PROFILES": "cpu"}):
        services = load(variables=variables).services
        assert services["replica"].deploy.replicas == 3
        assert "--storage.tsdb.retention.time=30d" in services["prometheus"].command


@pytest.mark.requirement("FAM-11.one-image", "FAM-11.two-commands")
def test_replica_and_worker_are_one_image_with_two_commands() -> None:
    replica, worker = COMPOSE.services["replica"], COMPOSE.services["worker"]
    assert replica.image == worker.image == f"switchyard:{read_variables()['SWITCHYARD_VERSION']}"
    assert replica.command == ("python", "-m", "app.main")
    assert worker.command == ("python", "-m", "app.worker")


def test_every_service_that_stays_has_a_health_check() -> None:
    for name, service in COMPOSE.services.items():
        check = service.healthcheck
        if name in ONE_SHOT | CANNOT_CHECK_ITSELF | CHECKED_BY_IMAGE:
            assert check is None or check.disable, name
        else:
            assert check is not None, name
            assert check.test[0] in {"CMD", "CMD-SHELL"}, name
            assert not check.disable, name
            assert check.interval, name
            assert check.timeout, name
            assert check.retries, name


def test_no_health_check_asks_with_a_tool_that_its_image_lacks() -> None:
    """Seen in the images' own build files: which of these they have."""
    lacking = {
        "qdrant/qdrant": {"curl", "wget"},
        "ollama/ollama": {"curl", "wget"},
        "grafana/loki": {"curl", "wget", "bash", "sh"},
        "grafana/alloy": {"curl", "wget"},
        "prom/prometheus": {"curl", "bash"},
        "prom/alertmanager": {"curl", "bash"},
        "postgres": {"curl", "wget"},
        "redis": {"curl", "wget"},
        "switchyard": {"curl", "wget"},
    }
    for name, service in COMPOSE.services.items():
        if service.healthcheck is not None and service.healthcheck.test:
            image = service.image.rpartition(":")[0]
            asked = service.healthcheck.test[1].split()[0]
            assert asked not in lacking.get(image, set()), name


def test_a_service_waits_for_health_only_where_there_is_a_check() -> None:
    for name, service in COMPOSE.services.items():
        for needed, need in service.depends_on.items():
            found = COMPOSE.services[needed]
            if need.condition == "service_healthy":
                assert needed in CHECKED_BY_IMAGE or (found.healthcheck and found.healthcheck.test), f"{name}: {needed}"
            elif need.condition == "service_completed_successfully":
                assert needed in ONE_SHOT, f"{name}: {needed}"


@pytest.mark.requirement("FIN-37.migrations")
@pytest.mark.requirement("FIN-96.migrations")
def test_the_application_starts_after_the_migration() -> None:
    for name in ("replica", "worker"):
        assert COMPOSE.services[name].depends_on["migrate"].condition == "service_completed_successfully"
    assert COMPOSE.services["migrate"].command == ("switchyard", "migrate")


def test_every_container_is_limited() -> None:
    for name, service in COMPOSE.services.items():
        limits = service.deploy.resources.limits
        assert float(limits.cpus) > 0, name
        assert _MEMORY.fullmatch(limits.memory), name
        assert 0 < limits.pids <= 1024, name


@pytest.mark.parametrize("profile", PROFILES)
def test_the_page_says_how_much_memory_all_limits_are(profile: str) -> None:
    mib = 0
    for service in COMPOSE.of_profile(profile).values():
        size = _MEMORY.fullmatch(service.deploy.resources.limits.memory)
        if size is not None and not service.restart.startswith("on-failure"):
            mib += int(size[1]) * {"M": 1, "G": 1024}[size[2]] * service.deploy.replicas
    page = (ROOT / "docs" / "how-to" / "deploy-with-compose.md").read_text()
    said = {name: int(gib) for gib, name in re.findall(r"(\d+) GiB with (?:the )?`(cpu|gpu|gpu80)`", page)}
    assert said[profile] == mib // 1024


def test_logs_rotate_and_what_must_stay_is_restarted() -> None:
    for name, service in COMPOSE.services.items():
        assert service.logging == {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}, name
        assert service.restart == ("on-failure:5" if name in ONE_SHOT else "unless-stopped"), name


def test_containers_have_no_more_rights_than_they_need() -> None:
    for name, service in COMPOSE.services.items():
        assert service.security_opt == ("no-new-privileges:true",), name
        assert service.cap_drop == ("ALL",), name
        assert service.read_only == (name not in WRITABLE), name
        assert service.cap_add == () or name == "nginx", name


def test_only_nginx_and_what_must_leave_the_machine_have_a_way_out() -> None:
    inside = {name for name, network in COMPOSE.networks.items() if network.get("internal")}
    assert inside == {"inside", "engine"}
    outside = {name: set(service.networks) - inside for name, service in COMPOSE.services.items()}
    assert {name for name, networks in outside.items() if networks} == {
        *("nginx", "alertmanager"),
        *(f"ollama-{node}-{profile}" for node in "ab" for profile in PROFILES),
    }


def test_the_engines_socket_is_lent_to_one_that_lets_reading_through_only() -> None:
    holders = [name for name, service in COMPOSE.services.items() if any("docker.sock" in v for v in service.volumes)]
    assert holders == ["docker-proxy"]
    proxy = COMPOSE.services["docker-proxy"]
    assert {name for name, value in proxy.environment.items() if value == "1"} == {"CONTAINERS", "NETWORKS"}
    assert [n for n, s in COMPOSE.services.items() if "engine" in s.networks] == ["docker-proxy", "alloy"]


def _undeclared() -> Iterator[str]:
    used: dict[str, set[str]] = {"networks": set(), "volumes": set(), "secrets": set()}
    for service in COMPOSE.services.values():
        used["networks"] |= set(service.networks)
        used["volumes"] |= {source for source, _, _ in service.mounts() if "/" not in source}
        used["secrets"] |= {secret.source for secret in service.secrets}
    declared = {"networks": COMPOSE.networks, "volumes": COMPOSE.volumes, "secrets": COMPOSE.secrets}
    for kind, names in used.items():
        yield from (f"{kind}: {name}" for name in names ^ set(declared[kind]))


@pytest.mark.requirement("INS-51.versions", "FIN-31.version", "FIN-34.version")
def test_postgresql_is_16_or_later_and_redis_7_or_later() -> None:
    for name, image, least in (
        ("postgres", "postgres", 16),
        ("redis-cache", "redis", 7),
        ("redis-coordination", "redis", 7),
    ):
        found, _, version = COMPOSE.services[name].image.rpartition(":")
        assert found == image
        assert int(version.partition(".")[0]) >= least


@pytest.mark.requirement("INS-51.network", "INS-51.volumes")
def test_stores_keep_their_files_in_named_volumes_on_a_network_that_ends_here() -> None:
    kept = {"postgres": "postgres-data:/var/lib/postgresql", "redis-coordination": "redis-coordination-data:/data"}
    for name, volume in kept.items():
        assert volume in COMPOSE.services[name].volumes
        assert list(COMPOSE.services[name].networks) == ["inside"]
        assert volume.partition(":")[0] in COMPOSE.volumes
    assert COMPOSE.networks["inside"] == {"internal": True}


def test_networks_volumes_and_secrets_are_declared_and_used() -> None:
    none(sorted(_undeclared()))


def test_every_mounted_file_is_in_the_tree_and_read_only() -> None:
    for name, service in COMPOSE.services.items():
        for source, target, is_read_only in service.mounts():
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert is_read_only, f"{name}: {target}"
        for file in service.env_file:
            assert (ROOT / file).is_file(), f"{name}: {file}"


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_mounts_its_own_nodes_file(profile: str) -> None:
    compose = load(variables=read_variables() | {"COMPOSE_PROFILES": profile})
    for name in ("replica", "worker", "migrate"):
        assert f"./ops/deploy/nodes.{profile}.toml:/etc/switchyard/nodes.toml:ro" in compose.services[name].volumes
    assert (ROOT / f"ops/deploy/nodes.{profile}.toml").is_file()


@pytest.mark.requirement("FIN-01.gpus", "FIN-33.gpu")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_gpu_node_has_a_gpu_of_its_own_and_a_cpu_node_has_none(profile: str) -> None:
    taken: list[str | list[str]] = []
    for name, service in COMPOSE.of_profile(profile).items():
        devices = service.deploy.resources.reservations.get("devices", [])
        assert bool(devices) == (name.startswith("ollama-") and profile != "cpu"), name
        taken += [device["device_ids"] for device in devices]
        assert all(device["driver"] == "nvidia" and device["capabilities"] == ["gpu"] for device in devices)
    assert taken == ([] if profile == "cpu" else [["0"], ["1"]])


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}", "1"),
        ("$A-$$A", "1-$A"),
        ("${B:-2}", "2"),
        ("${EMPTY:-2}", "2"),
        ("${EMPTY-2}", ""),
        ("${B}", ""),
        ("a${A:-9}b${B:-}c", "a1bc"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert fill(text, {"A": "1", "EMPTY": ""}) == filled
