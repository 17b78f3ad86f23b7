"""The only place of the local stack that writes to the terminal."""

import shutil
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TextIO

from app.telemetry.masking import Mask
from app.text import encodable
from ops.local.models.progress import Phase, Progress

BAR_CELLS = 16
PLAIN_EVERY_S = 5.0
REDRAW_EVERY_S = 0.1
RATE_OVER_S = 5.0


class Console:
    """Lines, and one progress line at the bottom that is redrawn on a terminal and repeated now and then elsewhere."""

    def __init__(self, stream: TextIO, *, mask: Mask | None = None, clock: Callable[[], float] = monotonic) -> None:
        """With a `mask`, lines are written without their secrets: for what errors, programs and logs say."""
        self._stream = stream
        self._mask = mask
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._bar_width = 0
        self._shown: tuple[str, Phase] | None = None
        self._shown_at = float("-inf")
        self._seen: list[tuple[float, int]] = []

    def say(self, line: str) -> None:
        """Write a line."""
        self._clear_bar()
        self._put(f"{line if self._mask is None else self._mask.text(line)}\n")

    def write(self, text: str) -> None:
        """Write text as it is, without a newline."""
        self._clear_bar()
        self._put(text)

    def _put(self, text: str) -> None:
        self._stream.write(encodable(text, self._stream.encoding or "utf-8"))
        self._stream.flush()

    def table(self, rows: Sequence[Sequence[str]], *, indent: int = 2) -> None:
        """Write rows in columns as wide as their widest cell."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.say((" " * indent + "  ".join(cells)).rstrip())

    def progress(self, progress: Progress) -> None:
        """Show how far a model is: redrawn in place on a terminal; elsewhere a line at each phase and every 5 s."""
        now = self._clock()
        key = (progress.model, progress.phase)
        is_news = key != self._shown
        if is_news and (self._shown is None or self._shown[0] != progress.model):
            self._seen = []
        limit_s = REDRAW_EVERY_S if self._is_terminal else PLAIN_EVERY_S
        if not is_news and now - self._shown_at < limit_s:
            return
        self._shown, self._shown_at = key, now
        line = describe(progress, self._rate(progress, now))
        if self._is_terminal and progress.phase not in (Phase.READY, Phase.FAILED):
            self._redraw(line)
        else:
            self.say(line)

    def _rate(self, progress: Progress, now: float) -> float:
        if progress.phase is not Phase.DOWNLOADING:
            return 0.0
        self._seen = [(at, done) for at, done in self._seen if now - at <= RATE_OVER_S] + [(now, progress.done_bytes)]
        first_at, first = self._seen[0]
        return (progress.done_bytes - first) / (now - first_at) if now > first_at else 0.0

    def _redraw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r{line[:width].ljust(min(self._bar_width, width))}")
        self._stream.flush()
        self._bar_width = min(len(line), width)

    def _clear_bar(self) -> None:
        if self._bar_width:
            self._stream.write(f"\r{' ' * self._bar_width}\r")
            self._bar_width = 0


def describe(progress: Progress, bytes_per_s: float = 0.0) -> str:
    """Return one line about a model: name, bar, bytes, rate and time left."""
    name = progress.model.ljust(20)
    if progress.phase is Phase.READY:
        return f"{name} ready ({_mb(progress.total_bytes)})"
    if progress.phase is not Phase.DOWNLOADING or not progress.total_bytes:
        return f"{name} {progress.phase.value} {progress.source}".rstrip()
    share = min(1.0, progress.done_bytes / progress.total_bytes)
    full = int(share * BAR_CELLS)
    bar = "#" * full + "." * (BAR_CELLS - full)
    line = f"{name} [{bar}] {share:4.0%} of {_mb(progress.total_bytes)}"
    if bytes_per_s > 0:
        left_s = (progress.total_bytes - progress.done_bytes) / bytes_per_s
        line += f", {_mb(int(bytes_per_s))}/s, {left_s:.0f} s left"
    return f"{line}, from {progress.source}"


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 10_000_000 else f"{count / 1e6:.1f} MB"
