"""How far the fetching of every model is, in a file that other processes read."""

from pathlib import Path

import msgspec

from ops.local.models.progress import Progress


class ProgressFile:
    """The last word on every model, for other processes to read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._models: dict[str, Progress] = {}

    def write(self, progress: Progress) -> None:
        """Note how far a model is."""
        self._models[progress.model] = progress
        partial = self._path.with_name(f".{self._path.name}.partial")
        partial.write_bytes(msgspec.json.encode(list(self._models.values())))
        partial.replace(self._path)

    def read(self) -> list[Progress]:
        """Return how far each model is; empty before the first word."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Progress])
        except OSError:
            return []


def progress_file(directory: Path) -> ProgressFile:
    """Return the progress file of a stack."""
    return ProgressFile(directory / "models.json")
