"""The tenant `demo` and its api key, made once by the application's own command.

    python -m ops.local.demo_key DIRECTORY MARK

MARK tells one database from another: a key is made again for a stack that was given another one. The key's file holds
the key alone, so that `$(cat .local/demo-key)` is the key; its mark lies beside it.
"""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from ops.local.problems import LocalProblem
from ops.local.process import run_once
from ops.local.secrets_file import write_private

TENANT = "demo"
COMMAND_LIMIT_S = 60.0


class _Added(msgspec.Struct, frozen=True):
    """The one field that we need of `switchyard keys add --json`."""

    key: str


def find_demo_key(directory: Path) -> str | None:
    """Return the demo key of a stack, or None before its first start."""
    return (_words(key_file(directory)) or [None])[0]


def has_demo_key(directory: Path, mark: str) -> bool:
    """Say whether the stack has a key for the database with that mark."""
    return len(_words(key_file(directory))) == 1 and _words(_mark_file(directory)) == [mark]


def part_key_and_mark(directory: Path) -> None:
    """Put the mark into a file of its own where the key's file holds it too, as earlier versions wrote it."""
    words = _words(key_file(directory))
    if len(words) > 1:
        _keep(directory, words[0], words[1])


def make_demo_key(directory: Path, mark: str) -> None:
    """Make the key, and the tenant unless it is there; the application's variables are in the environment.

    Raises LocalProblem.
    """
    _run("tenants", "add", TENANT, "--json", is_optional=True)  # an outside database may have the tenant already
    made = _run("keys", "add", TENANT, "--name", "local-stack", "--json")
    key = msgspec.json.decode(made, type=_Added).key
    _keep(directory, key, mark)


def key_file(directory: Path) -> Path:
    """Return the file that holds the key of a stack, and nothing else."""
    return directory / "demo-key"


def _mark_file(directory: Path) -> Path:
    return directory / "demo-key.database"


def _keep(directory: Path, key: str, mark: str) -> None:
    # Without a mark while the key changes: cut in between, the key is made again.
    _mark_file(directory).unlink(missing_ok=True)
    write_private(key_file(directory), f"{key}\n".encode())
    write_private(_mark_file(directory), f"{mark}\n".encode())


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError:
        return []


def _run(*arguments: str, is_optional: bool = False) -> str:
    command = (sys.executable, "-m", "app.cli", *arguments)
    try:
        done = run_once(command, environ=os.environ, limit_s=COMMAND_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise LocalProblem(f"`switchyard {' '.join(arguments)}` did not end") from error
    if done.returncode != 0 and not is_optional:
        raise LocalProblem(f"`switchyard {' '.join(arguments)}` failed: {done.stderr}")
    return done.stdout


def main() -> int:
    """Make the key; returns the exit status."""
    try:
        make_demo_key(Path(sys.argv[1]), sys.argv[2])
    except LocalProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
