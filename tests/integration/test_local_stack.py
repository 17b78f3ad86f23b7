"""The local stack as a person at a terminal uses it: up, status, logs, down, accidents and Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from ops.local.commands import status_of
from ops.local.ports import find_free
from ops.local.process import REPOSITORY, ProcessId, poll_until
from ops.local.state import Phase, Status
from ops.local.views import PartState, PartView

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

UP_LIMIT_S = 180.0
SERVERS = ("valkey-cache", "valkey-coordination", "qdrant", "node-a", "node-b", "postgres")
APPLICATION = ("replica-1", "replica-2", "worker-1")


class Terminal:
    """Runs commands of the local stack on one directory, with the small models."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        ours = {"SWITCHYARD_LOCAL_DIR": str(directory), "SWITCHYARD_LOCAL_PORT": str(find_free()), "MODELS": "small"}
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHYARD_")} | ours

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "ops.local", *words]
        return subprocess.run(  # noqa: S603 - our own command
            command, env=self._environ, cwd=REPOSITORY, capture_output=True, text=True, timeout=UP_LIMIT_S, check=False
        )

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "ops.local", *words]
        return subprocess.Popen(  # noqa: S603 - our own command
            command, env=self._environ, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def up(self) -> Status:
        done = self.run("up")
        assert done.returncode == 0, done.stdout + done.stderr
        return self.status()

    def status(self) -> Status:
        return status_of(self.directory)

    def part(self, name: str) -> PartView:
        return next(part for part in self.status().parts if part.name == name)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal whose stack is stopped at the end, whatever happened."""
    terminal = Terminal(tmp_path_factory.mktemp("local") / "a stack")
    yield terminal
    terminal.run("down")


@pytest.fixture
def stack(terminal: Terminal) -> Status:
    """The running stack."""
    return terminal.up()


def processes(status: Status) -> list[ProcessId]:
    parts = [part.process for part in status.parts if part.process is not None]
    return [status.supervisor, *parts] if status.supervisor is not None else parts


def are_gone(found: list[ProcessId]) -> Callable[[], bool]:
    return lambda: not any(process.is_alive() for process in found)


def without_watchers(status: Status) -> Status:
    parts = tuple(part for part in status.parts if part.name not in {"prometheus", "alertmanager"})
    return msgspec.structs.replace(status, parts=parts)


def test_status_tells_address_key_and_every_part(terminal: Terminal, stack: Status) -> None:
    told = terminal.run("status", "--json")
    assert told.returncode == 0
    # Parts that only watch may still be starting: the stack does not wait for them.
    assert without_watchers(msgspec.json.decode(told.stdout, type=Status)) == without_watchers(stack)
    parts = {part.name: part for part in stack.parts}
    assert stack.phase is Phase.READY
    assert stack.demo_key is not None
    assert {parts["migrate"].state, parts["models"].state} == {PartState.DONE}
    for name in (*SERVERS, *APPLICATION, "nginx"):
        assert parts[name].state is PartState.READY
        assert parts[name].process is not None
        assert parts[name].address.startswith("127.0.0.1:")


def test_the_demo_key_opens_the_door_and_no_key_does_not(stack: Status) -> None:
    address = f"{stack.url}/api/v1/sessions"
    assert httpx.get(address, headers={"authorization": f"Bearer {stack.demo_key}"}, timeout=10).status_code == 200
    assert httpx.get(address, timeout=10).status_code == 401


def test_a_body_far_over_the_limit_is_a_problem_document(stack: Status) -> None:
    headers = {"authorization": f"Bearer {stack.demo_key}", "content-type": "application/json"}
    answer = httpx.post(f"{stack.url}/api/v1/chat", content=b"x" * 10_000_000, headers=headers, timeout=20)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_second_up_is_told_that_one_runs(terminal: Terminal, stack: Status) -> None:
    again = terminal.run("up")
    assert again.returncode == 0
    assert f"running already at {stack.url}" in again.stdout
    assert terminal.status().supervisor == stack.supervisor


def test_passwords_and_the_key_are_for_their_owner_only(terminal: Terminal, stack: Status) -> None:
    assert stack.demo_key is not None
    assert (terminal.directory / "demo-key").read_text() == f"{stack.demo_key}\n"
    for name in ("demo-key", "secrets.json", "stack.json"):
        assert (terminal.directory / name).stat().st_mode & 0o077 == 0


def test_the_logs_of_one_part_are_shown(terminal: Terminal, stack: Status) -> None:
    assert stack.running
    assert "ready to accept connections" in terminal.run("logs", "postgres", "-n", "100").stdout
    unknown = terminal.run("logs", "redis")
    assert unknown.returncode == 1
    assert "there are" in unknown.stderr


@pytest.mark.parametrize(
    "name", ["node-a", "postgres", "valkey-coordination", "qdrant", "replica-1", "worker-1", "nginx"]
)
def test_a_killed_part_comes_back(terminal: Terminal, stack: Status, name: str) -> None:
    before = next(part.process for part in stack.parts if part.name == name)
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)

    def is_back() -> bool:
        part = terminal.part(name)
        return part.state is PartState.READY and part.process not in (None, before)

    assert poll_until(is_back, 60.0, 0.2)


@pytest.mark.requirement("FIN-08.dies")
def test_a_killed_replica_is_not_missed_by_readers(stack: Status) -> None:
    before = next(part.process for part in stack.parts if part.name == "replica-2")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    answers = [httpx.get(f"{stack.url}/livez", timeout=10).status_code for _ in range(20)]
    assert set(answers) == {200}


@pytest.mark.requirement("FAM-01.in-process", "ORC-01.local")
def test_what_was_stored_survives_down_and_up_and_down_leaves_no_process(terminal: Terminal, stack: Status) -> None:
    headers = {"authorization": f"Bearer {stack.demo_key}"}
    upload = {"file": ("note.md", b"# Note\n\nThe warehouse opens at six.\n", "text/markdown")}
    accepted = httpx.post(f"{stack.url}/api/v2/upload", files=upload, headers=headers, timeout=20)
    assert accepted.status_code == 202
    stopped = terminal.run("down")
    assert stopped.returncode == 0
    assert are_gone(processes(stack))()
    again = terminal.up()
    assert (again.demo_key, again.url) == (stack.demo_key, stack.url)
    job = httpx.get(f"{again.url}/api/v2/jobs/{accepted.json()['job_id']}", headers=headers, timeout=10)
    assert job.status_code == 200


def test_a_killed_supervisor_takes_its_parts_along(terminal: Terminal, stack: Status) -> None:
    assert stack.supervisor is not None
    os.kill(stack.supervisor.pid, signal.SIGKILL)
    assert poll_until(are_gone(processes(stack)), 60.0)
    after = terminal.status()
    assert not after.running
    assert after.parts == ()
    assert terminal.run("down").returncode == 0


def test_ctrl_c_ends_a_stack_in_the_foreground(terminal: Terminal) -> None:
    terminal.run("down")
    foreground = terminal.start("up", "--foreground")
    assert poll_until(lambda: terminal.status().phase is Phase.READY, UP_LIMIT_S, 0.5)
    running = processes(terminal.status())
    foreground.send_signal(signal.SIGINT)
    assert foreground.wait(60) == 0
    assert are_gone(running)()


def test_ctrl_c_during_the_start_leaves_nothing(terminal: Terminal) -> None:
    terminal.run("down")
    starting = terminal.start("up")
    assert poll_until(lambda: any(part.process for part in terminal.status().parts), UP_LIMIT_S, 0.1)
    begun = processes(terminal.status())
    starting.send_signal(signal.SIGINT)
    assert starting.wait(60) == 130
    assert are_gone(begun)()
    assert not terminal.status().running
