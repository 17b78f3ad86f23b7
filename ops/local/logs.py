"""What `python -m ops.local logs` does: shows the parts' logs line by line, and follows them."""

import time
from collections.abc import Callable, Collection
from pathlib import Path

from ops.local.console import Console
from ops.local.log_file import LogFile
from ops.local.problems import LocalProblem

FOLLOW_EVERY_S = 0.25


def show_logs(
    directory: Path,
    parts: Collection[str],
    *,
    lines: int,
    is_following: bool,
    console: Console,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Show the last lines of these parts' logs, or of all; with `is_following`, what is added, until Ctrl-C.

    Only whole lines are shown while a log is followed: one that is being written waits for its end. Raises LocalProblem
    when there is no such log.
    """
    logs = _logs(directory, parts)
    has_names = len(parts) != 1
    for log in logs.values():
        found = [*log.last(lines), *([] if is_following or not lines else log.rest())]
        if has_names:
            console.say(f"==> {log.name}")
        for line in found[max(0, len(found) - lines) :]:
            console.say(line)
    try:
        while is_following:
            _show_new(directory, parts, logs, console, has_names=has_names)
            wait(FOLLOW_EVERY_S)
    except KeyboardInterrupt:
        return 0
    finally:
        for log in logs.values():
            log.close()
    return 0


def _paths(directory: Path) -> list[Path]:
    return sorted((directory / "logs").glob("*.log"))


def _logs(directory: Path, parts: Collection[str]) -> dict[Path, LogFile]:
    paths = _paths(directory)
    have = {path.stem for path in paths}
    if unknown := sorted(set(parts) - have):
        known = f"; there are {', '.join(sorted(have))}" if have else f": no logs in {directory}"
        raise LocalProblem(f"no log of {', '.join(map(repr, unknown))}{known}")
    if not have:
        raise LocalProblem(f"no logs in {directory}")
    return {path: LogFile(path) for path in paths if not parts or path.stem in parts}


def _show_new(
    directory: Path, parts: Collection[str], logs: dict[Path, LogFile], console: Console, *, has_names: bool
) -> None:
    if not parts:  # a part that starts for the first time has a log from now on
        for path in _paths(directory):
            logs.setdefault(path, LogFile(path))
    for log in logs.values():
        for line in log.new():
            console.say(f"{log.name} | {line}" if has_names else line)
