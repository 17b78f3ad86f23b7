"""The tenant `demo` and its api key, made once by the application's own command."""

import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from ops.local.layout import Layout
from ops.local.parts import application
from ops.local.problems import PartFailed
from ops.local.process import run_once
from ops.local.secrets_file import write_private

TENANT = "demo"
COMMAND_LIMIT_S = 60.0


class _Added(msgspec.Struct, frozen=True):
    """The one field that we need of `switchyard keys add --json`."""

    key: str


def find_demo_key(directory: Path) -> str | None:
    """Return the demo key of a stack, or None before its first start."""
    lines = _lines(directory)
    return lines[0] if lines else None


def ensure_demo_key(layout: Layout) -> str:
    """Return the demo key; made the first time, and again when the stack is given another database.

    Raises PartFailed.
    """
    lines, mark = _lines(layout.directory), _database_mark(layout)
    if len(lines) == 2 and lines[1] == mark:
        return lines[0]
    _run(
        layout, "tenants", "add", TENANT, "--json", is_optional=True
    )  # an outside database may have the tenant already
    made = _run(layout, "keys", "add", TENANT, "--name", "local-stack", "--json")
    key = msgspec.json.decode(made, type=_Added).key
    write_private(_path(layout.directory), f"{key}\n{mark}\n".encode())
    return key


def _path(directory: Path) -> Path:
    return directory / "demo-key"


def _lines(directory: Path) -> list[str]:
    try:
        return _path(directory).read_text().split()
    except OSError:
        return []


def _database_mark(layout: Layout) -> str:
    """Return what tells one database from another: the bundled one moves with the directory, whatever its port."""
    outside = layout.outside.database_url
    return "bundled" if outside is None else sha256(outside.encode()).hexdigest()


def _run(layout: Layout, *arguments: str, is_optional: bool = False) -> str:
    command: Sequence[str] = (sys.executable, "-m", "app.cli", *arguments)
    try:
        done = run_once(command, environ={**layout.environ, **application.environ(layout)}, limit_s=COMMAND_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise PartFailed("demo key", f"`switchyard {' '.join(arguments)}` did not end") from error
    if done.returncode != 0 and not is_optional:
        raise PartFailed("demo key", f"`switchyard {' '.join(arguments)}` failed", done.stderr)
    return done.stdout
