"""One peer's snapshots of collections: archives in its directory, each with its checksum in a file beside it.

Names, fields and errors are Qdrant's; what an archive holds is the double's own: the configuration, and the engine's
files of every shard of which the peer has a copy. Sources, at v1.19.0: `lib/collection/src/collection/snapshots.rs`,
`lib/collection/src/common/snapshots_manager.rs` and `lib/collection/src/operations/snapshot_ops.rs`.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from ops.local.qdrant import faults
from ops.local.qdrant.cluster import peer_id
from ops.local.qdrant.shards import Configuration

SUFFIX = ".snapshot"
CHECKSUM = ".checksum"
CONFIG = "config.json"


class Snapshots:
    """The snapshots of the peer at `place` below `directory`. Every method blocks: call it on the engine's thread."""

    def __init__(self, directory: Path, place: int) -> None:
        self.directory = directory
        self._place = place

    def create(self, name: str, configuration: Configuration, shards: Mapping[int, Path]) -> dict[str, object]:
        """Archive a collection's configuration and the directories of these of its shards, which are written out."""
        kept = self.directory / name
        kept.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).strftime("%Y-%m-%d-%H-%M-%S")
        path = kept / f"{name}-{peer_id(self._place)}-{now}{SUFFIX}"
        fresh = kept / f"{uuid4().hex}.tmp"
        (kept / CONFIG).write_bytes(msgspec.json.encode(configuration))
        # The engine's logs are mostly zeros.
        with tarfile.open(fresh, "w:gz", compresslevel=1) as archive:
            archive.add(kept / CONFIG, CONFIG)
            for number, directory in shards.items():
                archive.add(directory, str(number))
        (kept / CONFIG).unlink()
        _checksum_path(path).write_text(checksum(fresh))
        fresh.replace(path)
        return _described(path)

    def list(self, name: str) -> list[dict[str, object]]:
        """The snapshots of a collection."""
        return [_described(path) for path in sorted((self.directory / name).glob(f"*{SUFFIX}"))]

    def find(self, name: str, snapshot: str) -> Path:
        """The file of a snapshot. Raises Fault: there is none, or its name is a path."""
        kept = self.directory / name
        if Path(snapshot).name == snapshot and not kept.is_dir():
            raise faults.not_found(f"Snapshot directory: {kept}")
        if Path(snapshot).name != snapshot or not (kept / snapshot).is_file():
            raise faults.not_found(f"Snapshot {snapshot}")
        return kept / snapshot

    def remove(self, name: str, snapshot: str) -> bool:
        """Delete a snapshot. Raises Fault: there is none."""
        path = self.find(name, snapshot)
        path.unlink()
        _checksum_path(path).unlink(missing_ok=True)
        return True

    def take_in(self, name: str, file_name: str, source: Path) -> Path:
        """Keep an uploaded archive under the last part of its name."""
        kept = self.directory / name
        kept.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(source, kept / (Path(file_name).name or uuid4().hex)))

    def local(self, path: Path) -> Path:
        """A file that a request names. Raises Fault: it is not there, or not below the peer's directory."""
        if not path.exists():
            raise faults.bad_request(f'Snapshot file "{path}" does not exist')
        self.directory.mkdir(parents=True, exist_ok=True)
        allowed = self.directory.resolve()
        if not path.resolve().is_relative_to(allowed):
            text = f'Forbidden: Snapshot file path must be inside the snapshots directory "{allowed}"'
            raise faults.Fault(403, text)
        return path.resolve()


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in lower-case digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(archive: Path, target: Path) -> Configuration:
    """Lay out an archive below `target`. Raises Fault: it is none of the double's."""
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(target, filter="data")
        return msgspec.json.decode((target / CONFIG).read_bytes(), type=Configuration)
    except (tarfile.TarError, OSError, EOFError, msgspec.DecodeError) as error:
        raise faults.internal_error("Malformed tar archive, unable to read entries") from error


def _described(path: Path) -> dict[str, object]:
    about = path.stat()
    made = datetime.fromtimestamp(int(about.st_mtime), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    told: dict[str, object] = {"name": path.name, "creation_time": made, "size": about.st_size}
    if _checksum_path(path).is_file():
        told["checksum"] = _checksum_path(path).read_text()
    return told


def _checksum_path(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM)
