"""Installs a peer into a folder of its own, from a lock with hashes, only when that lock has changed."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.local.process import run_once

INSTALL_LIMIT_S = 300.0
"""For one step; the index is asked for a few hundred megabytes once."""

TAIL = 600

Run = Callable[[Sequence[str], Mapping[str, str]], "subprocess.CompletedProcess[str]"]


class NotInstalled(Exception):
    """A step of the installation failed; the message says which, and why."""


def _run(command: Sequence[str], environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return run_once(command, environ=environ, limit_s=INSTALL_LIMIT_S)


@dataclass(frozen=True, slots=True)
class Installation:
    """A peer's packages: the lock that names them all, and the folder that holds nothing else."""

    package: str
    lock: Path
    folder: Path
    run: Run = _run

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self.folder / "venv" / "bin"

    @property
    def version(self) -> str:
        """The version of the package that the lock names. Raises NotInstalled when it names none."""
        found = re.search(rf"^{re.escape(self.package)}==(\S+)", self.lock.read_text(encoding="utf-8"), re.MULTILINE)
        if found is None:
            raise NotInstalled(f"{self.lock.name} does not name {self.package}")
        return found[1]

    def commands(self) -> tuple[tuple[str, ...], ...]:
        """Return the commands that install it. They compile it too: a server should not do so while it is measured."""
        venv, python, uv = str(self.folder / "venv"), str(self.bin / "python"), Path(sys.executable).with_name("uv")
        hashed = ("--require-hashes", "--no-deps", "-r", str(self.lock))
        if uv.is_file():
            install = (str(uv), "pip", "install", "--quiet", "--python", python, "--compile-bytecode", *hashed)
            return (str(uv), "venv", "--quiet", "--python", sys.executable, venv), install
        return (sys.executable, "-m", "venv", venv), (python, "-m", "pip", "install", "--quiet", "--no-input", *hashed)

    def ensure(self, environ: Mapping[str, str]) -> bool:
        """Install it if what is there is not what the lock says; True if that was needed. Raises NotInstalled."""
        stamp, wanted = self.folder / "installed", self._fingerprint()
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for command in self.commands():
            self._step(command, environ)
        stamp.write_text(wanted, encoding="utf-8")
        return True

    def _step(self, command: tuple[str, ...], environ: Mapping[str, str]) -> None:
        try:
            done = self.run(command, environ)
        except subprocess.TimeoutExpired as error:
            raise NotInstalled(f"`{' '.join(command)}` took longer than {INSTALL_LIMIT_S:.0f} s") from error
        if done.returncode != 0:
            raise NotInstalled(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-TAIL:]}")

    def _fingerprint(self) -> str:
        return f"{hashlib.sha256(self.lock.read_bytes()).hexdigest()} {sys.version} {self.folder}\n"
