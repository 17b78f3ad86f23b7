"""Passwords of the bundled parts, made once and readable by their owner only."""

import os
import secrets
from pathlib import Path

import msgspec


class Secrets(msgspec.Struct, frozen=True):
    """The passwords of the bundled servers."""

    database: str
    valkey: str
    qdrant: str


def read_or_make(path: Path) -> Secrets:
    """Return the secrets of a stack directory; the first time they are made."""
    if path.is_file():
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    made = Secrets(*(secrets.token_hex(24) for _ in Secrets.__struct_fields__))
    write_private(path, msgspec.json.encode(made))
    return made


def find_secrets_of(path: Path) -> set[str]:
    """Return the passwords in a stack's file of secrets; none when there is no such file."""
    try:
        return {str(secret) for secret in msgspec.json.decode(path.read_bytes(), type=dict[str, str]).values()}
    except (OSError, msgspec.MsgspecError):
        return set()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)
