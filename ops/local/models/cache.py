"""Verified files by digest, kept outside the clone and shared by all clones of a user."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 1 << 20
LOCK_LIMIT_S = 7200.0


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_CACHE_HOME/switchyard/models`, by default under `~/.cache` (XDG Base Directory Specification)."""
    given = environ.get("XDG_CACHE_HOME", "")
    root = Path(given) if given.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".cache"
    return root / "switchyard" / "models"


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def place(source: Path, target: Path, otherwise: Callable[[Path, Path], object]) -> None:
    """Make `target` the same file as `source` by a hard link, or by `otherwise(source, target)` where that fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), partial)
    except OSError:
        otherwise(source.resolve(), partial)
    partial.replace(target)


class Cache:
    """Files named by their digest. A file is believed without reading it again while its size and time stay those
    that it had when it was verified."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self._clock = clock
        for folder in ("blobs", "partial", "locks"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def blob(self, sha256: str) -> Path:
        """Return where the file of that digest is, or would be."""
        return self.root / "blobs" / f"sha256-{sha256}"

    def partial(self, name: str) -> Path:
        """Return where an unfinished file or folder of that name is kept."""
        return self.root / "partial" / name

    def find(self, sha256: str) -> Path | None:
        """Return the file of that digest, verified, or None; a damaged one is removed."""
        path = self.blob(sha256)
        if not path.is_file():
            return None
        stamp = path.with_suffix(".verified")
        if stamp.is_file() and stamp.read_text() == _stamp(path):
            return path
        if sha256_of(path) != sha256:
            path.unlink()
            return None
        stamp.write_text(_stamp(path))
        return path

    def adopt(self, path: Path, sha256: str, *, keep: bool) -> Path | None:
        """Take a file into the cache if its digest is right (else None); `keep` leaves the original where it is."""
        if sha256_of(path) != sha256:
            return None
        target = self.blob(sha256)
        if keep:
            place(path, target, shutil.copyfile)
        else:
            path.replace(target)
        target.with_suffix(".verified").write_text(_stamp(target))
        return target

    def remove(self, sha256: str) -> None:
        """Remove the file of that digest, if it is there."""
        path = self.blob(sha256)
        path.with_suffix(".verified").unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self, sha256: str, on_wait: Callable[[], None]) -> Generator[None]:
        """Hold the right to make the file of that digest; `on_wait` is called while another process has it.

        Raises TimeoutError after two hours. The lock ends with the process that holds it.
        """
        with (self.root / "locks" / f"{sha256}.lock").open("wb") as file:
            self._wait_for(file, on_wait)
            yield

    def _wait_for(self, file: BinaryIO, on_wait: Callable[[], None]) -> None:
        limit = self._clock() + LOCK_LIMIT_S
        while self._clock() < limit:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                time.sleep(0.5)
        raise TimeoutError(f"another process has held {file.name} for {LOCK_LIMIT_S:.0f} s")


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}\n"
