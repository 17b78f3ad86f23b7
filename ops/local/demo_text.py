"""Text for a terminal: wrapped while it streams, and nothing in it that a terminal obeys."""

import shutil
import textwrap
from collections.abc import Callable

WIDEST = 100


def columns() -> int:
    """Return how wide lines may be: the terminal's width, at most 100; 80 where there is no terminal."""
    return min(WIDEST, shutil.get_terminal_size().columns)


def printable(text: str) -> str:
    """Return `text` without control characters but line breaks; a tab becomes a space."""
    return "".join(letter for letter in text.replace("\t", " ") if letter.isprintable() or letter == "\n")


def paragraph(text: str, *, indent: str, width: int) -> list[str]:
    """Return `text` as lines of at most `width` columns; its own line breaks and runs of white space count as one."""
    flat = " ".join(printable(text).split())
    return textwrap.wrap(flat, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


class Wrapped:
    """Writes text as it comes, word by word, in lines of at most `width` columns."""

    def __init__(self, write: Callable[[str], None], *, indent: str, width: int) -> None:
        self._write = write
        self._indent = indent
        self._width = width
        self._word = ""
        self._column = 0

    def feed(self, text: str) -> None:
        """Write the words that `text` completes; a line break in it ends a line."""
        for letter in printable(text):
            if not letter.isspace():
                self._word += letter
                continue
            self._put_word()
            if letter == "\n":
                self.end()

    def end(self) -> None:
        """Write what is left and end the line."""
        self._put_word()
        self._write("\n")
        self._column = 0

    def _put_word(self) -> None:
        if not self._word:
            return
        if self._column and self._column + 1 + len(self._word) > self._width:
            self._write("\n")
            self._column = 0
        before = " " if self._column else self._indent
        self._write(before + self._word)
        self._column += len(before) + len(self._word)
        self._word = ""
