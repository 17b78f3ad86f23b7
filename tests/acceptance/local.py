"""The local stack as acceptance tests run it: commands on one directory, with the small models."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local.commands import status_of
from ops.local.layout import DATABASE
from ops.local.ports import find_free
from ops.local.process import REPOSITORY, ProcessId, poll_until
from ops.local.secrets_file import read_or_make
from ops.local.state import Status

COMMAND_LIMIT_S = 600.0
RUN_LEASE_S = 2
DRAIN_S = 1
"""Short, so that a replica that is stopped in mid-answer has to hand it over."""
END_LIMIT_S = 60.0


def environ_of(directory: Path) -> dict[str, str]:
    """Return this process's environment without choices of the user, for a stack in `directory`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD_")}
    ours = {
        "SWITCHYARD_LOCAL_DIR": str(directory),
        "SWITCHYARD_LOCAL_PORT": str(find_free()),
        "MODELS": "small",
        "SWITCHYARD_RUN_LEASE_S": str(RUN_LEASE_S),
        "SWITCHYARD_DRAIN_S": str(DRAIN_S),
        # What is tested is the platform with its models; quotes need none.
        "SWITCHYARD_EXTRACTIVE_UP_TO": "none",
    }
    return {**kept, **ours}


def run_local(
    environ: Mapping[str, str], *words: str, limit_s: float = COMMAND_LIMIT_S
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m ops.local` with `words` to its end. Raises subprocess.TimeoutExpired."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "ops.local", *words],
        env=dict(environ),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running stack: its public address, the demo key, directory, database, and the variables of its commands.

    Tests share it and its demo tenant: upload under names of your own, and put back what you kill.
    """

    url: str
    key: str
    directory: Path
    database_url: str
    env: Mapping[str, str]

    @classmethod
    def start(cls, directory: Path) -> "LocalStack":
        """Start a stack in `directory` and return when it is ready."""
        environ = environ_of(directory)
        done = run_local(environ, "up")
        assert done.returncode == 0, done.stdout + done.stderr
        found = status_of(directory)
        assert found.url is not None
        assert found.demo_key is not None
        return cls(found.url, found.demo_key, directory, database_of(found), environ)

    @property
    def headers(self) -> dict[str, str]:
        """The header that opens the door."""
        return {"authorization": f"Bearer {self.key}"}

    def new_tenant(self, name: str) -> str:
        """Make a tenant that no other test uses and return a key of it."""
        environ = {**self.env, "SWITCHYARD_DATABASE_URL": self.database_url}
        made = ""
        for words in (("tenants", "add", name), ("keys", "add", name)):
            command = [sys.executable, "-m", "app.cli", *words, "--json"]
            done = subprocess.run(  # noqa: S603 - our own command
                command, env=environ, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            made = done.stdout
        return str(json.loads(made)["key"])

    def status(self) -> Status:
        """Return the stack's parts, their processes and addresses, as they are now."""
        return status_of(self.directory)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the local stack on this one."""
        return run_local(self.env, *words)

    def end(self) -> None:
        """Stop the stack, and see that none of its processes is left."""
        processes = processes_of(self.status())
        done = self.run("down")
        assert done.returncode == 0, done.stdout + done.stderr
        assert poll_until(lambda: not alive(processes), END_LIMIT_S), alive(processes)


def database_of(status: Status) -> str:
    """Return the address of the database of a running stack."""
    address = next(part.address for part in status.parts if part.name == "postgres")
    password = read_or_make(Path(status.directory) / "secrets.json").database
    return f"postgresql://switchyard:{password}@{address}/{DATABASE}"


def processes_of(status: Status) -> list[ProcessId]:
    """Return the supervisor of a stack and all its parts that are processes."""
    parts = [part.process for part in status.parts if part.process is not None]
    return [*parts, status.supervisor] if status.supervisor is not None else parts


def alive(processes: list[ProcessId]) -> list[ProcessId]:
    """Return those of the processes that still run."""
    return [process for process in processes if process.is_alive()]
