"""Fetches the models of a stack into the stores of its nodes: `python -m ops.local.fetch DIRECTORY [--first]`.

`--first` stops after those that a first answer needs. How far it is stands in `models.json` of the stack's directory.
"""

import argparse
import os
import sys
from pathlib import Path

from app.finish import INTERRUPTED
from app.mistakes import MISCONFIGURED, ConfigurationWrong
from ops.local.choices import size_from
from ops.local.console import Console
from ops.local.layout import Layout
from ops.local.models.progress import Phase, Progress
from ops.local.nodes import needed_first, wanted
from ops.local.problems import LocalProblem
from ops.local.progress_file import progress_file
from ops.local.weights import Weights


def main() -> int:
    """Fetch; returns 0 when all models are there."""
    parser = argparse.ArgumentParser(prog="python -m ops.local.fetch", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--first", action="store_true")
    given = parser.parse_args()
    try:
        layout = Layout.open(given.directory, os.environ, size=size_from(os.environ))
        return _fetch(layout, Console(sys.stdout), is_first=given.first)
    except ConfigurationWrong as wrong:
        Console(sys.stderr).say(f"switchyard: {wrong}")
        return MISCONFIGURED
    except KeyboardInterrupt:
        return INTERRUPTED


def _fetch(layout: Layout, console: Console, *, is_first: bool) -> int:
    weights, file = Weights(layout.environ, layout.catalogue), progress_file(layout.directory)

    def report(progress: Progress) -> None:
        console.progress(progress)
        file.write(progress)

    jobs = needed_first(layout) if is_first else wanted(layout)
    for model, _ in jobs:
        file.write(Progress(model.name, Phase.WAITING, source="its turn"))
    for model, stores in jobs:
        try:
            weights.ensure([(model.name, stores)], report)
        except (LocalProblem, OSError) as problem:
            report(Progress(model.name, Phase.FAILED, source=str(problem)))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
