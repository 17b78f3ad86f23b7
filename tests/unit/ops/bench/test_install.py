"""A peer is installed once for each lock, and a failure says what and why."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ops.bench.install import INSTALL_LIMIT_S, Installation, NotInstalled

LOCK = "other==2.0 \\\n    --hash=sha256:00\npeer==1.2.3 \\\n    --hash=sha256:11\n"


class Shell:
    """Takes commands, and ends them with `status`."""

    def __init__(self, status: int = 0, *, is_slow: bool = False) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.status = status
        self.is_slow = is_slow

    def __call__(self, command: Sequence[str], environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        assert environ == {"INDEX": "mine"}
        self.commands.append(tuple(command))
        if self.is_slow:
            raise subprocess.TimeoutExpired(command, INSTALL_LIMIT_S)
        return subprocess.CompletedProcess(command, self.status, "", "no such package")


def installation(folder: Path, shell: Shell) -> Installation:
    """Return a peer's installation below a folder."""
    lock = folder / "peer.lock"
    if not lock.is_file():
        lock.write_text(LOCK)
    return Installation("peer", lock, folder / "peer", shell)


def test_a_lock_is_installed_with_its_hashes_into_a_folder_of_its_own(tmp_path: Path) -> None:
    shell = Shell()
    made = installation(tmp_path, shell)
    assert made.ensure({"INDEX": "mine"}) is True
    assert tuple(shell.commands) == made.commands()
    venv, install = (" ".join(command) for command in shell.commands)
    assert venv.endswith(f"{tmp_path}/peer/venv")
    assert install.endswith(f"--require-hashes --no-deps -r {tmp_path}/peer.lock")
    assert f"{tmp_path}/peer/venv/bin/python" in install


def test_what_is_there_is_not_installed_again_until_its_lock_changes(tmp_path: Path) -> None:
    installation(tmp_path, Shell()).ensure({"INDEX": "mine"})
    again = Shell()
    assert installation(tmp_path, again).ensure({"INDEX": "mine"}) is False
    assert again.commands == []
    (tmp_path / "peer" / "leftover").touch()
    (tmp_path / "peer.lock").write_text(LOCK.replace("1.2.3", "1.2.4"))
    assert installation(tmp_path, again).ensure({"INDEX": "mine"}) is True
    assert not (tmp_path / "peer" / "leftover").exists()


def test_a_step_that_fails_is_named_with_its_reason_and_tried_again_next_time(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match=r"venv.* ended with 1: no such package"):
        installation(tmp_path, Shell(status=1)).ensure({"INDEX": "mine"})
    assert installation(tmp_path, Shell()).ensure({"INDEX": "mine"}) is True


def test_a_step_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match="took longer than 300 s"):
        installation(tmp_path, Shell(is_slow=True)).ensure({"INDEX": "mine"})


def test_the_version_is_the_locks(tmp_path: Path) -> None:
    assert installation(tmp_path, Shell()).version == "1.2.3"
    (tmp_path / "peer.lock").write_text("other==2.0\n")
    with pytest.raises(NotInstalled, match="does not name peer"):
        _ = installation(tmp_path, Shell()).version
