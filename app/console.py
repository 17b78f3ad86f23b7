"""What the command line writes to its terminal, whatever characters that has."""

from collections.abc import Sequence
from typing import TextIO

import msgspec

from app.telemetry.masking import Mask
from app.text import encodable, one_line


class Console:
    """Lines, tables, JSON and text as it streams, on one stream."""

    def __init__(self, stream: TextIO, mask: Mask | None = None) -> None:
        """With a `mask`, lines are written without their secrets: for what errors and libraries say."""
        self._stream = stream
        self._mask = mask
        self._in_line = False

    def masked(self, mask: Mask) -> "Console":
        """Return a console on the same stream that masks its lines."""
        return Console(self._stream, mask)

    def say(self, line: str) -> None:
        """Write a line, on a line of its own; what is no `\\n` and ends lines for some is written as its escape."""
        self.end_line()
        shown = line if self._mask is None else self._mask.text(line)
        self._put("\n".join(one_line(part) for part in f"{shown}\n".split("\n")))

    def write(self, text: str) -> None:
        """Write text as it comes, without a line break. Control characters but line breaks and tabs are dropped."""
        shown = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
        self._put(shown)
        if shown:
            self._in_line = not shown.endswith("\n")

    def _put(self, text: str) -> None:
        self._stream.write(encodable(text, self._stream.encoding or "utf-8"))
        self._stream.flush()

    def end_line(self) -> None:
        """Break the line if something stands in it."""
        if self._in_line:
            self._stream.write("\n")
            self._in_line = False

    def show_json(self, value: object) -> None:
        """Write `value` as one line of JSON."""
        self.say(msgspec.json.encode(value).decode())

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows under their heads, in columns as wide as their widest cell."""
        lines = [[one_line(cell) for cell in line] for line in (heads, *rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
        for line in lines:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
