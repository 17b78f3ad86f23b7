"""Reads one part's log in whole lines, also while it is written, moved away or emptied."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from app.text import one_line

BLOCK_BYTES = 1 << 16
LINE_BYTES = 1 << 20
"""A line that is longer is shown in pieces."""


class LogFile:
    """The log at `path`: first its last lines, then what is added."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self._file: BinaryIO | None = None
        self._begun = b""

    def last(self, count: int) -> list[str]:
        """Return the last whole lines, at most `count`; `new` goes on behind them. Once, at first."""
        self._open()
        if self._file is None:
            return []
        end = self._file.seek(0, os.SEEK_END)
        tail = b""
        while end > 0 and tail.count(b"\n") <= count:
            start = max(0, end - BLOCK_BYTES)
            self._file.seek(start)
            tail = self._file.read(end - start) + tail
            end = start
        self._file.seek(end + len(tail))
        whole, newline, self._begun = tail.rpartition(b"\n")
        lines = whole.split(b"\n") if newline else []
        return [_shown(line) for line in lines[max(0, len(lines) - count) :]]

    def rest(self) -> list[str]:
        """Return the line that was begun and has no end yet, if there is one."""
        begun, self._begun = self._begun, b""
        return [_shown(begun)] if begun else []

    def new(self) -> Iterator[str]:
        """Yield the whole lines that were added; a file that was moved away is read to its end before the next one."""
        if self._file is None:
            self._open()
        while self._file is not None:
            yield from self._added(self._file)
            if not self._is_replaced(self._file):
                return
            yield from self.rest()
            self.close()
            self._open()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        with suppress(FileNotFoundError):
            self._file = self._path.open("rb")

    def _added(self, file: BinaryIO) -> Iterator[str]:
        if os.fstat(file.fileno()).st_size < file.tell():  # it was emptied
            yield from self.rest()
            file.seek(0)
        while block := file.read(BLOCK_BYTES):
            *lines, self._begun = (self._begun + block).split(b"\n")
            yield from map(_shown, lines)
            if len(self._begun) > LINE_BYTES:
                yield from self.rest()

    def _is_replaced(self, file: BinaryIO) -> bool:
        """Say whether another file stands at the path; one that was only moved away may still be written."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return not os.path.samestat(there, os.fstat(file.fileno()))


def _shown(line: bytes) -> str:
    return one_line(line.decode(errors="replace"))
