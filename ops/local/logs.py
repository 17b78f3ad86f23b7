"""What `python -m ops.local logs` does: shows the parts' logs, and follows them."""

import time
from collections.abc import Sequence
from pathlib import Path

from app.text import one_line
from ops.local.console import Console
from ops.local.problems import LocalProblem
from ops.local.process import tail

FOLLOW_EVERY_S = 0.25
BLOCK_BYTES = 1 << 16


def show_logs(directory: Path, part: str | None, *, lines: int, is_following: bool, console: Console) -> int:
    """Show the last lines of one part's log, or of all; with `is_following`, what is added, until Ctrl-C.

    Raises LocalProblem when there is no such log.
    """
    files = _files(directory, part)
    for file in files:
        if part is None:
            console.say(f"==> {file.stem}")
        text = tail(file, lines, limit_bytes=lines * 400)
        if text:
            console.say(text)
    if is_following:
        _follow(files, console)
    return 0


def _files(directory: Path, part: str | None) -> list[Path]:
    files = sorted((directory / "logs").glob("*.log"))
    if part is not None:
        files = [file for file in files if file.stem == part]
    if not files:
        have = ", ".join(file.stem for file in sorted((directory / "logs").glob("*.log")))
        raise LocalProblem(f"no log of {part!r}; there are {have}" if part and have else f"no logs in {directory}")
    return files


def _follow(files: Sequence[Path], console: Console) -> None:
    places = {file: file.stat().st_size for file in files}
    try:
        while True:
            for file in files:
                places[file] = _show_new(
                    file, places[file], console, prefix=f"{file.stem} | " if len(files) > 1 else ""
                )
            time.sleep(FOLLOW_EVERY_S)
    except KeyboardInterrupt:
        return


def _show_new(file: Path, place: int, console: Console, *, prefix: str) -> int:
    """Show whole lines from `place` on; returns where the next ones begin."""
    with file.open("rb") as opened:
        if opened.seek(0, 2) < place:
            place = 0
        opened.seek(place)
        block = opened.read(BLOCK_BYTES)
    end = block.rfind(b"\n") + 1
    for line in block[:end].decode(errors="replace").split("\n")[:-1]:
        console.say(f"{prefix}{one_line(line)}")
    return place + end
