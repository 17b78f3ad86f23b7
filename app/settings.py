"""Every setting of the application, read once from `SWITCHYARD_*` variables."""

import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

PREFIX = "SWITCHYARD_"
FILE = "_FILE"
FILE_BYTES = 65_536
"""The most that a file with a setting may hold: nobody has a longer password."""
_OF_OTHERS = (f"{PREFIX}LOCAL_", f"{PREFIX}TEST_")


class SettingsWrong(Exception):
    """A variable is unknown, missing, ill-typed or given twice, or its file cannot be read; the message names it."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One frozen value. A field `database_url` is the variable `SWITCHYARD_DATABASE_URL`; lists are comma-separated.

    `SWITCHYARD_DATABASE_URL_FILE` names a file that holds the value instead, as container engines hand out secrets.
    """

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
    # A container's host name is its id, so that replicas of one definition have different names.
    replica: str = msgspec.field(default_factory=socket.gethostname)
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
    max_message_characters: int = 2000


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build the settings from `environ` and the files that it names.

    Raises SettingsWrong naming the first variable that is unknown, missing, ill-typed or given twice, or whose file
    cannot be read.
    """
    known = {f"{PREFIX}{field.name.upper()}": field.name for field in msgspec.structs.fields(Settings)}
    given: dict[str, str] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable.startswith(_OF_OTHERS):
            continue
        field = known.get(variable) or known.get(variable.removesuffix(FILE))
        if field is None:
            raise SettingsWrong(f"{variable} is not a setting")
        value = find_value(environ, field)
        if value is not None:
            given[field] = value
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsWrong(_name_variable(str(error))) from error


def find_value(environ: Mapping[str, str], field: str) -> str | None:
    """Return what `environ` says for a setting, itself or in a file (less one newline at its end); None if nothing.

    Raises SettingsWrong when both are given, or when the file cannot be read, is not text or is over 64 KiB.
    """
    variable = f"{PREFIX}{field.upper()}"
    by_file = environ.get(f"{variable}{FILE}")
    if by_file is None:
        return environ.get(variable)
    if variable in environ:
        raise SettingsWrong(f"{variable} and {variable}{FILE} are both given")
    try:
        with Path(by_file).open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        # The text of a decoding error quotes the secret.
        why = error.strerror if isinstance(error, OSError) else "it is not a file of UTF-8 text"
        raise SettingsWrong(f"{variable}{FILE}: {by_file} cannot be read: {why}") from None
    if len(content) > FILE_BYTES:
        raise SettingsWrong(f"{variable}{FILE}: {by_file} is over {FILE_BYTES} bytes")
    return text.removesuffix("\n")


def _name_variable(message: str) -> str:
    for field in msgspec.structs.fields(Settings):
        for quoted in (f"`$.{field.name}`", f"`{field.name}`"):
            if quoted in message:
                return message.replace(quoted, f"{PREFIX}{field.name.upper()}")
    return message


def split_list(value: str) -> list[str]:
    """Return the comma-separated items of `value`, without blanks."""
    return [item.strip() for item in value.split(",") if item.strip()]
