"""A text that is read piece by piece: what one rule has read is blank for the next."""

import re
from collections.abc import Iterable

READ = "\0"
"""Stands in the place of what was read, so that every other place stays what it is."""


class Spans:
    """The words of a request; `left` is what no rule has read yet."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.left = text

    def take(self, start: int, end: int) -> None:
        """Blank a piece that was read."""
        self.left = f"{self.left[:start]}{READ * (end - start)}{self.left[end:]}"

    def take_match(self, found: re.Match[str]) -> re.Match[str]:
        """Blank what a pattern found, and return it."""
        self.take(*found.span())
        return found

    def find(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return and blank what a pattern finds first in what is left."""
        found = pattern.search(self.left)
        return None if found is None else self.take_match(found)


def words(pattern: str) -> re.Pattern[str]:
    """Return a pattern of whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{pattern})(?![\w])", re.IGNORECASE)


def either(options: Iterable[str]) -> str:
    """Return a group of options, the longest first."""
    return f"(?:{'|'.join(sorted(options, key=len, reverse=True))})"
