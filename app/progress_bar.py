"""Shows how far something is: a bar that moves on a terminal, a line for each step elsewhere."""

import shutil
from typing import TextIO

from app.console import Console
from app.text import encodable, one_line

WIDTH = 24
_CLEAR_REST = "\x1b[K"


class ProgressBar:
    """Progress on standard error. Elsewhere than on a terminal a line is written when a step begins, and no more."""

    def __init__(self, stream: TextIO, notes: Console, *, is_quiet: bool = False) -> None:
        """`notes` writes to the same stream."""
        self._stream = stream
        self._notes = notes
        self._moves = stream.isatty()
        self._is_quiet = is_quiet
        self._said = ""
        self._is_shown = False

    def show(self, name: str, step: str, share: float, more: str = "") -> None:
        """Show that `name` is at `step`, and `share` of it is done (0 to 1)."""
        if self._is_quiet:
            return
        if self._moves:
            self._draw(name, step, share, more)
        elif (line := f"{name}: {step}") != self._said:
            self._said = line
            self._notes.say(line)

    def clear(self) -> None:
        """Take the bar away, for something else to be written."""
        if self._is_shown:
            self._stream.write(f"\r{_CLEAR_REST}")
            self._stream.flush()
            self._is_shown = False

    def _draw(self, name: str, step: str, share: float, more: str) -> None:
        done = int(WIDTH * min(max(share, 0.0), 1.0))
        bar = f"[{'#' * done}{'.' * (WIDTH - done)}] {int(100 * share):3d} %"
        columns = shutil.get_terminal_size().columns - 1
        # A line that wraps could not be drawn over again.
        text = " ".join(part for part in (bar, f"{name}: {step}", more) if part)[:columns]
        safe = "".join(letter for letter in one_line(text) if letter.isprintable())
        self._stream.write(f"\r{encodable(safe, self._stream.encoding or 'utf-8')}{_CLEAR_REST}")
        self._stream.flush()
        self._is_shown = True
