"""Fetches the models of a stack in the background: `python -m ops.local.fetch DIRECTORY`.

How far it is stands in `models.json` of the stack's directory, and in the log.
"""

import os
import sys
from pathlib import Path

import msgspec

from ops.local.console import Console
from ops.local.layout import Layout
from ops.local.models.progress import Phase, Progress
from ops.local.nodes import wanted
from ops.local.problems import LocalProblem
from ops.local.weights import Weights, size_from


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


def main() -> int:
    """Fetch; returns 0 when all models are there."""
    console = Console(sys.stderr)
    layout = Layout.open(Path(sys.argv[1]), os.environ, size=size_from(os.environ))
    file = progress_file(layout.directory)
    jobs = wanted(layout)

    def report(progress: Progress) -> None:
        console.progress(progress)
        file.write(progress)

    weights = Weights(os.environ, layout.catalogue)
    for name, _ in jobs:
        if not weights.is_cached(name):
            report(Progress(name, Phase.WAITING, source="its turn"))
    for name, stores in jobs:
        try:
            weights.ensure([(name, stores)], report)
        except LocalProblem as problem:
            report(Progress(name, Phase.FAILED, source=str(problem)))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
