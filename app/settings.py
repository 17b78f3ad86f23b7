"""Every setting of the application, read once from `SWITCHYARD_*` variables."""

from collections.abc import Mapping

import msgspec

PREFIX = "SWITCHYARD_"


class SettingsWrong(Exception):
    """A variable is unknown, missing or ill-typed; the message names it."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One frozen value. A field `database_url` is the variable `SWITCHYARD_DATABASE_URL`; lists are comma-separated."""

    database_url: str
    cache_url: str
    coordination_url: str
    qdrant_urls: str
    nodes_file: str
    blobs_dir: str
    prompts_dir: str = "prompts"

    host: str = "127.0.0.1"
    port: int = 8000
    metrics_port: int = 0
    replica: str = "replica"
    replica_count: int = 1
    log_level: str = "INFO"
    cors_origins: str = ""
    drain_s: float = 25.0

    database_pool_size: int = 10
    database_wait_s: float = 2.0
    database_ca: str | None = None
    redis_timeout_s: float = 0.25
    redis_ca: str | None = None
    qdrant_api_key: str | None = None
    qdrant_ca: str | None = None
    qdrant_collection: str = "switchyard"
    qdrant_shard_number: int = 6
    qdrant_replication_factor: int = 1
    node_ca: str | None = None

    embed_model: str = "all-minilm:22m"
    embed_size: int = 384

    run_lease_s: float = 15.0
    run_attempts: int = 5
    run_limit_s: float = 300.0
    events_ttl_s: int = 3600
    session_ttl_seconds: int = 3600
    max_output_tokens: int = 320
    temperature: float = 0.0
    slot_wait_s: float = 30.0
    slot_lease_s: float = 10.0
    probe_interval_s: float = 2.0
    first_token_s: float = 60.0
    load_s: float = 180.0
    gap_s: float = 20.0

    max_upload_bytes: int = 50_000_000
    max_body_bytes: int = 1_000_000


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the settings from `environ`.

    Raises SettingsWrong naming the first variable that is unknown, missing or ill-typed.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith((f"{PREFIX}LOCAL_", f"{PREFIX}TEST_"))
    }
    unknown = sorted(given.keys() - {field.name for field in msgspec.structs.fields(Settings)})
    if unknown:
        raise SettingsWrong(f"{PREFIX}{unknown[0].upper()} is not a setting")
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsWrong(_name_variable(str(error))) from error


def _name_variable(message: str) -> str:
    for field in msgspec.structs.fields(Settings):
        for quoted in (f"`$.{field.name}`", f"`{field.name}`"):
            if quoted in message:
                return message.replace(quoted, f"{PREFIX}{field.name.upper()}")
    return message


def split_list(value: str) -> list[str]:
    """Return the comma-separated items of `value`, without blanks."""
    return [item.strip() for item in value.split(",") if item.strip()]
