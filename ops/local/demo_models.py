"""The wait for models that still come while the stack answers already."""

import time
from collections.abc import Callable
from pathlib import Path

from ops.local.console import Console
from ops.local.models.progress import Phase, Progress
from ops.local.problems import LocalProblem
from ops.local.progress_file import progress_file

LOOK_EVERY_S = 0.2
FAILED_FOR_S = 60.0
# Replicas look at their nodes every 2 s (`probe_interval_s`), give or take a fifth.
SEEN_WITHIN_S = 3.0


def wait_for_models(
    directory: Path,
    console: Console,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Show the fetching of models until all are there. Raises LocalProblem when one cannot be had.

    A stack whose models are on servers of the user's own has nothing to wait for.
    """
    file = progress_file(directory)
    missing = _missing(file.read())
    if not missing:
        return
    console.say("")
    console.say("The other questions wait for larger models:")
    failed_at: float | None = None
    while missing:
        console.progress(missing[0])
        failed = [model for model in missing if model.phase is Phase.FAILED]
        # The fetching begins again by itself: a failure counts when it stays.
        failed_at = (failed_at if failed_at is not None else clock()) if failed else None
        if failed_at is not None and clock() - failed_at > FAILED_FOR_S:
            raise LocalProblem(
                f"{failed[0].model} cannot be fetched: {failed[0].source}\n"
                "What came is kept: run it again to go on, or with MODELS=small to use the smallest model only."
            )
        wait(LOOK_EVERY_S)
        missing = _missing(file.read())
    console.say("  all models are there")
    wait(SEEN_WITHIN_S)


def _missing(models: list[Progress]) -> list[Progress]:
    waiting = [model for model in models if model.phase is not Phase.READY]
    # The one that is worked on first; those whose turn has not come say nothing.
    return sorted(waiting, key=lambda model: model.phase is Phase.WAITING)
