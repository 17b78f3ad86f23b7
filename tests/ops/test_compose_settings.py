"""Every setting that docker-compose.yml passes exists, and each process of ours gets what it needs."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from app.inference.fleet.catalogue import Catalogue, full_name, read_catalogue
from app.inference.words.records import CallKind
from app.inference.words.tiers import Tier
from app.retrieval.shape import copies_for
from app.settings import PREFIX, Settings, read_settings, split_list
from app.wiring import QUEUE_CONNECTIONS, WATCH_EVERY_S
from app.worker import QUEUE_DRAIN_S
from tests.ops.compose import PROFILES, ROOT, Service, load, read_variables
from tests.ops.made_secrets import read_secrets
from tests.ops.model_sizes import GB, SIZES

COMPOSE = load()
PROCESSES = ("replica", "worker", "migrate")
SPARE_CONNECTIONS = 3  # superuser_reserved_connections
EXPORTER_CONNECTIONS = 5  # CONNECTION LIMIT in roles.sql
MOST_REPLICAS = 12

GPU_BYTES = {"gpu": 24 * GB, "gpu80": 80 * GB}
RUNTIME_BYTES = GB // 2


def settings_of(name: str, folder: Path, profile: str = "cpu") -> Settings:
    """Return what the process reads when the engine starts it, its secrets lying in `folder`."""
    service = load(variables=read_variables() | {"COMPOSE_PROFILES": profile}).services[name]
    at = {secret.target: str(folder / secret.source) for secret in service.secrets}
    return read_settings({variable: at.get(value, value) for variable, value in service.environment.items()})


def catalogue(profile: str) -> Catalogue:
    """Return the nodes file of a profile."""
    return read_catalogue(ROOT / "ops" / "deploy" / f"nodes.{profile}.toml")


def node_service(node: str, profile: str) -> Service:
    """Return the service of a node."""
    return COMPOSE.services[f"ollama-{node}-{profile}"]


def memory_bytes(service: Service) -> int:
    """Return the memory limit of a service."""
    limit = service.deploy.resources.limits.memory
    return int(limit[:-1]) * {"M": 1 << 20, "G": 1 << 30}[limit[-1]]


@pytest.mark.requirement("FIN-30.database", "FIN-30.redis", "FIN-30.qdrant", "ORC-20.backend")
@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_starts_with_the_settings_it_gets(name: str, secrets_folder: Path) -> None:
    settings, secrets = settings_of(name, secrets_folder), read_secrets(secrets_folder)
    assert settings.database_url == secrets["database_url"]
    assert settings.cache_url == secrets["cache_url"]
    assert settings.coordination_url == secrets["coordination_url"]
    assert settings.qdrant_api_key == secrets["qdrant_api_key"]
    assert split_list(settings.qdrant_urls) == [f"http://qdrant-{number}:6333" for number in (1, 2, 3)]
    assert settings.host == "0.0.0.0"  # noqa: S104 - inside its container


@pytest.mark.requirement("ORC-02.disk", "ORC-02.restart", "ORC-22.persistent", "INS-39.persistent")
def test_each_peer_keeps_its_data_on_a_volume_of_its_own() -> None:
    peers = {name: service for name, service in COMPOSE.services.items() if name.startswith("qdrant-")}
    kept = {
        name: [source for source, to, _ in peer.mounts() if to == "/qdrant/storage"] for name, peer in peers.items()
    }
    assert kept == {f"qdrant-{number}": [f"qdrant-{number}-data"] for number in (1, 2, 3)}


def test_every_process_gets_every_setting_without_a_default() -> None:
    needed = {f"{PREFIX}{field.name.upper()}" for field in msgspec.structs.fields(Settings) if field.required}
    for name in PROCESSES:
        given = {variable.removesuffix("_FILE") for variable in COMPOSE.services[name].environment}
        given |= set(COMPOSE.services[name].environment)
        assert needed <= given, f"{name}: {needed - given}"


def test_nobody_else_is_given_a_setting_of_the_application() -> None:
    for name, service in COMPOSE.services.items():
        ours = [v for v in service.environment if v.startswith(PREFIX) and not v.startswith(f"{PREFIX}NGINX_")]
        assert bool(ours) == (name in PROCESSES), name


@pytest.mark.requirement("FIN-01.more")
@pytest.mark.requirement("FIN-50.compose")
def test_replicas_are_told_how_many_they_are_and_none_is_given_anothers_name(secrets_folder: Path) -> None:
    assert settings_of("replica", secrets_folder).replica_count == COMPOSE.services["replica"].deploy.replicas
    more = load(variables=read_variables() | {"REPLICAS": "5"}).services["replica"]
    assert (more.deploy.replicas, more.environment["SWITCHYARD_REPLICA_COUNT"]) == (5, "5")
    assert "SWITCHYARD_REPLICA" not in more.environment


@pytest.mark.requirement("FIN-52.peers", "FIN-52.copies")
def test_a_shard_is_on_two_of_the_three_peers(secrets_folder: Path) -> None:
    settings = settings_of("replica", secrets_folder)
    peers = len(split_list(settings.qdrant_urls))
    assert (peers, settings.qdrant_replication_factor or copies_for(peers)) == (3, 2)


@pytest.mark.requirement("FIN-30.log-level")
@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
def test_one_variable_says_how_much_every_process_logs(level: str) -> None:
    services = load(variables=read_variables() | {"LOG_LEVEL": level}).services
    assert {services[name].environment["SWITCHYARD_LOG_LEVEL"] for name in PROCESSES} == {level}


@pytest.mark.requirement("FIN-30.ollama")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_replica_is_told_the_address_of_every_ollama(profile: str, secrets_folder: Path) -> None:
    settings = settings_of("replica", secrets_folder, profile)
    mounts = load(variables=read_variables() | {"COMPOSE_PROFILES": profile}).services["replica"].mounts()
    (source,) = [source for source, target, _ in mounts if target == settings.nodes_file]
    told = {node.name: node.url for node in read_catalogue(ROOT / source).nodes}
    assert told == {"a": "http://ollama-a:11434", "b": "http://ollama-b:11434"}
    assert all(f"ollama-{name}" in node_service(name, profile).names() for name in told)


def test_files_that_settings_name_are_mounted_where_they_say(secrets_folder: Path) -> None:
    for name in PROCESSES:
        settings = settings_of(name, secrets_folder)
        mounts = {target: (source, is_read_only) for source, target, is_read_only in COMPOSE.services[name].mounts()}
        assert mounts[settings.nodes_file] == ("./ops/deploy/nodes.cpu.toml", True)
        assert mounts[settings.blobs_dir] == ("blobs", False)


@pytest.mark.parametrize("name", ["replica", "worker"])
def test_a_stopping_process_has_time_to_drain(name: str, secrets_folder: Path) -> None:
    grace_s = int(COMPOSE.services[name].stop_grace_period.removesuffix("s"))
    more_s = QUEUE_DRAIN_S + 10 if name == "worker" else 10
    assert grace_s >= settings_of(name, secrets_folder).drain_s + more_s


def test_the_workers_metrics_are_where_its_health_check_asks(secrets_folder: Path) -> None:
    check = COMPOSE.services["worker"].healthcheck
    assert check is not None
    assert urlsplit(check.test[3]).port == settings_of("worker", secrets_folder).metrics_port == 9100
    assert check.test[4:] == ("--awake", "60")
    assert WATCH_EVERY_S * 3 < 60
    assert COMPOSE.services["worker"].expose == ("9100",)
    assert COMPOSE.services["replica"].expose == (str(settings_of("replica", secrets_folder).port),)


def server_settings() -> dict[str, str]:
    """Return PostgreSQL's settings."""
    command = COMPOSE.services["postgres"].command
    pairs = [word.partition("=") for word in command if "=" in word]
    return {name: value for name, _, value in pairs}


@pytest.mark.requirement(
    "FIN-31.connections", "FIN-31.buffers", "FIN-31.cache", "FIN-31.work", "FIN-31.maintenance", "FIN-31.limits"
)
def test_postgresql_is_set_as_promised_and_fits_its_container() -> None:
    promised = {
        "max_connections": "200",
        "shared_buffers": "2GB",
        "effective_cache_size": "6GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "512MB",
    }
    assert promised.items() <= server_settings().items()
    limits = COMPOSE.services["postgres"].deploy.resources.limits
    assert (limits.cpus, limits.memory) == ("4", "8G")


def test_connections_suffice_for_a_dozen_replicas(secrets_folder: Path) -> None:
    replicas = MOST_REPLICAS * settings_of("replica", secrets_folder).database_pool_size
    worker = settings_of("worker", secrets_folder).database_pool_size + QUEUE_CONNECTIONS
    migration_and_operator = 2
    used = replicas + worker + migration_and_operator + EXPORTER_CONNECTIONS + SPARE_CONNECTIONS
    assert used <= int(server_settings()["max_connections"])


@pytest.mark.requirement("FIN-34.persistence", "FIN-34.eviction", "FIN-34.bound")
@pytest.mark.parametrize(
    ("name", "policy", "log"), [("redis-cache", "allkeys-lru", "no"), ("redis-coordination", "noeviction", "yes")]
)
def test_the_cache_may_forget_and_coordination_may_not(name: str, policy: str, log: str) -> None:
    service = COMPOSE.services[name]
    options = dict(zip(service.command[1::2], service.command[2::2], strict=True))
    assert (options["--maxmemory-policy"], options["--appendonly"]) == (policy, log)
    assert options["--aclfile"] in {secret.target for secret in service.secrets}
    # Rewriting the log copies memory: more than 60 % and the kernel ends the server.
    assert 1 << 30 <= int(options["--maxmemory"].removesuffix("mb")) << 20 <= 0.6 * memory_bytes(service)


PROMISED_SIZES = [
    ("FIN-30.limits", "replica", "2", "4G"),
    *(("FIN-32.limits", f"qdrant-{number}", "4", "8G") for number in (1, 2, 3)),
    *(("FIN-33.memory", f"ollama-{node}-gpu", "4", "16G") for node in "ab"),
    *(("FIN-34.limits", name, "2", "2G") for name in ("redis-cache", "redis-coordination")),
    ("FIN-35.limits", "nginx", "2", "1G"),
]


@pytest.mark.parametrize(
    ("name", "cpus", "memory"),
    [pytest.param(*size, marks=pytest.mark.requirement(clause)) for clause, *size in PROMISED_SIZES],
)
def test_sizes_are_as_promised(name: str, cpus: str, memory: str) -> None:
    limits = COMPOSE.services[name].deploy.resources.limits
    assert (limits.cpus, limits.memory) == (cpus, memory)


@pytest.mark.requirement("FIN-33.loaded", "FIN-93.together")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_node_serves_as_many_calls_and_keeps_as_many_models_as_its_entry_says(profile: str) -> None:
    for node in catalogue(profile).nodes:
        environment = node_service(node.name, profile).environment
        assert environment["OLLAMA_NUM_PARALLEL"] == str(node.slots), node.name
        assert environment["OLLAMA_MAX_LOADED_MODELS"] == str(len(node.models)), node.name


@pytest.mark.requirement("FIN-33.slots", "FIN-33.loaded", "FIN-93.together")
def test_a_gpu_node_takes_four_calls_at_a_time_and_keeps_two_or_three_models() -> None:
    told = [node_service(name, "gpu").environment for name in "ab"]
    assert [each["OLLAMA_NUM_PARALLEL"] for each in told] == ["4", "4"]
    assert [each["OLLAMA_MAX_LOADED_MODELS"] for each in told] == ["3", "2"]
    assert {node.slots for node in catalogue("gpu").nodes} == {4}


@pytest.mark.requirement("FIN-06.pulled")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_node_pulls_exactly_the_models_of_its_entry(profile: str) -> None:
    for node in catalogue(profile).nodes:
        pull = COMPOSE.services[f"pull-{node.name}-{profile}"]
        assert pull.command == node.models
        assert pull.environment == {"OLLAMA_HOST": node.url}
        assert pull.image == node_service(node.name, profile).image


@pytest.mark.requirement("FIN-14.simple", "FIN-14.medium", "FIN-14.complex")
def test_each_class_has_the_promised_model_where_there_are_gpus() -> None:
    served = {tier: [model.name for model in catalogue("gpu").serving(tier)] for tier in Tier}
    assert served == {Tier.SIMPLE: ["phi3:mini"], Tier.MEDIUM: ["llama3.1:8b"], Tier.COMPLEX: ["qwen2.5:14b"]}


@pytest.mark.requirement("FIN-14.large")
def test_complex_questions_have_the_large_model_where_gpus_have_room_for_it() -> None:
    served = {tier: [model.name for model in catalogue("gpu80").serving(tier)] for tier in Tier}
    assert served == {Tier.SIMPLE: ["phi3:mini"], Tier.MEDIUM: ["llama3.1:8b"], Tier.COMPLEX: ["llama3.1:70b"]}


@pytest.mark.requirement("FIN-14.each")
@pytest.mark.parametrize("profile", PROFILES)
def test_every_tier_and_the_embedding_have_a_model_on_a_node(profile: str, secrets_folder: Path) -> None:
    found, settings = catalogue(profile), settings_of("replica", secrets_folder, profile)
    served = {full_name(name) for node in found.nodes for name in node.models}
    for tier in Tier:
        assert any(full_name(model.name) in served for model in found.serving(tier)), tier
    embedder = found.find(settings.embed_model)
    assert embedder is not None
    assert embedder.kind is CallKind.EMBED
    assert all(settings.embed_model in node.models for node in found.nodes), "one node away must not stop the search"


@pytest.mark.requirement("FIN-87.small")
@pytest.mark.requirement("FIN-81.smaller")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_lower_tier_has_a_smaller_model(profile: str) -> None:
    found = catalogue(profile)
    weights = [
        [SIZES[model.name][0] for model in found.serving(tier)] for tier in (Tier.SIMPLE, Tier.MEDIUM, Tier.COMPLEX)
    ]
    assert max(weights[0]) < min(weights[1])
    assert max(weights[1]) < min(weights[2])


@pytest.mark.requirement("FIN-33.loaded")
@pytest.mark.parametrize("profile", PROFILES)
def test_all_models_of_a_node_fit_its_memory_at_once_with_every_slot_full(profile: str) -> None:
    found = catalogue(profile)
    for node in found.nodes:
        needed = 0
        for name in node.models:
            model = found.find(name)
            assert model is not None
            weights, token = SIZES[name]
            needed += weights + token * node.slots * max(model.num_ctx) + RUNTIME_BYTES
        room = GPU_BYTES.get(profile) or memory_bytes(node_service(node.name, profile))
        assert needed <= room, f"{node.name}: {needed / GB:.1f} GB of {room / GB:.1f}"


@pytest.mark.parametrize("profile", GPU_BYTES)
def test_the_text_of_the_nodes_file_counts_as_the_test_does(profile: str) -> None:
    text = (ROOT / "ops" / "deploy" / f"nodes.{profile}.toml").read_text()
    assert f"vram_bytes = {GPU_BYTES[profile]:_}" in text
    for name, weights_gb, kib in re.findall(r"#\s+(\S+:\S+)\s+([\d.]+) GB\s+(\d+) KiB", text):
        assert SIZES[name] == (round(float(weights_gb) * GB), int(kib) * 1024)
