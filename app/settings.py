"""Every setting of the application, read once from `SWITCHYARD_*` variables."""

import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from app import kinds
from app.database_url import DatabaseAccess, Pooler, make_access, parse_database_url
from app.mistakes import ConfigurationWrong, Mistake
from app.urls import AddressWrong
from app.variables import FILE, Given, kinds_of, read_variables

PREFIX = "SWITCHYARD_"
_OF_OTHERS = (f"{PREFIX}LOCAL_", f"{PREFIX}TEST_")
# A label, a header, a part of an address: a Kubernetes pod's name fits, and so does a host's.
_PLAIN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,%d}"
DAY_S = 86_400


class SettingsWrong(ConfigurationWrong):
    """Variables are unknown, missing, not of their kind or given twice, or their files cannot be read."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One frozen value. A field `database_url` is the variable `SWITCHYARD_DATABASE_URL`; lists are comma-separated.

    `SWITCHYARD_DATABASE_URL_FILE` names a file that holds the value instead, as container engines hand out secrets.
    Each field says its kind, which `read_settings` holds it to; made directly, nothing is checked.
    """

    database_url: Annotated[str, kinds.database_address()]
    cache_url: Annotated[str, kinds.redis_address()]
    coordination_url: Annotated[str, kinds.redis_address()]
    qdrant_urls: Annotated[str, kinds.http_addresses()]
    nodes_file: Annotated[str, kinds.path("a file")]
    blobs_dir: Annotated[str, kinds.path("a directory")]
    prompts_dir: Annotated[str, kinds.path("a directory")] = "prompts"

    host: Annotated[str, kinds.host()] = "127.0.0.1"
    port: Annotated[int, kinds.port()] = 8000
    metrics_port: Annotated[int, kinds.port(least=0)] = 0
    # A container's host name is its id, so that replicas of one definition have different names.
    replica: Annotated[str, kinds.name(_PLAIN % 252, "letters, digits, `.`, `_` and `-`, at most 253")] = msgspec.field(
        default_factory=socket.gethostname
    )
    replica_count: Annotated[int, kinds.whole(1, 1000)] = 1
    log_level: Annotated[str, kinds.choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")] = "INFO"
    webhook_allow: Annotated[str, kinds.callback_targets()] = ""
    cors_origins: Annotated[str, kinds.origins()] = ""
    tasks_at_once: Annotated[int, kinds.whole(1, 1000)] = 16
    max_open_tasks: Annotated[int, kinds.whole(1, 10_000_000)] = 10_000
    drain_s: Annotated[float, kinds.seconds(3600, least=0)] = 25.0

    database_pool_size: Annotated[int, kinds.whole(1, 1000)] = 10
    database_wait_s: Annotated[float, kinds.seconds(300)] = 2.0
    database_ca: Annotated[str | None, kinds.path("a PEM file")] = None
    database_pooler: Annotated[str, kinds.choice(*Pooler)] = Pooler.NONE
    database_direct_url: Annotated[str | None, kinds.database_address()] = None
    redis_timeout_s: Annotated[float, kinds.seconds(60)] = 0.25
    redis_ca: Annotated[str | None, kinds.path("a PEM file")] = None
    qdrant_api_key: Annotated[str | None, kinds.secret()] = None
    qdrant_ca: Annotated[str | None, kinds.path("a PEM file")] = None
    qdrant_collection: Annotated[str, kinds.name(_PLAIN % 199, "letters, digits, `.`, `_` and `-`, at most 200")] = (
        "switchyard"
    )
    qdrant_shard_number: Annotated[int, kinds.whole(1, 1000)] = 6
    qdrant_replication_factor: Annotated[int | None, kinds.whole(1, 100)] = None
    qdrant_write_consistency_factor: Annotated[int | None, kinds.whole(1, 100)] = None
    qdrant_quantization: Annotated[str, kinds.choice("none", "scalar", "binary")] = "none"
    qdrant_always_ram: Annotated[bool, kinds.switch()] = True
    qdrant_rescore: Annotated[bool, kinds.switch()] = True
    qdrant_oversampling: Annotated[float, kinds.number(1, 20)] = 2.0
    qdrant_hnsw_m: Annotated[int, kinds.whole(4, 256)] = 16
    qdrant_hnsw_ef_construct: Annotated[int, kinds.whole(4, 4096)] = 200
    qdrant_hnsw_ef: Annotated[int | None, kinds.whole(1, 4096)] = None
    qdrant_on_disk: Annotated[bool, kinds.switch()] = False
    qdrant_on_disk_payload: Annotated[bool, kinds.switch()] = True
    qdrant_indexing_threshold: Annotated[int, kinds.whole(0, 1_000_000_000)] = 10_000
    blobs_url: Annotated[str | None, kinds.bucket_address()] = None
    blobs_region: Annotated[str, kinds.name(_PLAIN % 63, "letters, digits, `.`, `_` and `-`, at most 64")] = "us-east-1"
    blobs_key_id: Annotated[str | None, kinds.name(r"[\x21-\x7e]{1,200}", "printable ASCII without blanks")] = None
    blobs_key: Annotated[str | None, kinds.secret()] = None
    blobs_ca: Annotated[str | None, kinds.path("a PEM file")] = None
    node_ca: Annotated[str | None, kinds.path("a PEM file")] = None
    node_tokens_dir: Annotated[str | None, kinds.path("a directory")] = None

    embed_model: Annotated[str, kinds.name(r"\S{1,400}", "a model's name, without blanks")] = "all-minilm:22m"
    embed_size: Annotated[int, kinds.whole(1, 65_536)] = 384
    rerank_url: Annotated[str | None, kinds.http_address()] = None
    rerank_model: Annotated[str | None, kinds.name(r"\S{1,400}", "a model's name, without blanks")] = None
    rerank_key: Annotated[str | None, kinds.secret()] = None
    rerank_ca: Annotated[str | None, kinds.path("a PEM file")] = None
    rerank_candidates: Annotated[int, kinds.whole(2, 100)] = 20
    rerank_limit_s: Annotated[float, kinds.seconds(30)] = 1.0
    cold_after_days: Annotated[int, kinds.whole(0, 36_500)] = 730
    cold_age_from: Annotated[str, kinds.choice("use", "upload")] = "use"

    run_lease_s: Annotated[float, kinds.seconds(3600, least=0.5)] = 15.0
    job_lease_s: Annotated[float, kinds.seconds(3600, least=1)] = 60.0
    run_attempts: Annotated[int, kinds.whole(1, 1000)] = 5
    run_limit_s: Annotated[float, kinds.seconds(7 * DAY_S, least=1)] = 300.0
    waiting_limit_s: Annotated[int, kinds.whole(1, 365 * DAY_S)] = 7 * DAY_S
    events_ttl_s: Annotated[int, kinds.whole(1, 90 * DAY_S)] = 3600
    usage_days: Annotated[int, kinds.whole(7, 3650)] = 400
    routes_days: Annotated[int, kinds.whole(1, 3650)] = 30
    session_ttl_seconds: Annotated[int, kinds.whole(1, 3650 * DAY_S)] = 3600
    judge_share: Annotated[float, kinds.number(0, 100)] = 0.0
    judge_per_hour: Annotated[int, kinds.whole(1, 360)] = 60
    judge_hours: Annotated[str, kinds.hours()] = "idle"
    judge_exempt: Annotated[str | None, kinds.names()] = None
    session_days: Annotated[int, kinds.whole(1, 3650)] = 30
    max_output_tokens: Annotated[int, kinds.whole(1, 1_000_000)] = 320
    call_output_tokens: Annotated[int, kinds.whole(1, 1_000_000)] = 2048
    support_policy: Annotated[str, kinds.choice("marked", "supported_only")] = "marked"
    extractive_up_to: Annotated[str, kinds.choice("auto", "none", "simple", "medium", "complex")] = "auto"
    temperature: Annotated[float, kinds.number(0, 2)] = 0.0
    slot_wait_s: Annotated[float, kinds.seconds(3600)] = 30.0
    slot_lease_s: Annotated[float, kinds.seconds(3600, least=0.5)] = 10.0
    probe_interval_s: Annotated[float, kinds.seconds(3600)] = 2.0
    first_token_s: Annotated[float, kinds.seconds(DAY_S)] = 60.0
    load_s: Annotated[float, kinds.seconds(DAY_S, least=0)] = 180.0
    gap_s: Annotated[float, kinds.seconds(3600)] = 20.0

    max_upload_bytes: Annotated[int, kinds.whole(1, 10_000_000_000)] = 50_000_000
    max_body_bytes: Annotated[int, kinds.whole(1000, 1_000_000_000)] = 1_000_000
    max_call_bytes: Annotated[int, kinds.whole(1000, 1_000_000_000)] = 20_000_000
    max_message_characters: Annotated[int, kinds.whole(1, 10_000_000)] = 2000
    max_refused_keys: Annotated[int, kinds.whole(1, 1_000_000)] = 30


UTF8_BYTES = 4
"""The most bytes that UTF-8 needs for one character (RFC 3629)."""
_REQUIRED = tuple(field.name for field in msgspec.structs.fields(Settings) if field.required)


@dataclass(frozen=True, slots=True)
class Relation:
    """What must hold between the settings `of`; a mistake is told of the first one."""

    of: tuple[str, ...]
    holds: Callable[[Settings], bool]
    reason: str


def _tls_agrees(given: Settings) -> bool:
    try:
        for url in filter(None, (given.database_url, given.database_direct_url)):
            parse_database_url(url, ca=given.database_ca)
    except AddressWrong:
        return False
    return True


RELATIONS = (
    Relation(
        ("database_direct_url", "database_pooler"),
        lambda given: bool(given.database_direct_url) == (given.database_pooler != Pooler.NONE),
        f"belongs to {PREFIX}DATABASE_POOLER=transaction: migrations and the job queue go past the pooler; give both "
        "or neither",
    ),
    Relation(
        ("database_ca", "database_url", "database_direct_url"),
        _tls_agrees,
        "and the address of PostgreSQL exclude each other: its sslmode must be verify-ca or verify-full, or not be "
        "there, and its sslrootcert the same file",
    ),
    Relation(
        ("run_lease_s", "run_limit_s"),
        lambda given: given.run_lease_s < given.run_limit_s,
        f"must be less than {PREFIX}RUN_LIMIT_S: a run's owner renews its lease several times in a run",
    ),
    Relation(
        ("redis_timeout_s", "slot_lease_s"),
        lambda given: given.redis_timeout_s < given.slot_lease_s,
        f"must be less than {PREFIX}SLOT_LEASE_S: a renewal that waits longer comes too late",
    ),
    Relation(
        ("redis_ca", "cache_url", "coordination_url"),
        lambda given: given.redis_ca is None or "rediss://" in given.cache_url + given.coordination_url,
        "is given, and no address of a Redis begins with rediss://",
    ),
    Relation(
        ("qdrant_ca", "qdrant_urls"),
        lambda given: given.qdrant_ca is None or "https://" in given.qdrant_urls,
        f"is given, and no address of {PREFIX}QDRANT_URLS begins with https://",
    ),
    Relation(
        ("qdrant_write_consistency_factor", "qdrant_replication_factor"),
        lambda given: (given.qdrant_write_consistency_factor or 1) <= (given.qdrant_replication_factor or 100),
        f"must not be more than {PREFIX}QDRANT_REPLICATION_FACTOR: there are no more copies that could take a write",
    ),
    Relation(
        ("blobs_url", "blobs_key_id", "blobs_key"),
        lambda given: len({bool(given.blobs_url), bool(given.blobs_key_id), bool(given.blobs_key)}) == 1,
        f"belongs to {PREFIX}BLOBS_KEY_ID and {PREFIX}BLOBS_KEY: give all three or none",
    ),
    Relation(
        ("blobs_ca", "blobs_url"),
        lambda given: given.blobs_ca is None or (given.blobs_url or "").startswith("https://"),
        f"is given, and {PREFIX}BLOBS_URL does not begin with https://",
    ),
    Relation(
        ("rerank_ca", "rerank_url"),
        lambda given: given.rerank_ca is None or (given.rerank_url or "").startswith("https://"),
        f"is given, and {PREFIX}RERANK_URL does not begin with https://",
    ),
    Relation(
        ("rerank_key", "rerank_url"),
        lambda given: given.rerank_key is None or given.rerank_url is not None,
        f"is given, and {PREFIX}RERANK_URL is not",
    ),
    Relation(
        ("max_body_bytes", "max_message_characters"),
        lambda given: given.max_body_bytes >= UTF8_BYTES * given.max_message_characters,
        f"must be at least {UTF8_BYTES} times {PREFIX}MAX_MESSAGE_CHARACTERS: a character of a message may have "
        f"{UTF8_BYTES} bytes",
    ),
)


def gather(environ: Mapping[str, str], needed: Collection[str] | None = None) -> Given:
    """Return what `environ` and the files that it names say, with all mistakes; `needed` fields must be there.

    Without `needed` these are the fields that have no default.
    """
    needed = _REQUIRED if needed is None else needed
    given = read_variables(kinds_of(Settings), environ, PREFIX, needed=needed, left_alone=_OF_OTHERS)
    tried = stand_in(given)
    wrong = {mistake.place.partition(" ")[0].removesuffix(FILE) for mistake in given.mistakes}
    for relation in RELATIONS:
        variables = [variable_of(name) for name in relation.of]
        if (
            wrong.isdisjoint(variables)
            and not given.values.keys().isdisjoint(relation.of)
            and not relation.holds(tried)
        ):
            given.mistakes.append(Mistake(variables[0], relation.reason))
    return given


def stand_in(given: Given) -> Settings:
    """Return settings of what could be read, with empty texts for what is needed and was not."""
    return make_settings(dict.fromkeys(_REQUIRED, "") | given.values)


def variable_of(field: str) -> str:
    """Return the variable of a field."""
    return f"{PREFIX}{field.upper()}"


def make_settings(values: Mapping[str, object]) -> Settings:
    """Return the settings of values that were read. Raises TypeError when one is missing."""
    return Settings(**values)  # pyright: ignore[reportArgumentType]


def database_access(settings: Settings) -> DatabaseAccess:
    """Return how to reach the database. Raises AddressWrong for settings that were not read but made."""
    return make_access(
        settings.database_url,
        ca=settings.database_ca,
        pooler=settings.database_pooler,
        direct_url=settings.database_direct_url,
    )


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the settings from `environ` and the files that it names. Raises SettingsWrong with every mistake."""
    given = gather(environ)
    if given.mistakes:
        raise SettingsWrong(*given.mistakes)
    return make_settings(given.values)


def read_part(environ: Mapping[str, str], needed: Collection[str]) -> Settings:
    """Like `read_settings`, for a command that needs only some of them; those that are not given are empty texts.

    Raises SettingsWrong, also for settings that it does not need.
    """
    given = gather(environ, needed)
    if given.mistakes:
        raise SettingsWrong(*given.mistakes)
    return stand_in(given)


def split_list(value: str) -> list[str]:
    """Return the comma-separated items of `value`, without blanks."""
    return [item.strip() for item in value.split(",") if item.strip()]
